import base from '../../jest.config.js';

/**
 * The specs that measure processor time have the machine for themselves: `npm run test:cost`. The modules of other specs
 * in the same process would change what the garbage collector costs, so there is one worker for each.
 */
export default { ...base, rootDir: '../..', roots: ['<rootDir>/test/cost'], testPathIgnorePatterns: [] };
