import { hookExecutorContract } from 'nestjs-agentos/testing';

import { describeContract } from '../../support/contracts.js';
import { JsonHookExecutor } from '../../support/json-hook.executor.js';

describeContract(
  'An executor that stores JSON and rebuilds every task',
  hookExecutorContract(({ concurrency }) => new JsonHookExecutor({ concurrency }), { canLimit: true }),
);
