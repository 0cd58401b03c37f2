import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import type { PGlite } from '@electric-sql/pglite';
import * as bullmqPackage from 'bullmq';
import type { Job, Worker } from 'bullmq';
import { drizzle } from 'drizzle-orm/pglite';
import type { Redis } from 'ioredis';
import { bullmq, type BullmqOptions } from 'nestjs-agentos/bullmq';
import { createGate } from 'nestjs-agentos/testing';
import type { Pool } from 'pg';

import { LostExecutions } from '../../src/bullmq/lost.executions.js';
import { PayloadTexts } from '../../src/bullmq/payload.codec.js';
import { StoredSnapshots } from '../../src/bullmq/stored.snapshots.js';
import { toFlow, toRetryJob } from '../../src/bullmq/hook.jobs.js';
import type { QueueConnection } from '../../src/bullmq/queue.connection.js';
import { openRedisQueue } from '../../src/bullmq/redis.connection.js';
import { openFolderQueue, openPoolQueue } from '../../src/bullmq/sql.connection.js';
import {
  decodeSnapshot,
  encodeSnapshot,
  PayloadVersionError,
  readJobData,
} from '../../src/bullmq/stored.batch.js';
import {
  RETRY_FENCES,
  type Fence,
  type NewBatch,
  type QueueStore,
  type RetriedExecution,
} from '../../src/bullmq/queue.store.js';
import type { HookExecution } from '../../src/execution/hook-execution.js';
import { totalsOf } from '../../src/execution/hook.totals.js';

import { ExecutorStage } from '../../src/testing/contracts/executor.stage.js';
import { createExecution } from '../../src/testing/contracts/hook.harness.js';
import { createPglite } from '../support/pglite.js';
import { JsonHookExecutor } from '../support/json-hook.executor.js';
import { nextQueue, QUEUE_PLACES, STARTING_TIME, type QueuePlace } from '../support/queue-places.js';
import { rawTextOf } from '../support/raw-store.js';
import { RecordingLogger } from '../support/recording-logger.js';
import { describeWherePossible } from '../support/where-possible.js';

function openQueue(
  { store }: QueuePlace,
  queue: string,
  bullmqOfPlace = bullmqPackage,
): Promise<QueueConnection> {
  const { folder, pool, connection } = store;
  if (folder !== undefined) return openFolderQueue(bullmqOfPlace, folder, queue);
  if (pool !== undefined) return openPoolQueue(bullmqOfPlace, pool, queue);
  return openRedisQueue(bullmqOfPlace, connection, queue, new RecordingLogger());
}

function batchOf(id: string, data: unknown = {}): NewBatch {
  const { snapshot, files } = encodeSnapshot(data);
  const scheduledAt = Date.now();
  const executions = ['one', 'two'].map((hook) => createExecution({ runId: id, hook, scheduledAt }));
  const origins = new Map([[id, { sessionId: 'session', isWithdrawn: false }]]);
  return {
    ...{ id, tree: id, executions, keys: new Map(), jobs: new Map(), origins },
    ...{ snapshots: new Map([[id, snapshot]]), files },
  };
}

const noJobs = (): Promise<void> => Promise.resolve();

/** The client of a place in a database. */
function sqlClientOf({ store }: QueuePlace): { query(text: string): Promise<unknown> } | undefined {
  if (store.pool !== undefined) return store.pool as unknown as Pool;
  if (store.folder === undefined) return undefined;
  return (store.folder as unknown as { readonly database: { readonly $client: PGlite } }).database.$client;
}

/** Writes text that is no JSON in the place of the data of a run. */
async function damage(place: QueuePlace, queue: string, id: string): Promise<void> {
  const client = sqlClientOf(place);
  if (client) {
    await client.query(`UPDATE agent_os_hook_snapshots SET json = '{"secret' WHERE batch = '${id}'`);
    return;
  }
  await (place.store.connection as Redis).hset(`agent-os:${queue}:batch:${id}`, `run:${id}`, '{"secret');
}

function lostExecutionsOf(store: QueueStore): LostExecutions {
  return new LostExecutions({
    store,
    logger: new RecordingLogger(),
    tell: () => undefined,
    onBatchEnded: () => undefined,
  });
}

