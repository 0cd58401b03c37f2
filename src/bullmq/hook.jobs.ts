import type { FlowJob } from 'bullmq';

import type { HookExecution, HookIdentity } from '../execution/hook-execution.js';
import type { HookTask } from '../execution/hook.executor.js';
import type { RetriedExecution } from './queue.store.js';
import { versionOf, type JobData } from './stored.batch.js';

/** Where the jobs of a batch are added. */
export interface JobPlace {
  readonly queue: string;
  readonly batchId: string;
  /** Milliseconds after which the first job runs although nothing has released it. */
  readonly releaseAfter: number;
  /** Earlier batches of the same tree run first. */
  readonly isLater: boolean;
  /** A codec has encoded the data of its runs. */
  readonly isEncoded: boolean;
}

function identityOf({ component: { kind, id }, position, phase, hook }: HookExecution): HookIdentity {
  return { component: { kind, id }, position, phase, hook };
}

/** The id of the job of a hook, by its place among the hooks of its batch that wait. */
export function jobIdOf(batchId: string, index: number): string {
  return `${batchId}-${index}`;
}

/**
 * The flow of a batch: one job for each hook. The last hook is the root, the first one its deepest child, so a hook
 * becomes runnable when the one before it has ended, in whatever way.
 *
 * @param tasks - at least one
 */
export function toFlow(
  tasks: readonly HookTask[],
  { queue, batchId, releaseAfter, isLater, isEncoded }: JobPlace,
): FlowJob {
  const jobs = tasks.map(({ execution, origin, traceparent }, index): FlowJob => {
    const data: JobData = {
      version: versionOf({ isEncoded, isRetry: false }),
      batch: batchId,
      execution: execution.id,
      run: execution.runId,
      origin,
      ...(traceparent === undefined ? {} : { traceparent }),
      isLater: isLater && index === 0,
      hook: identityOf(execution),
    };
    return {
      name: execution.hook,
      queueName: queue,
      data,
      opts: {
        jobId: jobIdOf(batchId, index),
        // Without a priority released jobs go before all others in Redis, and behind them in PostgreSQL.
        priority: 1,
        ignoreDependencyOnFailure: true,
        ...(index === 0 ? { delay: releaseAfter } : {}),
      },
    };
  });
  return jobs.reduce((child, job) => ({ ...job, children: [child] }));
}

/** The job that retries a hook, outside the order of its batch. It runs by itself after `releaseAfter`. */
export function toRetryJob(
  execution: HookExecution,
  { batch, origin, fence, jobId }: RetriedExecution,
  { queue, releaseAfter, isEncoded }: Pick<JobPlace, 'queue' | 'releaseAfter' | 'isEncoded'>,
): FlowJob {
  const { id, hook, runId } = execution;
  const data: JobData = {
    version: versionOf({ isEncoded, isRetry: true }),
    batch,
    execution: id,
    run: runId,
    origin,
    isLater: false,
    hook: identityOf(execution),
    retryOf: fence,
  };
  return {
    name: hook,
    queueName: queue,
    data,
    opts: { jobId, priority: 1, delay: releaseAfter },
  };
}
