import { configOfPart } from '../../jest.config.js';

/** The specs that measure processor time and memory have the machine for themselves, one after another. */
export default { ...configOfPart('cost'), maxWorkers: 1 };
