import { configOfPart } from '../../jest.config.js';

export default configOfPart('browser');
