import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { HookBatch, HookExecutor } from 'nestjs-agentos';

import { ExecutorStage } from '../support/executor-stage.js';
import { createGate } from '../support/gate.js';
import type { TestHook } from '../support/hook-harness.js';
import { raise } from '../support/raise.js';
import { someTurns } from '../support/turns.js';

/** What the contract varies. */
export interface HookExecutorLimits {
  /** Batches that proceed at once. */
  readonly concurrency: number;
}

export type CreateHookExecutor = (limits: HookExecutorLimits) => HookExecutor | Promise<HookExecutor>;

/** What every {@link HookExecutor} promises, whatever it keeps its batches in. */
export function describeHookExecutorContract(name: string, createExecutor: CreateHookExecutor): void {
  describe(`${name} keeps the contract of hook executors:`, () => {
    let stage: ExecutorStage;

    beforeEach(async () => {
      stage = await new ExecutorStage(await createExecutor({ concurrency: 10 })).start();
    });

    afterEach(tearDown);

    async function tearDown(): Promise<void> {
      await stage.executor.stop(AbortSignal.abort());
    }

    async function useConcurrency(concurrency: number): Promise<void> {
      await tearDown();
      stage = await new ExecutorStage(await createExecutor({ concurrency })).start();
    }

    it('starts a batch only after its release', async () => {
      const held = stage.batch('held', { hook: stage.step('held') });
      const other = stage.batch('other', { hook: stage.step('other') });
      await stage.accept(held, other);
      stage.executor.release(other, true);
      await stage.executor.drain((batch) => batch === held);
      stage.steps.push('release of held');
      stage.executor.release(held, true);
      await stage.executor.drain();
      expect(stage.steps).toEqual(['other', 'release of held', 'held']);
    });

    it('runs the hooks of a batch one after another, in order', async () => {
      const hooks = ['first', 'second', 'third'].map((hook) => [hook, stage.recorded(hook)]);
      await stage.acceptAndRelease(stage.batch('run', Object.fromEntries(hooks)));
      await stage.executor.drain();
      expect(stage.steps).toEqual([
        ...['first starts', 'first ends'],
        ...['second starts', 'second ends'],
        ...['third starts', 'third ends'],
      ]);
    });

    it('runs batches side by side', async () => {
      const gate = createGate();
      await stage.acceptAndRelease(
        stage.batch('one', { waiting: stage.recorded('waiting', () => gate.opened) }),
        stage.batch('two', { opening: stage.recorded('opening', async () => gate.open()) }),
      );
      await stage.executor.drain();
      expect(stage.steps.sort()).toEqual([
        'opening ends',
        'opening starts',
        'waiting ends',
        'waiting starts',
      ]);
    });

    it('runs no more batches at once than its concurrency', async () => {
      await useConcurrency(2);
      let running = 0;
      let most = 0;
      const hook = async (): Promise<void> => {
        most = Math.max(most, ++running);
        await someTurns();
        running -= 1;
      };
      await stage.acceptAndRelease(
        ...['a', 'b', 'c', 'd', 'e'].map((id) => stage.batch(id, { hook, again: hook })),
      );
      await stage.executor.drain();
      expect([most, running, stage.ledger.counts.succeeded]).toEqual([2, 0, 10]);
    });

    it('runs every hook exactly once, however often its batch is released', async () => {
      const batch = stage.batch('run', {
        first: () => {
          stage.steps.push('first');
          stage.executor.release(batch, true);
        },
        second: stage.step('second'),
      });
      await stage.acceptAndRelease(batch);
      stage.executor.release(batch, true);
      await stage.executor.drain();
      stage.executor.release(batch, true);
      await stage.acceptAndRelease(stage.batch('later', { hook: stage.step('later') }));
      await stage.executor.drain();
      expect(stage.steps).toEqual(['first', 'second', 'later']);
    });

    it('does nothing when a batch that it does not hold is released', async () => {
      const unknown = stage.batch('unknown', { hook: stage.step('unknown') });
      stage.executor.release(unknown, true);
      await stage.acceptAndRelease(stage.batch('known', { hook: stage.step('known') }));
      await stage.executor.drain();
      expect([stage.steps, stage.statesOf(unknown)]).toEqual([['known'], { hook: 'scheduled' }]);
    });

    it('stops neither the next hook nor the next batch when hooks fail', async () => {
      await useConcurrency(1);
      const bad = stage.batch('bad', {
        throwing: () => raise(new Error('thrown')),
        'throwing undefined': () => raise(undefined),
        rejecting: () => Promise.reject(new Error('rejected')),
        'rejecting null': () => Promise.reject(null),
        'a broken thenable': () => ({ then: () => raise(new Error('then')) }),
        nonsense: () => Symbol('nonsense'),
        'never settling': () => new Promise(() => undefined),
        good: stage.step('good'),
      });
      const next = stage.batch('next', { hook: stage.step('next') });
      await stage.acceptAndRelease(bad, next);
      await stage.executor.drain();
      expect([stage.steps, stage.statesOf(bad)]).toEqual([
        ['good', 'next'],
        {
          throwing: 'failed',
          'throwing undefined': 'failed',
          rejecting: 'failed',
          'rejecting null': 'failed',
          'a broken thenable': 'failed',
          nonsense: 'succeeded',
          'never settling': 'timed_out',
          good: 'succeeded',
        },
      ]);
    });

    it('tells hooks whether the response was delivered', async () => {
      const seen: unknown[] = [];
      const hook: TestHook = (context) => void seen.push([context.runContext.runId, context.hook.delivered]);
      const batches = ['sent', 'lost', 'none'].map((id) => stage.batch(id, { hook }));
      await stage.accept(...batches);
      for (const [index, delivered] of [true, false, undefined].entries())
        stage.executor.release(batches[index] as HookBatch, delivered);
      await stage.executor.drain();
      expect(seen.sort()).toEqual([
        ['lost', false],
        ['none', undefined],
        ['sent', true],
      ]);
    });

    describe('ended()', () => {
      it('resolves when the hooks of the batch have ended, whatever else is held', async () => {
        const held = stage.batch('held', { hook: stage.step('held') });
        const batch = stage.batch('run', {
          first: stage.recorded('first'),
          second: stage.recorded('second'),
        });
        await stage.accept(held, batch);
        const ended = stage.executor.ended(batch).then(stage.step('ended'));
        stage.executor.release(batch, true);
        await ended;
        expect([stage.steps, stage.statesOf(held)]).toEqual([
          ['first starts', 'first ends', 'second starts', 'second ends', 'ended'],
          { hook: 'scheduled' },
        ]);
      });

      it('resolves at once for a batch that is not held, or has ended', async () => {
        const batch = stage.batch('run', { hook: stage.step('hook') });
        await expect(stage.executor.ended(batch)).resolves.toBeUndefined();
        await stage.acceptAndRelease(batch);
        await stage.executor.ended(batch);
        await expect(stage.executor.ended(batch)).resolves.toBeUndefined();
      });

      it('resolves when the batch was dropped', async () => {
        const batch = stage.batch('run', { hook: stage.step('hook') });
        await stage.accept(batch);
        const ended = stage.executor.ended(batch);
        await stage.executor.stop(AbortSignal.abort());
        await expect(ended).resolves.toBeUndefined();
      });
    });

    describe('drain()', () => {
      it('resolves when there is nothing to wait for', async () => {
        await expect(stage.executor.drain()).resolves.toBeUndefined();
      });

      it('waits for batches that run, wait, or are not released yet', async () => {
        await useConcurrency(1);
        const running = stage.batch('running', { hook: stage.recorded('running') });
        const waiting = stage.batch('waiting', { hook: stage.recorded('waiting') });
        const accepted = stage.batch('accepted', { hook: stage.recorded('accepted') });
        await stage.acceptAndRelease(running, waiting);
        await stage.accept(accepted);
        const drained = stage.executor.drain().then(stage.step('drained'));
        stage.executor.release(accepted, true);
        await drained;
        expect(stage.steps).toEqual([
          ...['running starts', 'running ends', 'waiting starts', 'waiting ends'],
          ...['accepted starts', 'accepted ends', 'drained'],
        ]);
      });

      it('does not wait for excluded batches, nor for those that come later', async () => {
        const excluded = stage.batch('excluded', { hook: stage.step('excluded') });
        const counted = stage.batch('counted', { hook: stage.recorded('counted') });
        await stage.acceptAndRelease(counted);
        await stage.accept(excluded);
        const drained = stage.executor.drain((batch) => batch === excluded);
        const later = stage.batch('later', { hook: stage.step('later') });
        await stage.accept(later);
        await drained;
        expect([stage.steps, stage.statesOf(excluded), stage.statesOf(later)]).toEqual([
          ['counted starts', 'counted ends'],
          { hook: 'scheduled' },
          { hook: 'scheduled' },
        ]);
      });
    });

    describe('stop()', () => {
      it('releases all that is held as undelivered, waits for it, and returns nothing', async () => {
        await useConcurrency(1);
        const hook: TestHook = async (context) => {
          await someTurns();
          stage.steps.push(`${context.runContext.runId} ${context.hook.delivered}`);
        };
        const released = stage.batch('released', { hook });
        const accepted = stage.batch('accepted', { hook });
        await stage.acceptAndRelease(released);
        await stage.accept(accepted);
        const dropped = await stage.executor.stop(new AbortController().signal);
        expect([stage.steps, dropped]).toEqual([['released true', 'accepted false'], []]);
      });

      it('takes and runs what hooks add meanwhile', async () => {
        const inner = stage.batch('inner', { hook: stage.step('inner') }, { cannotWait: true });
        const outer = stage.batch('outer', {
          hook: async () => {
            await stage.accept(inner);
            stage.steps.push('outer');
          },
        });
        await stage.acceptAndRelease(outer);
        const dropped = await stage.executor.stop(new AbortController().signal);
        expect([stage.steps, dropped]).toEqual([['outer', 'inner'], []]);
      });

      it('drops what it could not run in time, aborts what still runs, and returns both', async () => {
        await useConcurrency(1);
        const deadline = new AbortController();
        const hanging: TestHook = ({ signal }) => {
          signal.addEventListener('abort', stage.step('aborted'));
          deadline.abort();
          return new Promise(() => undefined);
        };
        const running = stage.batch('running', {
          done: stage.step('done'),
          hanging,
          next: stage.step('next'),
        });
        const waiting = stage.batch('waiting', { hook: stage.step('waiting') });
        const accepted = stage.batch('accepted', { hook: stage.step('accepted') });
        await stage.acceptAndRelease(running, waiting);
        await stage.accept(accepted);
        const dropped = await stage.executor.stop(deadline.signal);
        expect(dropped.map(({ execution }) => execution.id)).toEqual([
          ...['running:post:hanging', 'running:post:next', 'waiting:post:hook', 'accepted:post:hook'],
        ]);
        expect([stage.steps, stage.statesOf(running)]).toEqual([
          ['done', 'aborted'],
          { done: 'succeeded', hanging: 'dropped', next: 'dropped' },
        ]);
      });

      it('keeps the verdict on a hook that ends after it was dropped', async () => {
        const gate = createGate();
        const deadline = new AbortController();
        const late = stage.batch('run', {
          late: async () => {
            deadline.abort();
            await gate.opened;
          },
          next: stage.step('next'),
        });
        await stage.acceptAndRelease(late);
        await stage.executor.stop(deadline.signal);
        gate.open();
        await someTurns();
        expect([stage.steps, stage.statesOf(late)]).toEqual([[], { late: 'dropped', next: 'dropped' }]);
      });

      it('ends a drain() that waits for what it drops', async () => {
        await useConcurrency(1);
        const deadline = new AbortController();
        const hanging = (): Promise<void> => {
          deadline.abort();
          return new Promise(() => undefined);
        };
        await stage.acceptAndRelease(
          stage.batch('running', { hanging }),
          stage.batch('waiting', { hanging }),
        );
        const drained = stage.executor.drain().then(stage.step('drained'));
        await stage.executor.stop(deadline.signal);
        await drained;
        await stage.executor.drain();
        expect(stage.steps).toEqual(['drained']);
      });

      it('takes nothing more: what comes later is dropped', async () => {
        await stage.executor.stop(new AbortController().signal);
        const late = stage.batch('late', { first: stage.step('first'), second: stage.step('second') });
        await stage.acceptAndRelease(late);
        await stage.executor.drain();
        expect([stage.steps, stage.statesOf(late)]).toEqual([[], { first: 'dropped', second: 'dropped' }]);
      });
    });

    it('G19: every accepted hook ends exactly once, whatever happens', async () => {
      await useConcurrency(2);
      const ends = new Map<string, number>();
      stage.ledger.changes.subscribe(({ id, endedAt }) => {
        if (endedAt !== undefined) ends.set(id, (ends.get(id) ?? 0) + 1);
      });
      const deadline = new AbortController();
      const hooks: Record<string, TestHook> = {
        good: someTurns,
        bad: () => raise(new Error('bad')),
        'never settling': () => new Promise(() => undefined),
        last: ({ runContext }) => runContext.runId === '3' && deadline.abort(),
      };
      const batches = Array.from({ length: 10 }, (_, index) => stage.batch(String(index), hooks));
      await stage.accept(...batches);
      for (const batch of batches.slice(0, 8)) stage.executor.release(batch, true);
      await stage.executor.stop(deadline.signal);
      await stage.acceptAndRelease(stage.batch('late', hooks));
      expect([ends.size, new Set(ends.values()), stage.ledger.openCount]).toEqual([44, new Set([1]), 0]);
    });
  });
}
