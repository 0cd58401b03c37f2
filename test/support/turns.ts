export { someTurns } from '../../src/testing/contracts/hook.harness.js';
