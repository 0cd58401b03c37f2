import { configOfPart } from '../../jest.config.js';

/** The specs of the documents, their examples, and the sample application. */
export default configOfPart('docs');
