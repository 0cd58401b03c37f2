import { AsyncLocalStorage } from 'node:async_hooks';

import { beforeEach, describe, expect, it } from '@jest/globals';
import type { HookBatch } from 'nestjs-agentos/executor';
import { hookExecutorContract } from 'nestjs-agentos/testing';

import { InProcessHookExecutor } from '../../../src/execution/in-process-hook.executor.js';
import { createGate } from '../../../src/testing/gate.js';
import { describeContract } from '../../support/contracts.js';
import { HookHarness, type TestHook } from '../../support/hook-harness.js';
import { someTurns } from '../../support/turns.js';

describeContract(
  'InProcessHookExecutor',
  hookExecutorContract(
    ({ concurrency }) =>
      new InProcessHookExecutor({ concurrency, maxPending: 1_000, onOverflow: () => undefined }),
    { canRetry: true, canLimit: true, canSupersede: true },
  ),
);

describe('InProcessHookExecutor', () => {
  let harness: HookHarness;
  let steps: string[];
  let overflows: string[];

  beforeEach(() => {
    harness = new HookHarness();
    steps = [];
    overflows = [];
  });

  function createExecutor(limits: { concurrency?: number; maxPending?: number } = {}): InProcessHookExecutor {
    const onOverflow = ({ id }: HookBatch): void => void overflows.push(id);
    return new InProcessHookExecutor({ concurrency: 10, maxPending: 10, onOverflow, ...limits });
  }

  function recordingBatch(id: string, options: Partial<HookBatch> = {}): HookBatch {
    return harness.batch(id, { hook: () => void steps.push(id) }, options);
  }

  it('accepts a batch without a promise while there is room', () => {
    expect(createExecutor().accept(recordingBatch('run'))).toBeUndefined();
  });

  it('starts batches in the order of their release', async () => {
    const executor = createExecutor({ concurrency: 1 });
    const batches = ['a', 'b', 'c', 'd'].map((id) => recordingBatch(id));
    for (const batch of batches) void executor.accept(batch);
    for (const index of [2, 0, 3, 1]) executor.release(batches[index] as HookBatch, true);
    await executor.drain();
    expect(steps).toEqual(['c', 'a', 'd', 'b']);
  });

  it('names a dropped hook once at its stop while the hook waits for its retry and its batch still runs', async () => {
    const executor = createExecutor();
    const started = createGate();
    const batch = harness.batch('run', {
      failing: () => {
        throw new Error('failed');
      },
      next: () => {
        started.open();
        return new Promise(() => undefined);
      },
    });
    void executor.accept(batch);
    executor.release(batch, true);
    await started.opened;
    const [failing] = batch.tasks;
    if (failing) await executor.retry(failing.execution);
    const dropped = await executor.stop(AbortSignal.abort());
    expect(dropped.map(({ execution: { hook } }) => hook)).toEqual(['failing', 'next']);
  });

  it('starts hooks in a turn of their own, after the release and its microtasks', async () => {
    const executor = createExecutor();
    const batch = recordingBatch('hook');
    void executor.accept(batch);
    executor.release(batch, true);
    steps.push('released');
    // What they start belongs to the same turn.
    queueMicrotask(() => queueMicrotask(() => steps.push('microtask')));
    process.nextTick(() => process.nextTick(() => steps.push('next tick')));
    await executor.drain();
    expect([steps[0], steps.slice(1, 3).sort(), steps[3]]).toEqual([
      'released',
      ['microtask', 'next tick'],
      'hook',
    ]);
  });

  it('starts executions that wait for the limits of their hook in the order of their arrival', async () => {
    const executor = createExecutor();
    const ids = ['a', 'b', 'c', 'd'];
    const recorded = async (id: string): Promise<void> => {
      steps.push(id);
      await someTurns();
      steps.push(`end ${id}`);
    };
    const batches = ids.map((id) => harness.batch(id, { hook: () => recorded(id) }, {}, { concurrency: 1 }));
    for (const batch of batches) void executor.accept(batch);
    for (const batch of batches) executor.release(batch, true);
    await executor.drain();
    expect(steps).toEqual(ids.flatMap((id) => [id, `end ${id}`]));
  });

  it('runs a hook that has waited for its limits in the asynchronous context of its run', async () => {
    const storage = new AsyncLocalStorage<string>();
    const executor = createExecutor({ concurrency: 1 });
    const hook = async (): Promise<void> => {
      steps.push(String(storage.getStore()));
      await someTurns();
    };
    for (const id of ['a', 'b'])
      storage.run(id, () => {
        const runInContext = AsyncLocalStorage.snapshot() as HookBatch['runInContext'];
        const batch = harness.batch(
          id,
          { hook },
          { runInContext },
          { concurrency: 1, rate: { max: 1, per: 1 } },
        );
        void executor.accept(batch);
        executor.release(batch, true);
      });
    await executor.drain();
    expect(steps).toEqual(['a', 'b']);
  });

  it('keeps the limits of a hook whose batch runs at once because too much is pending', async () => {
    const executor = createExecutor({ maxPending: 1 });
    const gate = createGate();
    const running = harness.batch('running', { hook: () => gate.opened }, {}, { concurrency: 1 });
    const over = harness.batch('over', { hook: () => void steps.push('over') }, {}, { concurrency: 1 });
    void executor.accept(running);
    executor.release(running, true);
    await someTurns();
    const accepting = executor.accept(over);
    await someTurns();
    expect([overflows, steps]).toEqual([['over'], []]);
    gate.open();
    await accepting;
    expect(steps).toEqual(['over']);
  });

  it('counts no start for a hook that was cancelled while it waited for its limits', async () => {
    const executor = createExecutor();
    const gate = createGate();
    const limits = { concurrency: 1, rate: { max: 2, per: 3_600_000 } };
    const hooks = { hook: () => gate.opened };
    const [running, cancelled, last] = ['running', 'cancelled', 'last'].map((id) => {
      const batch = harness.batch(id, hooks, {}, limits);
      void executor.accept(batch);
      executor.release(batch, true);
      return batch;
    });
    await someTurns();
    cancelled?.tasks[0]?.drop();
    gate.open();
    await executor.drain();
    expect([running, cancelled, last].map((batch) => batch && harness.statesOf(batch))).toEqual([
      { hook: 'succeeded' },
      { hook: 'dropped' },
      { hook: 'succeeded' },
    ]);
  });

  it('runs hooks in the asynchronous context of the run that they belong to', async () => {
    const storage = new AsyncLocalStorage<string>();
    const executor = createExecutor({ maxPending: 2 });
    const hooks = {
      first: async () => void steps.push(`first ${storage.getStore()}`),
      second: () => void steps.push(`second ${storage.getStore()}`),
    };
    const batches = ['one', 'two', 'over'].map((id) =>
      storage.run(id, () => harness.batch(id, hooks, { runInContext: AsyncLocalStorage.snapshot() })),
    );
    for (const batch of batches) await executor.accept(batch);
    storage.run('the response', () => batches.forEach((batch) => executor.release(batch, true)));
    await executor.drain();
    expect(steps).toEqual([
      ...['first over', 'second over'],
      ...['first one', 'first two', 'second one', 'second two'],
    ]);
  });

  describe('with more than maxPending batches', () => {
    it('G17: an executor over maxPending runs the hooks immediately and waits for them', async () => {
      const executor = createExecutor({ maxPending: 1 });
      const held = recordingBatch('held');
      const over = harness.batch('over', {
        slow: async () => {
          await someTurns();
          steps.push('slow');
        },
        quick: () => void steps.push('quick'),
      });
      await executor.accept(held);
      await executor.accept(over);
      steps.push('accepted');
      executor.release(over, true);
      executor.release(held, true);
      await executor.drain();
      expect([steps, overflows]).toEqual([['slow', 'quick', 'accepted', 'held'], ['over']]);
    });

    it('gives hooks no delivery, since no response has been sent', async () => {
      const executor = createExecutor({ maxPending: 1 });
      const hook: TestHook = (context) => void steps.push(String('delivered' in context.hook));
      await executor.accept(recordingBatch('held'));
      await executor.accept(harness.batch('over', { hook }));
      expect(steps).toEqual(['false']);
    });

    it('counts batches that are accepted, ready and running, until they end', async () => {
      const gate = createGate();
      const executor = createExecutor({ maxPending: 3, concurrency: 1 });
      const running = harness.batch('running', { hook: () => gate.opened });
      const ready = recordingBatch('ready');
      const accepted = recordingBatch('accepted');
      for (const batch of [running, ready, accepted]) await executor.accept(batch);
      for (const batch of [running, ready]) executor.release(batch, true);
      await someTurns();
      await executor.accept(recordingBatch('over'));
      gate.open();
      await executor.drain((batch) => batch === accepted);
      await executor.accept(recordingBatch('after'));
      expect([steps, overflows]).toEqual([['over', 'ready'], ['over']]);
    });

    it('accepts batches that were started inside a hook, which would otherwise wait for itself', async () => {
      const executor = createExecutor({ maxPending: 1 });
      const inner = recordingBatch('inner', { cannotWait: true });
      const outer = harness.batch('outer', {
        hook: async () => {
          await executor.accept(inner);
          steps.push('outer');
        },
      });
      await executor.accept(outer);
      executor.release(outer, true);
      await executor.drain((batch) => batch === inner);
      executor.release(inner, true);
      await executor.drain();
      expect([steps, overflows]).toEqual([['outer', 'inner'], []]);
    });

    it('G19: an executor drops the hooks at shutdown that it could not run in time', async () => {
      const executor = createExecutor({ maxPending: 1 });
      const deadline = new AbortController();
      const over = harness.batch('over', {
        hanging: () => {
          deadline.abort();
          return new Promise(() => undefined);
        },
        next: () => void steps.push('next'),
      });
      await executor.accept(recordingBatch('held'));
      void executor.accept(over);
      const dropped = await executor.stop(deadline.signal);
      expect(dropped.map(({ execution }) => execution.id)).toEqual([
        'held:post:hook',
        'over:post:hanging',
        'over:post:next',
      ]);
      expect([steps, harness.statesOf(over)]).toEqual([[], { hanging: 'dropped', next: 'dropped' }]);
    });
  });
});
