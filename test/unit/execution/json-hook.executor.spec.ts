import { describeHookExecutorContract } from '../../contracts/hook-executor.contract.js';
import { JsonHookExecutor } from '../../support/json-hook.executor.js';

describeHookExecutorContract(
  'An executor that stores JSON and rebuilds every task',
  ({ concurrency }) => new JsonHookExecutor({ concurrency }),
);