for (const { name, isPossible, open } of QUEUE_PLACES)
  describeWherePossible(isPossible, `The store of hooks in ${name}`, `install ${name}`, () => {
    const queue = nextQueue();
    let place: QueuePlace;
    let store: QueueStore;

    beforeAll(async () => {
      place = await open();
      ({ store } = await openQueue(place, queue));
    }, STARTING_TIME);
    afterAll(() => place.close());

    it('lets a worker neither start a hook nor record a result after another one has taken it over', async () => {
      await store.add(batchOf('taken'), noJobs);
      const executionId = 'taken:post:one';
      const stale = { executionId, fence: 1 };
      const current = { executionId, fence: 2 };
      const ended = createExecution({ runId: 'taken', hook: 'one', state: 'succeeded', endedAt: 5_000 });
      expect(await store.claim(stale, 1_000)).toMatchObject({ kind: 'claimed', execution: { attempts: 1 } });
      expect(await store.claim(current, 2_000)).toMatchObject({
        kind: 'claimed',
        execution: { attempts: 2 },
      });
      await store.attempt(stale, 9);
      await store.handBack(stale);
      await store.unclaim(stale);
      expect([
        (await store.claim(stale, 3_000)).kind,
        (await store.end(stale, { ...ended, state: 'failed' })).isRecorded,
        (await store.end(current, { ...ended, attempts: 2 })).isRecorded,
      ]).toEqual(['lost', false, true]);
      const [execution] = await store.list({ runId: 'taken', hook: 'one' });
      expect(execution).toMatchObject({ state: 'succeeded', attempts: 2, startedAt: 1_000, endedAt: 5_000 });
    });

    /** Batches with two hooks each, whose executions are `<id>:post:one` and `<id>:post:two`. */
    const addBatches = async (...ids: string[]): Promise<string[]> => {
      for (const id of ids) await store.add(batchOf(id), noJobs);
      return ids.flatMap((id) => [`${id}:post:one`, `${id}:post:two`]);
    };

    it('lets as many executions of a hook run as its concurrency, until they have ended or were handed back', async () => {
      const [one = '', two = '', three = '', four = ''] = await addBatches('at-once-1', 'at-once-2');
      const limits = { hook: 'At.once', concurrency: 2 };
      const claim = async (executionId: string, fence = 1): Promise<string> =>
        (await store.claim({ executionId, fence }, 1_000, { limits, jobId: `job of ${executionId}` })).kind;
      expect([await claim(one), await claim(two), await claim(three), await claim(four)]).toEqual([
        'claimed',
        'claimed',
        'limited',
        'limited',
      ]);
      expect(await store.waiting(limits.hook)).toEqual([`job of ${three}`, `job of ${four}`]);
      // Its process has died: it keeps its place, and takes it again.
      expect([await claim(one, 2), await claim(three, 2)]).toEqual(['claimed', 'limited']);
      await store.handBack({ executionId: one, fence: 2 });
      expect([await claim(three, 3), await claim(one, 3), await claim(four, 2)]).toEqual([
        'claimed',
        'limited',
        'limited',
      ]);
      await store.end(
        { executionId: two, fence: 1 },
        createExecution({ runId: 'at-once-1', hook: 'two', state: 'succeeded', endedAt: 5_000 }),
      );
      expect([await claim(two, 2), await claim(four, 3)]).toEqual(['ended', 'claimed']);
      expect((await store.list({ runId: 'at-once-2' })).map(({ attempts }) => attempts)).toEqual([1, 1]);
    });

    it('counts all executions by state, and by hook with their durations, by user and by whether they are open', async () => {
      const { store: counted } = await openQueue(place, nextQueue());
      const template = batchOf('run');
      const executionOf = (index: number): HookExecution =>
        createExecution({
          ...{
            runId: `run ${index}`,
            hook: index % 2 === 0 ? 'even' : 'odd',
            scheduledAt: 1_000 + (index % 3),
          },
          ...(index < 5 ? { userId: 'anna' } : {}),
        });
      // Redis reads them in pages, and many of them were scheduled in the same millisecond.
      const executions = Array.from({ length: 1_203 }, (_, index) => executionOf(index));
      await counted.add({ ...template, executions }, noJobs);
      for (const [index, state] of (['succeeded', 'failed', 'timed_out', 'running'] as const).entries()) {
        const { id } = executionOf(index);
        const claim = await counted.claim({ executionId: id, fence: 1 }, 2_000);
        if (claim.kind !== 'claimed') throw new Error(claim.kind);
        const ended = { ...claim.execution, state, endedAt: 2_000 + 10 * (index + 1) };
        if (state !== 'running') await counted.end({ executionId: id, fence: 1 }, ended);
      }
      await counted.endWaiting(executionOf(4).id, { state: 'dropped', reason: 'cancelled', endedAt: 9_000 });
      expect(await counted.counts()).toEqual({
        ...{ scheduled: 1_198, running: 1, succeeded: 1, failed: 1, timed_out: 1, dropped: 1 },
      });
      const totals = async (filter: Parameters<QueueStore['tally']>[0]) =>
        totalsOf([], 5_000, await counted.tally(filter));
      expect(await totals({})).toMatchObject({
        ...{ waiting: 1_198, running: 1, failed: 2, oldestWaiting: 4_000 },
        hooks: [
          { hook: 'even', phase: 'post', mode: 'background', waiting: 599, ran: 2, p50: 10, p95: 30 },
          { hook: 'odd', waiting: 599, running: 1, failed: 1, ran: 1, p50: 20 },
        ],
      });
      expect([await totals({ userId: 'anna' }), await totals({ userId: null })]).toMatchObject([
        { waiting: 0, running: 1, failed: 2 },
        { waiting: 1_198, running: 0, failed: 0 },
      ]);
      const open = await totals({ isOpen: true });
      expect([open, open.hooks.map(({ ran }) => ran)]).toMatchObject([
        { waiting: 1_198, running: 1 },
        [0, 0],
      ]);
    });

    it('lists the executions for several runs', async () => {
      await addBatches('several-1', 'several-2', 'several-3');
      const listed = await store.list({ runIds: ['several-1', 'several-3', 'unknown'], hook: 'one' });
      expect(listed.map(({ runId }) => runId).sort()).toEqual(['several-1', 'several-3']);
      expect(await store.list({ runIds: [] })).toEqual([]);
    });

    it('does not count a hook that is handed back without a call, and counts other hooks separately', async () => {
      const [one = '', two = '', three = ''] = await addBatches('apart-1', 'apart-2');
      const claim = async (executionId: string, hook: string): Promise<string> =>
        (
          await store.claim({ executionId, fence: 1 }, 1_000, {
            limits: { hook, concurrency: 1 },
            jobId: executionId,
          })
        ).kind;
      expect([await claim(one, 'One.hook'), await claim(two, 'Other.hook')]).toEqual(['claimed', 'claimed']);
      await store.unclaim({ executionId: one, fence: 1 });
      expect(await claim(three, 'One.hook')).toBe('claimed');
    });

    it('lets no more executions of a hook start within any period than its maximum, retries included', async () => {
      const ids = await addBatches(...Array.from({ length: 5 }, (_, index) => `rate-${index}`));
      const limits = { hook: 'With.rate', rate: { max: 2, per: 150 } };
      /** The times before and after the call in which the store has allowed a start. */
      const starts: { readonly before: number; readonly after: number }[] = [];
      const start = async (ask: () => Promise<number>): Promise<void> => {
        for (;;) {
          const before = Date.now();
          const wait = await ask();
          if (wait === 0) return void starts.push({ before, after: Date.now() });
          await new Promise((resolve) => setTimeout(resolve, wait));
        }
      };
      const claims = ids.map((executionId) =>
        start(async () => {
          const claim = await store.claim({ executionId, fence: 1 }, 1_000, { limits, jobId: executionId });
          return claim.kind === 'limited' ? claim.wait : 0;
        }),
      );
      const retries = [1, 2, 3].map(() => start(() => store.countRetry(limits)));
      await Promise.all([...claims, ...retries]);
      expect(starts).toHaveLength(13);
      starts.sort((one, other) => one.after - other.after);
      for (const [index, { before }] of starts.entries()) {
        const next = starts[index + limits.rate.max];
        // The store counts whole milliseconds.
        if (next) expect(next.after - before).toBeGreaterThanOrEqual(limits.rate.per - 1);
      }
    });

    it('tells an execution to wait until the rate is expected to allow its start, by its place in the line', async () => {
      const ids = await addBatches('line-1', 'line-2', 'line-3');
      const limits = { hook: 'In.line', rate: { max: 2, per: 3_600_000 } };
      const waits: number[] = [];
      for (const executionId of ids) {
        const claim = await store.claim({ executionId, fence: 1 }, 1_000, { limits, jobId: executionId });
        waits.push(claim.kind === 'limited' ? Math.round(claim.wait / limits.rate.per) : 0);
      }
      expect(waits).toEqual([0, 0, 1, 1, 2, 2]);
    });

    it('lets workers with different limits count the same starts', async () => {
      const ids = await addBatches('other-1', 'other-2', 'other-3');
      const claim = async (index: number, max: number): Promise<string> => {
        const limits = { hook: 'With.others', rate: { max, per: 3_600_000 } };
        const executionId = ids[index] ?? '';
        return (await store.claim({ executionId, fence: 1 }, 1_000, { limits, jobId: executionId })).kind;
      };
      expect([
        await claim(0, 1),
        await claim(1, 1),
        await claim(2, 3),
        await claim(3, 3),
        await claim(4, 3),
      ]).toEqual(['claimed', 'limited', 'claimed', 'claimed', 'limited']);
    });

    it('lets no worker run a hook that has ended', async () => {
      await store.add(batchOf('done'), noJobs);
      const fence = { executionId: 'done:post:one', fence: 1 };
      await store.claim(fence, 1_000);
      await store.end(fence, createExecution({ state: 'skipped', endedAt: 5_000 }));
      expect((await store.claim({ ...fence, fence: 2 }, 1_000)).kind).toBe('ended');
      expect((await store.claim({ executionId: 'unknown', fence: 1 }, 1_000)).kind).toBe('gone');
    });

    it('lets a retried hook run only while no other hook of its tree runs, and vice versa', async () => {
      await store.add({ ...batchOf('first'), tree: 'tree' }, noJobs);
      await store.add({ ...batchOf('late'), tree: 'tree' }, noJobs);
      const fenceOf = (id: string, fence = 1): Fence => ({ executionId: id, fence });
      const failed = createExecution({ state: 'failed', errorName: 'Error', attempts: 1, endedAt: 5_000 });
      await store.claim(fenceOf('first:post:one'), 1_000);
      await store.end(fenceOf('first:post:one'), failed);
      const found: RetriedExecution[] = [];
      const addJob = (one: RetriedExecution): Promise<void> => Promise.resolve(void found.push(one));
      expect(await store.retry('first:post:one', addJob)).toBe('retried');
      expect(await store.retry('first:post:one', addJob)).toBe('conflict');
      expect(await store.retry('unknown', addJob)).toBe('gone');
      expect(found).toEqual([
        {
          batch: 'first',
          jobId: expect.stringMatching(/^first-.{36}$/),
          tree: 'tree',
          fence: 1 + RETRY_FENCES,
          origin: { sessionId: 'session', isWithdrawn: false },
        },
      ]);
      const retry = { ...fenceOf('first:post:one', RETRY_FENCES + 2), isRetry: true };
      await store.claim(fenceOf('late:post:one'), 1_000);
      const whileAnotherRuns = await store.claim(retry, 2_000);
      await store.end(fenceOf('late:post:one'), createExecution({ state: 'succeeded', endedAt: 5_000 }));
      const claim = await store.claim(retry, 2_000);
      const others = ['first:post:two', 'late:post:two'];
      const whileItRuns = await Promise.all(others.map((id) => store.claim(fenceOf(id), 3_000)));
      await store.handBack(retry);
      const handedBack = await store.claim(fenceOf('late:post:two', 2), 3_000);
      await store.end(fenceOf('late:post:two', 2), createExecution({ state: 'succeeded', endedAt: 5_000 }));
      await store.claim({ ...retry, fence: RETRY_FENCES + 3 }, 2_000);
      // A worker that stood still ends nothing.
      await store.end(retry, failed);
      const stillRuns = await store.claim(fenceOf('first:post:two', 2), 3_000);
      const { isRecorded } = await store.end(
        { ...retry, fence: RETRY_FENCES + 3 },
        { ...failed, attempts: 3 },
      );
      const afterIt = await store.claim(fenceOf('first:post:two', 3), 3_000);
      expect([
        whileAnotherRuns.kind,
        claim,
        whileItRuns.map(({ kind }) => kind),
        [handedBack, stillRuns, afterIt].map(({ kind }) => kind),
        isRecorded,
      ]).toMatchObject([
        'busy',
        { kind: 'claimed', execution: { attempts: 2, state: 'running' } },
        ['busy', 'busy'],
        ['claimed', 'busy', 'claimed'],
        true,
      ]);
    });

    it('lets only the job of a retry run a hook, although the failed job is started once more', async () => {
      const [executionId = ''] = await addBatches('started-again');
      const failed = createExecution({ state: 'failed', errorName: 'Error', attempts: 1, endedAt: 5_000 });
      await store.claim({ executionId, fence: 1 }, 1_000);
      await store.end({ executionId, fence: 1 }, failed);
      let fence = 0;
      await store.retry(executionId, (found) => Promise.resolve(void (fence = found.fence)));
      const again = await store.claim({ executionId, fence: 2 }, 2_000);
      const retried = await store.claim({ executionId, fence: fence + 1, isRetry: true }, 2_000);
      expect([again.kind, retried.kind]).toEqual(['lost', 'claimed']);
    });

    it('lets no job run a retried hook but the one that it has named for it', async () => {
      const [executionId = ''] = await addBatches('named');
      await store.claim({ executionId, fence: 1 }, 1_000);
      await store.end({ executionId, fence: 1 }, createExecution({ state: 'failed', endedAt: 5_000 }));
      let found = { fence: 0, jobId: '' };
      await store.retry(executionId, (given) => Promise.resolve(void (found = given)));
      // Of a retry whose process has died before the store knew of it.
      const retry = { executionId, fence: found.fence + 1, isRetry: true };
      const forgotten = await store.claim(retry, 2_000, { jobId: 'another one' });
      const named = await store.claim(retry, 2_000, { jobId: found.jobId });
      expect([forgotten.kind, named.kind]).toEqual(['ended', 'claimed']);
    });

    it('gives the data of the run to the first claim that asks for it', async () => {
      await store.add(batchOf('with data', { some: 'data' }), noJobs);
      const claim = await store.claim({ executionId: 'with data:post:one', fence: 1 }, 1_000, {
        snapshotOf: 'with data',
      });
      const other = await store.claim({ executionId: 'with data:post:two', fence: 1 }, 1_000);
      expect([claim, other]).toMatchObject([
        { kind: 'claimed', snapshot: await store.snapshot('with data', 'with data') },
        { kind: 'claimed' },
      ]);
      expect(other).not.toHaveProperty('snapshot');
    });

    it('finds the hooks that nothing will run, since their job has failed in the queue or is gone, and ends them', async () => {
      const ownQueue = nextQueue();
      const own = await openQueue(place, ownQueue);
      const jobs = new Map([
        ['lost:post:one', 'lost-0'],
        ['lost:post:two', 'lost-1'],
      ]);
      const later = new Map([
        ['waits:post:one', 'waits-0'],
        ['waits:post:two', 'waits-1'],
      ]);
      const producer = await own.createProducer((error) => {
        throw error;
      });
      const addJob = async (jobId: string, delay: number): Promise<void> => {
        await producer.add({ name: 'hook', queueName: ownQueue, data: {}, opts: { jobId, delay } });
      };
      await own.store.add({ ...batchOf('lost'), jobs }, () => addJob('lost-0', 0));
      await own.store.add({ ...batchOf('waits'), jobs: later }, async () => {
        await addJob('waits-0', 3_600_000);
        await addJob('waits-1', 3_600_000);
      });
      const failed = createGate();
      const settings = {
        ...{ concurrency: 1, lockDuration: 30_000, stalledInterval: 30_000, maxStalledCount: 1 },
        removeOnFail: { age: 60 },
      };
      const process = (): Promise<never> => Promise.reject(new Error('on purpose'));
      const worker = own.createWorker(ownQueue, process, settings);
      worker.on('failed', () => failed.open());
      await failed.opened;
      await worker.close();
      await producer.close();
      // It has been claimed by a worker that has died.
      await own.store.claim({ executionId: 'lost:post:one', fence: 1 }, 1_000, { jobId: 'lost-0' });
      const log = new RecordingLogger();
      const ended: string[] = [];
      const told: string[] = [];
      const executions = new LostExecutions({
        store: own.store,
        logger: log,
        tell: ({ id }) => told.push(id),
        onBatchEnded: (id) => ended.push(id),
      });
      await executions.end('waits:post:one');
      await executions.end();
      await executions.end();
      const states = (await own.store.list({ runId: 'lost' })).map(({ hook, state, errorName }) => [
        hook,
        state,
        errorName,
      ]);
      expect([...told].sort()).toEqual(['lost:post:one', 'lost:post:two']);
      expect([states.toSorted(), ended, log.messages('error').length]).toEqual([
        [
          ['one', 'failed', 'HookStalledError'],
          ['two', 'failed', 'HookJobGoneError'],
        ],
        ['lost'],
        2,
      ]);
      expect((await own.store.list({ runId: 'waits' })).map(({ state }) => state)).toEqual([
        'scheduled',
        'scheduled',
      ]);
      await own.store.close();
    });

    it('lets the other hooks of a tree run after a retry whose job is gone', async () => {
      const [executionId = '', other = ''] = await addBatches('retry is gone');
      await store.claim({ executionId, fence: 1 }, 1_000);
      await store.end({ executionId, fence: 1 }, createExecution({ state: 'failed', endedAt: 5_000 }));
      let found = { fence: 0, jobId: '' };
      await store.retry(executionId, (given) => Promise.resolve(void (found = given)));
      await store.claim({ executionId, fence: found.fence + 1, isRetry: true }, 2_000, found);
      const before = await store.claim({ executionId: other, fence: 1 }, 3_000);
      await lostExecutionsOf(store).end(executionId);
      const after = await store.claim({ executionId: other, fence: 2 }, 3_000);
      expect([before.kind, after.kind]).toEqual(['busy', 'claimed']);
    });

    it('fails to decode damaged data, and quotes nothing of it', async () => {
      const snapshots = new StoredSnapshots(store, new PayloadTexts(undefined, 1_000));
      await store.add(batchOf('damaged', { some: 'data' }), noJobs);
      await damage(place, queue, 'damaged');
      const request = { batchId: 'damaged', runId: 'damaged', isFresh: true, found: undefined };
      const error = await snapshots.get(request);
      expect(String(error)).toMatch(/^PayloadDecodeError: The data of run damaged could not be decoded/);
      expect(String(error)).not.toContain('secret');
    });

    it('retries no hook whose data it does not hold any longer', async () => {
      await store.add(batchOf('swept'), noJobs);
      for (const hook of ['one', 'two']) {
        const fence = { executionId: `swept:post:${hook}`, fence: 1 };
        await store.claim(fence, 1_000);
        await store.end(fence, createExecution({ state: 'timed_out', attempts: 1, endedAt: 5_000 }));
      }
      await store.sweep({ remembered: 10_000, keepFailed: 0 });
      const retrying = store.retry('swept:post:one', () => Promise.reject(new Error('no job')));
      expect(await retrying).toBe('gone');
      expect(await store.list({ runId: 'swept', state: 'timed_out' })).toHaveLength(2);
    });

    it('tells when the last hook of a batch has ended, and keeps its data only if one has failed', async () => {
      for (const [id, state] of [
        ['good', 'succeeded'],
        ['bad', 'failed'],
      ] as const) {
        await store.add(batchOf(id), noJobs);
        const ends: unknown[] = [];
        for (const hook of ['one', 'two']) {
          const fence = { executionId: `${id}:post:${hook}`, fence: 1 };
          await store.claim(fence, 1_000);
          ends.push((await store.end(fence, createExecution({ state, endedAt: 5_000 }))).batchEnded);
        }
        const snapshot = await store.snapshot(id, id);
        expect([ends, snapshot === undefined]).toEqual([[undefined, id], state === 'succeeded']);
        expect(await store.ended([id, 'unknown'])).toEqual([id, 'unknown']);
      }
      await store.sweep({ remembered: 10_000, keepFailed: 0 });
      await new Promise((resolve) => setTimeout(resolve, 5));
      await store.sweep({ remembered: 10_000, keepFailed: 0 });
      expect(await store.snapshot('bad', 'bad')).toBeUndefined();
    });

    it('returns exactly the data of a run: types, the order of keys, and the contents of files', async () => {
      const content = Buffer.from('file').toString('base64');
      const data = {
        runInput: {
          content: 'zero \0 byte',
          files: [
            { id: 'f', kind: 'file', content },
            { id: 'g', kind: 'file' },
          ],
        },
        z: new Date(0),
        a: new Map([['b', new Set([1])]]),
        bytes: Buffer.from([1, 2, 3]),
        zero: -0,
        missing: undefined,
      };
      await store.add(batchOf('exact', data), noJobs);
      const encoded = await store.snapshot('exact', 'exact');
      if (!encoded || encoded === 'deleted') throw new Error('The snapshot is missing.');
      const files = new Map<string, string>();
      for (const hash of encoded.files)
        if (hash !== null) files.set(hash, (await store.file('exact', hash)) ?? '');
      const decoded = decodeSnapshot(encoded, files) as typeof data;
      expect(decoded).toEqual(data);
      expect([Object.keys(decoded), Object.is(decoded.zero, -0)]).toEqual([Object.keys(data), true]);
    });

    it('keeps nothing of a batch whose jobs could not be added', async () => {
      const adding = store.add(batchOf('rolled-back'), () => Promise.reject(new Error('no jobs')));
      await expect(adding).rejects.toThrow('no jobs');
      expect([
        await store.snapshot('rolled-back', 'rolled-back'),
        await store.list({ runId: 'rolled-back' }),
      ]).toEqual([undefined, []]);
    });

    it('discards a batch of which no hook has begun, and no other batch', async () => {
      for (const id of ['refused', 'begun']) await store.add(batchOf(id), noJobs);
      await store.claim({ executionId: 'begun:post:one', fence: 1 }, 1_000);
      for (const id of ['refused', 'begun', 'never-stored']) await store.discard(batchOf(id));
      const left = async (runId: string): Promise<unknown[]> => [
        (await store.snapshot(runId, runId)) === undefined,
        (await store.list({ runId })).length,
        (await store.claim({ executionId: `${runId}:post:two`, fence: 1 }, 1_000)).kind,
      ];
      expect(await left('refused')).toEqual([true, 0, 'gone']);
      expect(await left('begun')).toEqual([false, 2, 'claimed']);
    });

    it('keeps the data of a failed hook for keepFailed milliseconds, by its clock', async () => {
      await store.add(batchOf('old-failure', 'CANARY of old-failure'), noJobs);
      for (const hook of ['one', 'two']) {
        const fence = { executionId: `old-failure:post:${hook}`, fence: 1 };
        await store.claim(fence, 1_000);
        await store.end(fence, createExecution({ state: 'failed', endedAt: 1_000_000 }));
      }
      const week = 7 * 86_400_000;
      const clock = jest.spyOn(Date, 'now');
      clock.mockReturnValue(1_000_000 + week - 1);
      await store.sweep({ remembered: 10_000, keepFailed: week });
      expect(await rawTextOf(place)).toContain('CANARY of old-failure');
      clock.mockReturnValue(1_000_000 + week + 1);
      await store.sweep({ remembered: 10_000, keepFailed: week });
      clock.mockRestore();
      expect(await rawTextOf(place)).not.toContain('CANARY of old-failure');
      expect(await store.list({ runId: 'old-failure', state: 'failed' })).toHaveLength(2);
    });

    it('forgets the data of a session: waiting hooks are dropped, failed ones stay failed, and no text of them is left', async () => {
      const states = async (runId: string): Promise<unknown> =>
        (await store.list({ runId })).map(({ hook, state, reason }) => [hook, state, reason]).sort();
      const content = Buffer.from('CANARY in a file').toString('base64');
      const data = { runInput: { content: 'CANARY', files: [{ id: 'f', kind: 'file', content }] } };
      for (const id of ['waiting', 'failed', 'other']) {
        const origins = new Map([
          [id, { sessionId: id === 'other' ? 'kept' : 'canary', isWithdrawn: false }],
        ]);
        await store.add({ ...batchOf(id, data), carry: '"CANARY in carry"', origins }, noJobs);
      }
      for (const hook of ['one', 'two']) {
        const fence = { executionId: `failed:post:${hook}`, fence: 1 };
        await store.claim(fence, 1_000);
        await store.end(fence, createExecution({ state: 'failed', endedAt: 5_000 }));
      }
      const forgotten = await store.forget({ sessionIds: ['canary'] }, 6_000);
      expect([[...forgotten.dropped].sort(), [...forgotten.batchesEnded].sort()]).toEqual([
        ['waiting:post:one', 'waiting:post:two'],
        ['failed', 'waiting'],
      ]);
      expect([await states('waiting'), await states('failed')]).toEqual([
        [
          ['one', 'dropped', 'deleted'],
          ['two', 'dropped', 'deleted'],
        ],
        [
          ['one', 'failed', undefined],
          ['two', 'failed', undefined],
        ],
      ]);
      const left = await rawTextOf(place);
      expect(left).toContain('CANARY');
      await store.forget({ userId: null, sessionIds: ['kept'] }, 6_000);
      const text = await rawTextOf(place);
      expect([text.includes('CANARY'), text.includes(content)]).toEqual([false, false]);
      expect(await store.forget({ sessionIds: ['canary', 'kept'] }, 7_000)).toEqual({
        dropped: [],
        batchesEnded: [],
      });
    });

    it('forgets the data of sessions and users that a process of the version before has stored', async () => {
      const client = sqlClientOf(place);
      if (!client) return;
      const runs = {
        mine: { sessionId: 'old session', userId: 'ann' },
        also: { sessionId: 'another', userId: 'ann' },
        theirs: { sessionId: 'old session of bob', userId: 'bob' },
      };
      for (const [id, runContext] of Object.entries(runs))
        await store.add(batchOf(id, { runContext, runInput: { content: 'CANARY' } }), noJobs);
      await client.query(
        `UPDATE agent_os_hook_snapshots SET origin = NULL WHERE run_id IN ('mine', 'also', 'theirs')`,
      );
      expect((await store.forget({ sessionIds: ['old session'] }, 6_000)).batchesEnded).toEqual(['mine']);
      expect((await store.forget({ userId: 'ann' }, 6_000)).batchesEnded).toEqual(['also']);
      expect((await store.forget({ userId: 'ann' }, 6_000)).batchesEnded).toEqual([]);
      expect(await store.snapshot('theirs', 'theirs')).toMatchObject({
        json: expect.stringContaining('CANARY'),
      });
      await store.forget({ runIds: ['theirs'] }, 6_000);
      expect(await rawTextOf(place)).not.toContain('CANARY');
    });

    it('forgets one run of a batch, and keeps the data of the others', async () => {
      const file = (text: string): object => ({ id: text, kind: 'file', content: btoa(text) });
      const one = encodeSnapshot({ runInput: { content: 'ONE', files: [file('shared'), file('own')] } });
      const two = encodeSnapshot({ runInput: { content: 'TWO', files: [file('shared')] } });
      const batch: NewBatch = {
        id: 'both',
        tree: 'both',
        carry: '"carried"',
        jobs: new Map(),
        keys: new Map(),
        executions: ['both', 'part'].map((runId) => createExecution({ runId, hook: 'hook' })),
        origins: new Map([
          ['both', { sessionId: 'first', isWithdrawn: false }],
          ['part', { sessionId: 'second', isWithdrawn: false }],
        ]),
        snapshots: new Map([
          ['both', one.snapshot],
          ['part', two.snapshot],
        ]),
        files: new Map([...one.files, ...two.files]),
      };
      await store.add(batch, noJobs);
      const running = { executionId: 'both:post:hook', fence: 1 };
      await store.claim(running, 1_000);
      expect(await store.forget({ sessionIds: ['first'] }, 2_000)).toEqual({ dropped: [], batchesEnded: [] });
      const [shared = '', own = ''] = one.snapshot.files;
      expect([
        await store.snapshot('both', 'both'),
        await store.snapshot('both', 'part'),
        await store.file('both', shared ?? ''),
        await store.file('both', own ?? ''),
      ]).toEqual(['deleted', two.snapshot, btoa('shared'), undefined]);
      // It is run once more, and finds that its data was deleted.
      expect(await store.claim({ ...running, fence: 2 }, 3_000)).toMatchObject({
        kind: 'claimed',
        batch: { carry: '"carried"' },
      });
      await store.forget({ runIds: ['part'] }, 4_000);
      const ended = createExecution({ state: 'failed', endedAt: 5_000 });
      expect(await store.end({ ...running, fence: 2 }, ended)).toEqual({
        isRecorded: true,
        batchEnded: 'both',
      });
      expect(await rawTextOf(place)).not.toMatch(/carried|ONE|TWO/);
    });

    it('gives a worker the next job only after it has begun the one before', async () => {
      const order: string[] = [];
      class WatchedWorker extends bullmqPackage.Worker {
        protected override async moveToActive(token: string, name?: string): Promise<Job> {
          const job = await super.moveToActive(token, name);
          if (job as Job | undefined) order.push('given');
          return job;
        }

        override processJob(...begun: Parameters<Worker['processJob']>): ReturnType<Worker['processJob']> {
          order.push('begun');
          return super.processJob(...begun);
        }
      }
      const jobs = nextQueue();
      const watched = { ...bullmqPackage, Worker: WatchedWorker } as unknown as typeof bullmqPackage;
      const opened = await openQueue(place, jobs, watched);
      const producer = await opened.createProducer(({ message }) => order.push(message));
      for (let index = 0; index < 4; index++) await producer.add({ name: 'hook', queueName: jobs, data: {} });
      const lastBegun = createGate();
      const released = createGate();
      let begun = 0;
      const process = async (): Promise<void> => {
        if (++begun === 4) lastBegun.open();
        await released.opened;
      };
      const settings = { concurrency: 10, lockDuration: 30_000, stalledInterval: 30_000, maxStalledCount: 1 };
      const worker = opened.createWorker(jobs, process, { ...settings, removeOnFail: { age: 1 } });
      await lastBegun.opened;
      released.open();
      await worker.close();
      await producer.close();
      await opened.store.close();
      expect(order.slice(0, 8)).toEqual(Array.from({ length: 4 }, () => ['given', 'begun']).flat());
    });

    it('keeps the jobs of the last thousand hooks that have succeeded, none for longer than a day, and all others', async () => {
      const client = sqlClientOf(place);
      if (!client) return;
      const jobs = nextQueue();
      const { store: own } = await openQueue(place, jobs);
      const add = (name: string, state: string, ages: string): Promise<unknown> =>
        client.query(
          `INSERT INTO bullmq.job (queue, id, seq, name, state, added_at_ms, finished_at_ms)
           SELECT '${jobs}', '${name}-' || age, age, 'hook', '${state}', 0, ${Date.now()} - age
             FROM generate_series(${ages}) AS age`,
        );
      await add('failed', 'failed', '90000000, 90000000');
      await add('waiting', 'waiting', '90000000, 90000000');
      await add('done', 'completed', '1, 1002');
      const found = async (): Promise<string[]> => {
        const { rows } = (await client.query(
          `SELECT id FROM bullmq.job WHERE queue = '${jobs}' ORDER BY seq`,
        )) as {
          readonly rows: readonly { readonly id: string }[];
        };
        return rows.map(({ id }) => id);
      };
      await own.sweep({ remembered: 10, keepFailed: 1_000 });
      const others = ['failed-90000000', 'waiting-90000000'];
      const kept = Array.from({ length: 1_000 }, (_, index) => `done-${index + 1}`);
      expect((await found()).sort()).toEqual([...kept, ...others].sort());
      await client.query(
        `UPDATE bullmq.job SET finished_at_ms = ${Date.now() - 86_400_001} WHERE queue = '${jobs}' AND seq > 3`,
      );
      await own.sweep({ remembered: 10, keepFailed: 1_000 });
      expect((await found()).sort()).toEqual([...kept.slice(0, 3), ...others].sort());
    });

    it('reads only the executions that are claimed and ended, although nothing has counted the rows of its tables', async () => {
      if (place.store.folder === undefined) return;
      const client = sqlClientOf(place) as PGlite;
      const { store: own } = await openQueue(place, nextQueue());
      const executions = Array.from({ length: 1_000 }, (_, index) =>
        createExecution({ runId: `run-${index}` }),
      );
      await own.add({ ...batchOf('many'), executions }, noJobs);
      const query = jest.spyOn(client, 'query');
      const [{ id: executionId, ...execution }] = (await own.list({ limit: 1 })) as [HookExecution];
      await own.claim({ executionId, fence: 1 }, 1_000, { snapshotOf: 'run' });
      await own.end(
        { executionId, fence: 1 },
        { ...execution, id: executionId, state: 'succeeded', endedAt: 2_000 },
      );
      const statements = query.mock.calls.filter(([text]) => text.startsWith('WITH given'));
      query.mockRestore();
      for (const [text, values] of statements) {
        const { rows } = await client.query(`EXPLAIN (FORMAT JSON) ${text}`, values);
        const conditions = [...JSON.stringify(rows).matchAll(/"Index Cond":"([^"]*)"/g)].map(
          ([, condition]) => condition,
        );
        expect(conditions.length).toBeGreaterThan(2);
        for (const condition of conditions) expect(condition).toMatch(/ AND /);
      }
      expect(statements).toHaveLength(2);
    });

    it('fails executions whose jobs were removed by hand, which can be retried, and no others', async () => {
      const client = sqlClientOf(place);
      if (!client) return;
      const queue = nextQueue();
      const executor = bullmq({ ...place.store, queue });
      const stage = new ExecutorStage(executor);
      await stage.start();
      const lost = stage.batch('lost', { first: stage.step('first'), second: stage.step('second') });
      const kept = stage.batch('kept', { third: stage.step('third') });
      await stage.accept(lost, kept);
      const { store: own } = await openQueue(place, queue);
      await client.query(`DELETE FROM bullmq.job WHERE id LIKE 'lost-%'`);
      const ids = ['lost:post:first', 'lost:post:second'];
      await lostExecutionsOf(own).end();
      expect(await own.countOpen(10)).toBe(1);
      const failed = await stage.executions.list({ state: 'failed' });
      expect(failed.map(({ id, errorName }) => `${id} ${errorName}`).sort()).toEqual(
        ids.map((id) => `${id} HookJobGoneError`),
      );
      await stage.executions.retry('lost:post:second');
      executor.release(kept, true);
      await executor.drain();
      await executor.stop(AbortSignal.abort());
      expect([...stage.steps].sort()).toEqual(['second', 'third']);
    });

    it('remembers the latest failed executions beside the latest others that have ended', async () => {
      const { store: own } = await openQueue(place, nextQueue());
      const end = async (id: string, state: 'succeeded' | 'failed' | 'timed_out', endedAt: number) => {
        await own.add(batchOf(id), noJobs);
        const fence = { executionId: `${id}:post:one`, fence: 1 };
        await own.claim(fence, 1_000);
        await own.end(fence, createExecution({ state, endedAt }));
      };
      const swept = async (): Promise<string[]> => {
        await own.sweep({ remembered: 2, keepFailed: Date.now() });
        const ended = (await own.list({})).filter(({ endedAt }) => endedAt !== undefined);
        return ended.map(({ id, state }) => `${id.charAt(0)} ${state}`).sort();
      };
      await end('a', 'failed', 5_000);
      await end('b', 'timed_out', 5_001);
      for (const [index, id] of ['c', 'd', 'e'].entries()) await end(id, 'succeeded', 6_000 + index);
      expect(await swept()).toEqual(['a failed', 'b timed_out', 'd succeeded', 'e succeeded']);
      await end('f', 'failed', 7_000);
      expect(await swept()).toEqual(['b timed_out', 'd succeeded', 'e succeeded', 'f failed']);
    });

    it('forgets the ended executions beyond its limit, and no open one', async () => {
      const queue = await openQueue(place, nextQueue());
      const { store: own } = queue;
      for (const [index, id] of ['a', 'b', 'c'].entries()) {
        await own.add(batchOf(id), noJobs);
        const fence = { executionId: `${id}:post:one`, fence: 1 };
        await own.claim(fence, 1_000);
        await own.end(fence, createExecution({ state: 'succeeded', endedAt: 5_000 + index }));
      }
      await own.sweep({ remembered: 2, keepFailed: 1_000 });
      const left = (await own.list({})).map(({ id, state }) => `${id.charAt(0)} ${state}`);
      expect(left.sort()).toEqual([
        'a scheduled',
        'b scheduled',
        'b succeeded',
        'c scheduled',
        'c succeeded',
      ]);
    });
  });

