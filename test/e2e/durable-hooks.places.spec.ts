import { afterAll, afterEach, beforeAll, expect, it } from '@jest/globals';
import { HookExecutionConflictError } from 'nestjs-agentos/executor';
import { bullmq, type BullmqSettings } from 'nestjs-agentos/bullmq';
import type { HookBatch, HookExecutor, HookExecutorHost } from 'nestjs-agentos/executor';
import { createGate } from 'nestjs-agentos/testing';

import { LedgerExecutions } from '../../src/execution/hook.ledger.js';
import { ManagedHookExecutions } from '../../src/execution/managed-hook.executions.js';
import { TimeLimitedHookExecutor } from '../../src/execution/time-limited-hook.executor.js';
import { ExecutorStage } from '../../src/testing/contracts/executor.stage.js';
import { nextQueue, QUEUE_PLACES, STARTING_TIME, type QueuePlace } from '../support/queue-places.js';
import { describeWherePossible } from '../support/where-possible.js';

/** Hooks that nothing releases begin by themselves a second after the longer of releaseAfter and storeTimeout. */
const SOON = { storeTimeout: 2_000 };

for (const { name, isPossible, open } of QUEUE_PLACES)
  describeWherePossible(isPossible, `A background hook in ${name}`, `install ${name}`, () => {
    let place: QueuePlace;
    const running: HookExecutor[] = [];

    beforeAll(async () => {
      place = await open();
    }, STARTING_TIME);
    afterEach(async () => {
      for (const executor of running.splice(0)) await executor.stop(AbortSignal.abort());
    });
    afterAll(() => place.close());

    const create = (settings: BullmqSettings = {}): HookExecutor => {
      const executor = bullmq({ ...place.store, queue: nextQueue(), ...settings });
      running.push(executor);
      return executor;
    };

    /** An executor that has started, as in one process. */
    const start = async (
      settings: BullmqSettings = {},
      host: Partial<HookExecutorHost> = {},
    ): Promise<ExecutorStage> => {
      const stage = new ExecutorStage(create(settings));
      await stage.executor.start({ ...stage.host, ...host });
      return stage;
    };

    /** Another process on the same queue, which knows the same hooks. */
    const join = async (
      stage: ExecutorStage,
      settings: BullmqSettings,
      host: Partial<HookExecutorHost> = {},
    ): Promise<HookExecutor> => {
      const executor = create(settings);
      await executor.start({ ...stage.host, ...host });
      return executor;
    };

    it('whose response never closes begins by itself after releaseAfter, and gets no delivery', async () => {
      const stage = await start(SOON, { releaseAfter: 1 });
      const ran = createGate();
      const batch = stage.batch('run', {
        hook: ({ hook }) => {
          stage.steps.push(`delivered ${hook.delivered}`);
          ran.open();
        },
      });
      await stage.accept(batch);
      await ran.opened;
      await stage.executor.ended(batch);
      expect(stage.steps).toEqual(['delivered undefined']);
    });

    it('G20: a hook that a process has left is run by the next one, with its execution id and the next attempt', async () => {
      const queue = nextQueue();
      const deadline = new AbortController();
      const stage = await start({ queue });
      const seen: string[] = [];
      const batch = stage.batch('run', {
        done: stage.step('done'),
        interrupted: ({ hook }) => {
          seen.push(`${hook.executionId} ${hook.attempt}`);
          if (hook.attempt > 1) return undefined;
          deadline.abort();
          return new Promise(() => undefined);
        },
        next: stage.step('next'),
      });
      await stage.acceptAndRelease(batch);
      await stage.executor.stop(deadline.signal);
      expect(stage.steps).toEqual(['done']);
      await join(stage, { queue });
      const states = async (): Promise<unknown> => stage.recordedStates(batch);
      await until(async () => (await stage.executions.counts()).open === 0);
      expect([stage.steps, seen, await states()]).toEqual([
        ['done', 'next'],
        ['run:post:interrupted 1', 'run:post:interrupted 2'],
        { done: 'succeeded', interrupted: 'succeeded', next: 'succeeded' },
      ]);
    });

    it('that has failed is kept over a restart, is in the ledger of every process, and is retried by any of them', async () => {
      const queue = nextQueue();
      const stage = await start({ queue });
      let isDown = true;
      const batch = stage.batch('run', {
        failing: ({ hook }) => {
          stage.steps.push(`attempt ${hook.attempt}`);
          if (isDown) throw new RangeError('bad');
        },
        next: stage.step('next'),
      });
      await stage.acceptAndRelease(batch);
      await stage.executor.drain();
      await stage.executor.stop(AbortSignal.abort());
      const ledgerOf = (executor: HookExecutor): ManagedHookExecutions =>
        new ManagedHookExecutions({
          record: executor.executions(new LedgerExecutions(stage.ledger)),
          ledger: stage.ledger,
          executor,
        });
      const [one, other] = [ledgerOf(await join(stage, { queue })), ledgerOf(await join(stage, { queue }))];
      const id = 'run:post:failing';
      const before = await Promise.all([one, other].map((ledger) => ledger.list({ state: 'failed' })));
      isDown = false;
      await one.retry(id);
      await until(async () => (await other.counts()).open === 0);
      const after = await Promise.all([one, other].map((ledger) => ledger.list({ id })));
      expect([stage.steps, before, after]).toMatchObject([
        ['attempt 1', 'next', 'attempt 2'],
        [[{ id, errorName: 'RangeError', attempts: 1 }], [{ id, errorName: 'RangeError', attempts: 1 }]],
        [[{ state: 'succeeded', attempts: 2 }], [{ state: 'succeeded', attempts: 2 }]],
      ]);
      await expect(other.retry(id)).rejects.toThrow(HookExecutionConflictError);
    });

    it('with a key supersedes waiting hooks with this key, whichever process has stored them', async () => {
      const queue = nextQueue();
      const stage = await start({ queue });
      const other = await join(stage, { queue });
      const keyed = (id: string): ReturnType<typeof stage.batch> =>
        stage.batch(id, { sync: stage.step(id) }, {}, { key: () => 'session' });
      const told: string[] = [];
      stage.ledger.changes.subscribe(({ id, state, reason }) => {
        if (state === 'skipped') told.push(`${id} ${reason}`);
      });
      const batches = Array.from({ length: 10 }, (_, index) => keyed(String(index)));
      const [first = keyed('missing'), ...rest] = batches;
      await stage.accept(first);
      await Promise.all(rest.map(async (batch, index) => (index % 2 ? stage.executor : other).accept(batch)));
      const states = async (): Promise<string[]> =>
        (await stage.executions.list()).map(({ state, reason }) => `${state} ${reason ?? ''}`).sort();
      expect(await states()).toEqual(['scheduled ', ...Array<string>(9).fill('skipped superseded')]);
      for (const batch of batches)
        for (const executor of [stage.executor, other]) executor.release(batch, true);
      await until(async () => (await stage.executions.counts()).open === 0);
      expect([stage.steps.length, await states()]).toEqual([
        1,
        [...Array<string>(9).fill('skipped superseded'), 'succeeded '],
      ]);
      await until(() => told.length >= 9);
      const skipped = await stage.executions.list({ state: 'skipped' });
      expect(told.sort()).toEqual(skipped.map(({ id }) => `${id} superseded`).sort());
    });

    it('that ends in the store without being run is told of by the process that ends it, once', async () => {
      const stage = await start();
      const gate = createGate();
      const told: string[] = [];
      const subscription = stage.ledger.changes.subscribe(({ id, state, reason }) => {
        if (state === 'dropped') told.push(`${id} ${reason}`);
      });
      const nothing = (): void => undefined;
      const running = stage.batch('running', {
        slow: stage.recorded('slow', () => gate.opened),
        cancelled: nothing,
        deleted: nothing,
      });
      const open = stage.batch('open', { cancelled: nothing, deleted: nothing });
      await stage.acceptAndRelease(running);
      await stage.accept(open);
      await until(() => stage.steps.length > 0);
      for (const id of ['running', 'open']) await stage.executions.cancel(`${id}:post:cancelled`);
      await stage.executor.forget({ runIds: ['running', 'open'] });
      gate.open();
      stage.executor.release(open, true);
      await stage.executor.drain();
      subscription.unsubscribe();
      expect(told.sort()).toEqual([
        'open:post:cancelled cancelled',
        'open:post:deleted deleted',
        'running:post:cancelled cancelled',
        'running:post:deleted deleted',
      ]);
    });

    it('of a run that settles late waits for the earlier hooks of its tree', async () => {
      const stage = await start(SOON, { releaseAfter: 1 });
      const gate = createGate();
      const first = stage.batch('tree', { first: stage.recorded('first', () => gate.opened) });
      const late = stage.batch('late', { second: stage.step('second') }, { cannotWait: true });
      const nothing = (): void => undefined;
      const other = stage.batch('other', { one: nothing, two: nothing, three: nothing });
      await stage.acceptAndRelease(first);
      await until(() => stage.steps.length > 0);
      await stage.acceptAndRelease({ ...late, id: 'tree' });
      // The worker is given the hooks of this one after the late hook.
      await stage.acceptAndRelease(other);
      await stage.executor.ended(other);
      gate.open();
      await stage.executor.drain();
      expect(stage.steps).toEqual(['first starts', 'first ends', 'second']);
    });

    it('G17: the hooks of a run that settles while too many batches are stored run before its result is returned', async () => {
      const stage = await start({ maxStored: 1 });
      const gate = createGate();
      const first = stage.batch('first', { hook: stage.recorded('first', () => gate.opened) });
      await stage.acceptAndRelease(first);
      const isRunStored = createGate();
      const second = stage.batch('second', { hook: stage.recorded('second', () => isRunStored.opened) });
      await stage.executor.accept(second, () => {
        stage.steps.push('second is stored');
        isRunStored.open();
        return Promise.resolve(false);
      });
      expect([stage.steps.filter((step) => step.startsWith('second')), stage.statesOf(second)]).toEqual([
        ['second is stored', 'second starts', 'second ends'],
        { hook: 'succeeded' },
      ]);
      const later = stage.batch('later', { hook: stage.step('later') }, { cannotWait: true });
      await stage.accept(later);
      expect([await stage.recordedStates(later), stage.steps.includes('later')]).toEqual([
        ...[{ hook: 'scheduled' }, false],
      ]);
      stage.executor.release(later, true);
      gate.open();
      await stage.executor.drain();
    });

    it('that has run before its result was returned, and has failed, can be retried', async () => {
      const stage = await start({ maxStored: 1 });
      const gate = createGate();
      await stage.acceptAndRelease(stage.batch('first', { hook: () => gate.opened }));
      const batch = stage.batch('second', {
        hook: ({ hook }) => {
          stage.steps.push(`attempt ${hook.attempt}`);
          if (hook.attempt === 1) throw new Error('on purpose');
        },
      });
      await stage.acceptAndRelease(batch);
      expect(stage.statesOf(batch)).toEqual({ hook: 'failed' });
      await stage.executions.retry('second:post:hook');
      gate.open();
      await stage.executor.drain();
      expect([stage.steps, stage.statesOf(batch)]).toEqual([
        ['attempt 1', 'attempt 2'],
        { hook: 'succeeded' },
      ]);
    });

    it('is stored however short the storeTimeout of the module is, since the queue has its own', async () => {
      const stage = await start();
      const executor = new TimeLimitedHookExecutor(stage.executor, { timeout: 0, logger: stage.host.logger });
      const batch = stage.batch('run', { hook: stage.step('ran') });
      await executor.accept(batch);
      executor.release(batch, true);
      await executor.drain();
      expect(stage.steps).toEqual(['ran']);
    });

    it('fails loudly if its run cannot be stored, and the hooks of other runs are run', async () => {
      const stage = await start({ maxRunSize: 10_000 });
      const batch = stage.batch('run', { good: stage.step('good'), large: stage.step('large') });
      const [good, large] = batch.tasks;
      if (!good || !large) throw new Error('There are two tasks.');
      const tasks = [
        good,
        {
          ...large,
          snapshot: { text: 'x'.repeat(20_000) },
          execution: Object.assign(large.execution, { runId: 'other' }),
        },
      ];
      await stage.acceptAndRelease({ ...batch, tasks });
      await stage.executor.drain();
      expect([stage.steps, stage.failures.map(({ error }) => error.message)]).toEqual([
        ['good'],
        [expect.stringContaining('maxRunSize')],
      ]);
      expect(await stage.executions.list({ state: 'failed' })).toMatchObject([
        { hook: 'large', errorName: 'RunTooLargeError' },
      ]);
    });

    it('that a process does not know is left to others, and fails if none has come', async () => {
      const queue = nextQueue();
      const warnings: string[] = [];
      const logger = {
        error: (text: string) => warnings.push(text),
        warn: (text: string) => warnings.push(text),
      };
      const stage = await start({ queue, unknownAfter: 1 });
      await stage.executor.stop(AbortSignal.abort());
      const server = await start({ queue, unknownAfter: 1 }, { logger, rebuild: () => undefined });
      const batch = server.batch('run', { unknown: server.step('unknown') });
      await server.acceptAndRelease(batch);
      await server.executor.drain();
      expect([server.steps, await server.executions.list()]).toMatchObject([
        [],
        [{ hook: 'unknown', state: 'failed', errorName: 'HookNotFoundError', attempts: 1 }],
      ]);
      expect(warnings.join()).toContain('No worker knows the hook "unknown"');
    });

    it('that a process does not know goes to a worker that knows it, and the hooks after it wait for it', async () => {
      const queue = nextQueue();
      const warned = createGate();
      const logger = { error: () => undefined, warn: () => warned.open() };
      const older = await start({ queue }, { logger, rebuild: () => undefined });
      const batch = scheduledNow(
        older.batch('run', {
          unknown: ({ hook }) => void older.steps.push(`unknown, attempt ${hook.attempt}`),
          next: older.step('next'),
        }),
      );
      await older.acceptAndRelease(batch);
      await warned.opened;
      await older.executor.stop(AbortSignal.abort());
      await join(older, { queue });
      await until(async () => (await older.executions.counts()).open === 0);
      expect([older.steps, await older.recordedStates(batch)]).toEqual([
        ['unknown, attempt 1', 'next'],
        { unknown: 'succeeded', next: 'succeeded' },
      ]);
    });

    it('does not wait until all hooks of another run have ended, however many it has', async () => {
      const stage = await start({ concurrency: 1 });
      const names = Array.from({ length: 50 }, (_, index) => `many ${index + 1}`);
      const hasBegun = createGate();
      const areStored = createGate();
      const many = Object.fromEntries(names.map((name) => [name, stage.step(name)]));
      const first = async (): Promise<void> => {
        hasBegun.open();
        await areStored.opened;
      };
      const large = stage.batch('large', { first, ...many });
      const others = ['one', 'two', 'three'].map((id) =>
        stage.batch(id, { [`${id} 1`]: stage.step(`${id} 1`), [`${id} 2`]: stage.step(`${id} 2`) }),
      );
      await stage.acceptAndRelease(large);
      await hasBegun.opened;
      await stage.acceptAndRelease(...others);
      areStored.open();
      await Promise.all([large, ...others].map((batch) => stage.executor.ended(batch)));
      expect(stage.steps.filter((step) => step.startsWith('many'))).toEqual(names);
      const last = Math.max(
        ...stage.steps.flatMap((step, index) => (step.startsWith('many') ? [] : [index])),
      );
      // Six hooks of three other runs, and about as many rounds as one of these runs has hooks.
      expect(last).toBeLessThan(20);
    });

    it('is run with the context that the host has carried along', async () => {
      const contexts: string[] = [];
      const stage = await start(
        {},
        {
          carry: {
            capture: () => '{"tenant":"a"}',
            run: (captured, callback) => {
              contexts.push(captured ?? 'none');
              return callback();
            },
          },
        },
      );
      await stage.acceptAndRelease(stage.batch('run', { one: stage.step('one'), two: stage.step('two') }));
      await stage.executor.drain();
      expect([contexts, stage.steps]).toEqual([
        ['{"tenant":"a"}', '{"tenant":"a"}'],
        ['one', 'two'],
      ]);
    });

    it('is in the ledger of every process, by state, run and user', async () => {
      const stage = await start();
      const batch = stage.batch('run', {
        one: stage.step('one'),
        bad: () => Promise.reject(new Error('bad')),
      });
      await stage.acceptAndRelease(batch, stage.batch('other', { two: stage.step('two') }));
      await stage.executor.drain();
      const { executions } = stage;
      const hooks = async (filter: Parameters<typeof executions.list>[0]): Promise<string[]> =>
        (await executions.list(filter)).map(({ hook }) => hook).sort();
      expect(await Promise.all([hooks({}), hooks({ runId: 'run' }), hooks({ state: 'failed' })])).toEqual([
        ['bad', 'one', 'two'],
        ['bad', 'one'],
        ['bad'],
      ]);
      expect([
        await hooks({ userId: null }),
        await hooks({ userId: 'anna' }),
        await hooks({ hook: 'two' }),
      ]).toEqual([['bad', 'one', 'two'], [], ['two']]);
      expect(await executions.counts()).toMatchObject({ succeeded: 2, failed: 1, open: 0 });
      expect((await executions.totals()).failed).toBe(1);
    });

    it('is not accepted by a process whose shutdown may outlast its lock', async () => {
      await expect(start({ lockDuration: 5_000 }, { shutdownTimeout: 5_000 })).rejects.toThrow(
        /shutdownTimeout \(5000 ms\) must be shorter than lockDuration/,
      );
    });
  });

/** The same batch; executions of the harness are as old as the epoch. */
function scheduledNow(batch: HookBatch): HookBatch {
  const scheduledAt = Date.now();
  const tasks = batch.tasks.map((task) => ({ ...task, execution: { ...task.execution, scheduledAt } }));
  return { ...batch, tasks };
}

/** Waits for what another process or the store does: nothing here could tell of it. */
async function until(isTrue: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await isTrue())) await new Promise((resolve) => setTimeout(resolve, 20));
}
