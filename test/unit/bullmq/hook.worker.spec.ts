import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { Job } from 'bullmq';

import { HookWorker } from '../../../src/bullmq/hook.worker.js';
import type { Claim, ClaimRequest, QueueStore } from '../../../src/bullmq/queue.store.js';
import type { LostExecutions } from '../../../src/bullmq/lost.executions.js';
import type { StoredSnapshots } from '../../../src/bullmq/stored.snapshots.js';
import type { HookExecutorHost, HookTask } from '../../../src/execution/hook.executor.js';
import { HookHarness, type TestHookOptions } from '../../support/hook-harness.js';

class DelayedError extends Error {}
class WaitingError extends Error {}
class UnrecoverableError extends Error {}

describe('A worker of hooks', () => {
  let harness: HookHarness;
  let steps: string[];
  /** The answers of the store to the next claims; afterwards it is claimed. */
  let answers: Claim[];
  let asked: (ClaimRequest | undefined)[];
  let task: HookTask;
  /** Reads the data of a run. */
  let read: () => Promise<unknown>;
  /** The data of the run is in the process already. */
  let hasData: boolean;
  /** Finds the hook of a job; that of the harness if undefined. */
  let rebuild: HookExecutorHost['rebuild'] | undefined;

  afterEach(() => void jest.restoreAllMocks());
  beforeEach(() => {
    read = () => Promise.resolve({});
    hasData = true;
    rebuild = undefined;
    harness = new HookHarness();
    steps = [];
    answers = [];
    asked = [];
  });

  function createWorker(options: TestHookOptions): HookWorker {
    task = harness.task(() => void steps.push('hook'), { name: 'post', ...options });
    const store: Partial<QueueStore> = {
      claim: (_claimed, _startedAt, request) => {
        asked.push(request);
        const execution = { ...task.execution, scheduledAt: Date.now(), attempts: 1 };
        return Promise.resolve(answers.shift() ?? { kind: 'claimed', execution, batch: {} });
      },
      unclaim: () => {
        steps.push('unclaimed');
        return Promise.resolve();
      },
      end: () => Promise.resolve({ isRecorded: true }),
      waiting: () => Promise.resolve(['runs already', 'waits', 'later']),
    };
    return new HookWorker({
      host: { ...harness.host, ...(rebuild ? { rebuild } : {}) },
      store: store as QueueStore,
      snapshots: { has: () => hasData, get: () => read() } as unknown as StoredSnapshots,
      lost: {} as LostExecutions,
      errors: { DelayedError, WaitingError, UnrecoverableError },
      lockDuration: 30_000,
      unknownAfter: 3_600_000,
      logger: harness.log,
      promote: (jobId) => {
        steps.push(`promote ${jobId}`);
        return Promise.resolve(jobId !== 'runs already');
      },
      onBatchEnded: () => undefined,
    });
  }

  function jobOf({ execution: { id, runId, component, position, phase, hook }, origin }: HookTask): Job {
    const data = { version: 1, batch: runId, execution: id, run: runId, origin, isLater: false };
    const job = {
      id: 'job',
      name: hook,
      attemptsStarted: 1,
      data: {
        ...data,
        hook: { component: { kind: component.kind, id: component.id }, position, phase, hook },
      },
      moveToDelayed: (at: number) => {
        steps.push(`delayed for ${Math.round((at - Date.now()) / 1_000)} s`);
        return Promise.resolve();
      },
    };
    return job as unknown as Job;
  }

  it('promotes the next waiting delayed job when a hook has ended', async () => {
    const worker = createWorker({ concurrency: 2 });
    expect(await worker.process(jobOf(task), 'token')).toBe('succeeded');
    expect([steps, asked]).toEqual([
      ['hook', 'promote runs already', 'promote waits'],
      [{ limits: { hook: 'function post', concurrency: 2 }, jobId: 'job' }],
    ]);
  });

  it('hands a job back for as long as the limits say, without a call of the hook', async () => {
    const worker = createWorker({ rate: { max: 1, per: 60_000 } });
    answers = [{ kind: 'limited', wait: 45_000 }];
    await expect(worker.process(jobOf(task), 'token')).rejects.toThrow(DelayedError);
    expect(steps).toEqual(['delayed for 45 s']);
  });

  it('reads no limits, and promotes no job, for a hook without limits', async () => {
    const worker = createWorker({});
    await worker.process(jobOf(task), 'token');
    expect([steps, asked]).toEqual([['hook'], [{ jobId: 'job' }]]);
  });

  it('asks for the data of the run with the first claim, unless the data is in the process', async () => {
    const worker = createWorker({});
    hasData = false;
    await worker.process(jobOf(task), 'token');
    await expect(
      worker.process({ ...jobOf(task), attemptsStarted: 2 } as Job, 'token'),
    ).resolves.toBeDefined();
    expect(asked).toEqual([{ jobId: 'job', snapshotOf: task.execution.runId }, { jobId: 'job' }]);
  });

  it('leaves a hook that its process does not know to others, for longer each time, up to a minute', async () => {
    rebuild = () => undefined;
    const worker = createWorker({});
    for (const attemptsStarted of [1, 2, 3, 6, 7, 50]) {
      const job = { ...jobOf(task), attemptsStarted } as Job;
      await expect(worker.process(job, 'token')).rejects.toThrow(DelayedError);
    }
    const pauses = [1, 2, 4, 32, 60, 60];
    expect(steps).toEqual(pauses.flatMap((seconds) => ['unclaimed', `delayed for ${seconds} s`]));
    const warning =
      'Hook "post" of agent "support" (run run) is not known in this process; it is left to other workers.';
    expect(harness.log.messages('warn')).toEqual(
      pauses.map(() => `${warning} All workers need the same module.`),
    );
  });

  it('does not call a hook whose lock may have expired while the data of its run were read', async () => {
    const worker = createWorker({});
    read = () => {
      const time = performance.now();
      jest.spyOn(performance, 'now').mockImplementation(() => time + 30_001);
      return Promise.resolve({});
    };
    await expect(worker.process(jobOf(task), 'token')).rejects.toThrow(WaitingError);
    expect(steps).toEqual(['unclaimed']);
  });
});
