export { raise } from '../../src/testing/contracts/hook.harness.js';