describe('The data of a job in the queue', () => {
  const data = {
    version: 2,
    batch: 'b',
    execution: 'r:post:hook',
    run: 'r',
    origin: { sessionId: 's', isWithdrawn: false },
    isLater: false,
    retryOf: 3,
  };
  const { retryOf: _, ...first } = { ...data, version: 1 };

  it('is readable in this version and the one before, in which a hook is not retried', () => {
    expect([readJobData(data), readJobData(first), readJobData({ ...data, version: 1 })]).toEqual([
      data,
      first,
      first,
    ]);
  });

  it('is stored in the lowest version that can represent it', () => {
    const place = { queue: 'q', batchId: 'r-0', releaseAfter: 1, isLater: false };
    const stage = new ExecutorStage(new JsonHookExecutor());
    const { tasks } = stage.batch('r', { hook: () => undefined });
    const [execution] = tasks.map((task) => task.execution);
    if (!execution) throw new Error('There is one task.');
    const found = { batch: 'r-0', tree: 'r', fence: 1, origin: data.origin, jobId: 'r-0-1' };
    const jobs = [false, true].flatMap((isEncoded) => [
      toFlow(tasks, { ...place, isEncoded }),
      toRetryJob(execution, found, { ...place, isEncoded }),
    ]);
    expect(jobs.map((job) => readJobData(job.data).version)).toEqual([1, 2, 2, 2]);
  });

  it('is left to others if it is of a later version, and refused if it is of another kind', () => {
    expect(() => readJobData({ ...data, version: 3 })).toThrow(PayloadVersionError);
    for (const version of [0, -1, 1.5, '1', NaN, Infinity, null, undefined, {}])
      expect(() => readJobData({ ...data, version })).toThrow(/is not that of a hook: it has no version/);
    for (const other of [{}, null, [], 'text', 1]) expect(() => readJobData(other)).toThrow(/has no version/);
    expect(() => readJobData({ ...data, batch: 1 })).toThrow(/is not that of a hook: batch: /);
    expect(() => readJobData({ ...data, batch: 'x'.repeat(10_001) })).toThrow(/batch: Too big/);
    expect(() => readJobData({ ...data, run: 'another' })).toThrow(/its execution is not of its run/);
  });
});

