import { HookHarness as Harness } from '../../src/testing/contracts/hook.harness.js';
import { RecordingLogger } from './recording-logger.js';

export {
  bindTestHook,
  createTestContext,
  type TestDecoration,
  type TestHook,
  type TestHookOptions,
} from '../../src/testing/contracts/hook.harness.js';

/** The harness of the executor contract, with a record of what was logged. */
export class HookHarness extends Harness<RecordingLogger> {
  constructor() {
    super(new RecordingLogger());
  }
}