describe('The function bullmq()', () => {
  it.each<[string, object, RegExp]>([
    ['no store', {}, /expected one of folder, pool and connection, got none/],
    ['two stores', { folder: 'a', connection: 'redis://a' }, /got folder and connection/],
    ['a pool of the wrong kind', { pool: {} }, /expected pool to be a Pool of "pg"/],
    ['an address instead of a pool', { pool: 'postgres://server' }, /expected pool to be a Pool of "pg"/],
    ['an unknown option', { folder: 'a', retries: 3 }, /retries/],
    ['too few takeovers', { folder: 'a', maxTakeovers: 1 }, /maxTakeovers/],
  ])('refuses %s immediately', (_what, options, message) => {
    expect(() => bullmq(options as BullmqOptions)).toThrow(message);
  });
});

describe('A folder of the queue', () => {
  it('lets a hook run on while its process lives, however long its lock could not be renewed', async () => {
    const pglite = await createPglite();
    const folder = { database: drizzle({ client: pglite }), close: () => Promise.resolve() };
    const queue = nextQueue();
    const executor = bullmq({ folder, queue, lockDuration: 60_000, stalledInterval: 1 });
    const stage = new ExecutorStage(executor);
    await stage.start();
    const looks = async (): Promise<unknown> => {
      const { rows } = await pglite.query<{ readonly value: string }>(
        `SELECT value FROM bullmq.meta WHERE queue = $1 AND field = 'stalled-check'`,
        [queue],
      );
      return rows[0]?.value;
    };
    const started = createGate();
    const ending = createGate();
    const attempts: string[] = [];
    const batch = stage.batch('run', {
      hook: async ({ hook, signal }) => {
        started.open();
        await ending.opened;
        attempts.push(`${hook.attempt} ${signal.aborted}`);
      },
    });
    await stage.acceptAndRelease(batch);
    await started.opened;
    const time = Date.now;
    const clock = jest.spyOn(Date, 'now').mockImplementation(() => time() + 5 * 60_000);
    // The first look marks a hook whose lock has run out, the second one gives it to a worker.
    for (let count = 0; count < 4; count++) {
      const last = await looks();
      while ((await looks()) === last) await new Promise((resolve) => setTimeout(resolve, 5));
    }
    ending.open();
    await stage.executor.drain();
    clock.mockRestore();
    await executor.stop(AbortSignal.abort());
    await pglite.close();
    expect(attempts).toEqual(['1 false']);
  });
});
