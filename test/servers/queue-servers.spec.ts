import { afterAll, afterEach, beforeAll, expect, it, jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import * as bullmqPackage from 'bullmq';
import { Redis } from 'ioredis';
import { bullmq } from 'nestjs-agentos/bullmq';
import type { HookExecutor } from 'nestjs-agentos/executor';
import { createGate } from 'nestjs-agentos/testing';
import { Pool } from 'pg';

import type { PoolClientLike, PoolLike } from '../../src/bullmq/queue.database.js';
import { openPoolQueue } from '../../src/bullmq/sql.connection.js';
import { encodeSnapshot } from '../../src/bullmq/stored.batch.js';
import { type NewBatch } from '../../src/bullmq/queue.store.js';
import { HookLedger, LedgerExecutions } from '../../src/execution/hook.ledger.js';
import { ExecutorStage } from '../../src/testing/contracts/executor.stage.js';
import { createExecution, raise } from '../../src/testing/contracts/hook.harness.js';
import { isPostgresInstalled, createDatabase, type PostgresDatabase } from '../support/postgres.js';
import { nextQueue, STARTING_TIME } from '../support/queue-places.js';
import { RecordingLogger } from '../support/recording-logger.js';
import { isRedisInstalled, startRedis } from '../support/redis.js';
import { describeWherePossible } from '../support/where-possible.js';

const isCi = process.env['CI'] !== undefined;

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

describeWherePossible(isPostgresInstalled() || isCi, 'A pool', 'install PostgreSQL', () => {
  let database: PostgresDatabase;
  const pools: Pool[] = [];

  beforeAll(async () => {
    database = await createDatabase();
  }, STARTING_TIME);
  afterAll(async () => {
    for (const pool of pools) await pool.end();
    await database.drop();
  });

  const open = (options: object = {}): Pool => {
    const pool = new Pool({ connectionString: database.url, ...options });
    pools.push(pool);
    return pool;
  };

  /** Calls back around each statement on the pool. */
  const watched = (
    around: (text: string, execute: () => Promise<unknown>) => Promise<unknown>,
    onRelease: () => void = () => undefined,
  ): PoolLike => {
    const pool = open();
    const connect = async (): Promise<PoolClientLike> => {
      const client = await pool.connect();
      return new Proxy<PoolClientLike>(client, {
        get: (_target, name) => {
          const value: unknown = Reflect.get(client, name);
          if (typeof value !== 'function') return value;
          const call = (...parameters: unknown[]): unknown => Reflect.apply(value, client, parameters);
          if (name === 'release') onRelease();
          if (name !== 'query') return call;
          return (text: string, ...values: unknown[]) => around(text, async () => call(text, ...values));
        },
      });
    };
    const { options } = pool;
    return Object.assign({ options, connect, on: pool.on.bind(pool) }, { totalCount: 0 });
  };

  it('lets a hook be cancelled while a worker is about to begin it, in whichever order the two get its rows', async () => {
    const pool = open();
    const { store } = await openPoolQueue(bullmqPackage, pool, nextQueue());
    await store.add(batchOf('raced'), noJobs);
    const executionId = 'raced:post:one';
    const blocker = await pool.connect();
    await blocker.query('BEGIN');
    await blocker.query('SELECT 1 FROM agent_os_hook_executions WHERE id = $1 FOR UPDATE', [executionId]);
    const waiting = async (count: number): Promise<void> => {
      const query = `SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%agent_os_hook%' AND datname = current_database()`;
      while ((await pool.query(query)).rowCount !== count) await new Promise(setImmediate);
    };
    const cancelling = store.endWaiting(executionId, {
      state: 'dropped',
      reason: 'cancelled',
      endedAt: 5_000,
    });
    await waiting(1);
    const claiming = store.claim({ executionId, fence: 1 }, 4_000);
    await waiting(2);
    await blocker.query('COMMIT');
    blocker.release();
    expect([await cancelling, await claiming]).toEqual([{ isRecorded: true }, { kind: 'ended' }]);
  });

  it('can be swept by two processes at once: each leaves to the other what that one has locked', async () => {
    const pool = open();
    const { store } = await openPoolQueue(bullmqPackage, pool, nextQueue());
    for (const id of ['swept 1', 'swept 2']) {
      await store.add(batchOf(id), noJobs);
      for (const hook of ['one', 'two']) {
        const fence = { executionId: `${id}:post:${hook}`, fence: 1 };
        await store.claim(fence, 1_000);
        await store.end(fence, createExecution({ runId: id, hook, state: 'failed', endedAt: 5_000 }));
      }
    }
    const other = await pool.connect();
    await other.query('BEGIN');
    await other.query(`SELECT 1 FROM agent_os_hook_executions WHERE run_id = 'swept 1' FOR UPDATE`);
    await other.query(`SELECT 1 FROM agent_os_hook_batches WHERE id = 'swept 1' FOR UPDATE`);
    await store.sweep({ remembered: 0, keepFailed: 0 });
    await other.query('COMMIT');
    other.release();
    const left = (await store.list({})).map(({ runId }) => runId);
    expect([left, await store.snapshot('swept 2', 'swept 2')]).toEqual([['swept 1', 'swept 1'], undefined]);
    expect(await store.snapshot('swept 1', 'swept 1')).toBeDefined();
  });

  it('skips superseded hooks in the order of their batches, in which others lock them, too', async () => {
    const pool = open();
    const { store } = await openPoolQueue(bullmqPackage, pool, nextQueue());
    // The ids of the executions are in another order than those of their batches.
    for (const [id, runId] of [
      ['batch 1', 'z'],
      ['batch 2', 'a'],
    ] as const)
      await store.add(
        {
          ...batchOf(id),
          executions: [createExecution({ runId, hook: 'hook' })],
          keys: new Map([[`${runId}:post:hook`, id]]),
        },
        noJobs,
      );
    const blocker = await pool.connect();
    const lock = `SELECT 1 FROM agent_os_hook_batches WHERE id = $1 FOR UPDATE`;
    await blocker.query('BEGIN');
    await blocker.query(lock, ['batch 1']);
    const hooks = ['one', 'two'].map((hook) => createExecution({ runId: 'new', hook }));
    const adding = store.add(
      {
        ...batchOf('new'),
        executions: hooks,
        keys: new Map(hooks.map(({ id }, index) => [id, `batch ${index + 1}`])),
      },
      noJobs,
    );
    const waiting = `SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%agent_os_hook%' AND datname = current_database()`;
    while ((await pool.query(waiting)).rowCount === 0) await new Promise(setImmediate);
    await blocker.query(`${lock} NOWAIT`, ['batch 2']);
    await blocker.query('COMMIT');
    blocker.release();
    expect([...(await adding)]).toEqual(['z:post:hook', 'a:post:hook']);
  });

  it('fails a hook whose processes have ended too often, although no process is connected at that moment', async () => {
    let isAway = false;
    const pool = watched((text, execute) => {
      if (!isAway || !text.includes('LEFT JOIN job')) return execute();
      isAway = false;
      return Promise.reject(new Error('Connection terminated unexpectedly'));
    });
    const queue = nextQueue();
    const executor = bullmq({ pool, queue, lockDuration: 60_000, stalledInterval: 1, maxTakeovers: 10 });
    const stage = new ExecutorStage(executor);
    await stage.start();
    const started = createGate();
    const hook = (): Promise<void> => {
      started.open();
      return new Promise(() => undefined);
    };
    const batch = stage.batch('stalled', { hook });
    await stage.acceptAndRelease(batch);
    await started.opened;
    isAway = true;
    const stalled = 'UPDATE bullmq.job SET stalled_count = 10, locked_until_ms = 0 WHERE queue = $1';
    await pools.at(-1)?.query(stalled, [queue]);
    await executor.drain();
    const [execution] = await stage.executions.list({ runId: 'stalled' });
    await executor.stop(AbortSignal.abort());
    expect([isAway, execution]).toMatchObject([false, { state: 'failed', errorName: 'HookStalledError' }]);
  });

  it('whose answer to a commit is lost lets no hook of the refused run begin', async () => {
    let isLost = false;
    const pool = watched(async (text, execute) => {
      const rows = await execute();
      if (!isLost || text !== 'COMMIT') return rows;
      isLost = false;
      throw new Error('Connection terminated unexpectedly');
    });
    const queue = nextQueue();
    const executor = bullmq({ pool, queue, onUnavailable: 'fail', storeTimeout: 1_000 });
    const stage = new ExecutorStage(executor);
    await executor.start({ ...stage.host, releaseAfter: 1 });
    isLost = true;
    const accepting = stage.accept(stage.batch('run', { one: stage.step('one'), two: stage.step('two') }));
    await expect(accepting).rejects.toThrow(/could not be stored/);
    const open = `SELECT id FROM bullmq.job WHERE queue = $1 AND state NOT IN ('completed', 'failed')`;
    while ((await pools.at(-1)?.query(open, [queue]))?.rowCount !== 0)
      await new Promise((resolve) => setTimeout(resolve, 20));
    const left = await executor.executions(new LedgerExecutions(new HookLedger())).list({ runId: 'run' });
    await executor.stop(AbortSignal.abort());
    expect([stage.steps, left]).toEqual([[], []]);
  });

  it('whose connection is lost with the first batch of a process stores the next one', async () => {
    let statements: string[] | undefined;
    const pool = watched((text, execute) => {
      statements?.push(text);
      const isAfterBatch = statements?.at(-2)?.includes('INTO agent_os_hook_batches');
      return isAfterBatch ? Promise.reject(new Error('Connection terminated unexpectedly')) : execute();
    });
    const executor = bullmq({ pool, queue: nextQueue(), onUnavailable: 'fail' });
    const stage = new ExecutorStage(executor);
    await executor.start({ ...stage.host, role: 'server' });
    statements = [];
    const accepting = stage.accept(stage.batch('lost', { one: stage.step('one') }));
    await expect(accepting).rejects.toThrow(/could not be stored/);
    statements = undefined;
    await stage.accept(stage.batch('stored', { one: stage.step('one') }));
    await executor.stop(AbortSignal.abort());
  });

  it('that is too slow for a batch gets no commit of it', async () => {
    const late: string[] = [];
    const refused = createGate();
    const released = createGate();
    let isWatching = false;
    const pool = watched(
      async (text, execute) => {
        if (text.includes('INTO agent_os_hook_batches')) isWatching = true;
        if (isWatching) await refused.opened;
        if (isWatching) late.push(text.trim().split(/\s/)[0] ?? '');
        return execute();
      },
      () => {
        if (isWatching) released.open();
      },
    );
    const executor = bullmq({ pool, queue: nextQueue(), onUnavailable: 'fail', storeTimeout: 1 });
    const stage = new ExecutorStage(executor);
    await executor.start({ ...stage.host, role: 'server' });
    const accepting = stage.accept(stage.batch('run', { one: stage.step('one') }));
    await expect(accepting).rejects.toThrow(/could not be stored/);
    refused.open();
    await released.opened;
    await executor.stop(AbortSignal.abort());
    expect(late).not.toContain('COMMIT');
  });

  it('with fewer connections than its worker and its queries need is refused at the start', async () => {
    const stage = new ExecutorStage(bullmq({ pool: open({ max: 2 }), queue: nextQueue() }));
    await expect(stage.start()).rejects.toThrow(/max: 2, and at least 3 connections are needed/);
  });

  it('whose tables hide those of BullMQ is refused at the start', async () => {
    const pool = open();
    await pool.query('CREATE TABLE job (id int)');
    const stage = new ExecutorStage(bullmq({ pool, queue: nextQueue() }));
    await expect(stage.start()).rejects.toThrow(/the table "job" of the application hides that of BullMQ/);
    await pool.query('DROP TABLE job');
  });
});

describeWherePossible(isRedisInstalled() || isCi, 'Redis', 'install Redis', () => {
  const ends: (() => Promise<unknown>)[] = [];

  afterEach(async () => {
    for (const end of ends.splice(0).reverse()) await end();
    Logger.overrideLogger(new RecordingLogger());
  });

  it('that may evict hooks or keeps nothing on disk is named in a warning at the start', async () => {
    const log = new RecordingLogger();
    Logger.overrideLogger(log);
    const server = await startRedis(['--appendonly', 'no', '--maxmemory-policy', 'allkeys-lru']);
    ends.push(() => server.stop());
    const stage = new ExecutorStage(bullmq({ connection: server.url, queue: nextQueue() }));
    await stage.start();
    await stage.executor.stop(AbortSignal.abort());
    expect(log.messages('warn').join()).toMatch(
      /maxmemory-policy is "allkeys-lru".*appendonly is "no" and save is empty/s,
    );
  });

  it.each([
    ['as long as their data', { keepFailed: 60_000 }, ['second-0-0']],
    ['seven days by default', {}, ['first-0-0', 'second-0-0']],
  ])('keeps the jobs of failed hooks %s', async (_time, settings, kept) => {
    const server = await startRedis();
    ends.push(() => server.stop());
    const queue = nextQueue();
    const executor = bullmq({ connection: server.url, queue, ...settings });
    const stage = new ExecutorStage(executor);
    ends.push(() => executor.stop(AbortSignal.abort()));
    await stage.start();
    const client = new Redis(server.url);
    ends.push(async () => client.disconnect());
    const jobs = (): Promise<string[]> => client.zrange(`bull:${queue}:failed`, 0, '-1');
    const fail = async (id: string): Promise<void> => {
      await stage.acceptAndRelease(stage.batch(id, { hook: () => raise(new Error('bad')) }));
      // The ledger knows of it before the queue.
      while (!(await jobs()).includes(`${id}-0-0`)) await new Promise(setImmediate);
    };
    await fail('first');
    const time = Date.now;
    const clock = jest.spyOn(Date, 'now').mockImplementation(() => time() + 61_000);
    try {
      await fail('second');
    } finally {
      clock.mockRestore();
    }
    expect(await jobs()).toEqual(kept);
  });

  it('that cannot be reached stops the start', async () => {
    const stage = new ExecutorStage(bullmq({ connection: 'redis://127.0.0.1:1', queue: nextQueue() }));
    await expect(stage.start()).rejects.toThrow(/Redis cannot be reached/);
  });

  it('gives a hook whose lock is lost to a worker again, aborts its signal, and does not record its first result', async () => {
    const server = await startRedis();
    ends.push(() => server.stop());
    const client = new Redis(server.url);
    ends.push(async () => client.disconnect());
    const queue = nextQueue();
    const executor = bullmq({ connection: server.url, queue, lockDuration: 1_000, stalledInterval: 200 });
    const stage = new ExecutorStage(executor);
    ends.push(() => executor.stop(AbortSignal.abort()));
    await executor.start({ ...stage.host, shutdownTimeout: 500 });
    const aborted = createGate();
    const again = createGate();
    const batch = stage.batch('run', {
      hook: async ({ hook, signal }) => {
        if (hook.attempt > 1) return again.open();
        signal.addEventListener('abort', () => aborted.open());
        await client.del(`bull:${queue}:run-0-0:lock`);
        await aborted.opened;
        await again.opened;
        throw new Error('The result of the first attempt.');
      },
      next: stage.step('next'),
    });
    await stage.acceptAndRelease(batch);
    await aborted.opened;
    await stage.executor.drain();
    const ended = await stage.executions.list({ runId: 'run' });
    expect(ended.map(({ hook, state, attempts }) => `${hook} ${state} ${attempts}`).sort()).toEqual([
      'hook succeeded 2',
      'next succeeded 1',
    ]);
  });

  it('aborts the signal of a hook whose lock is lost to another worker, while the hook runs on', async () => {
    const server = await startRedis();
    ends.push(() => server.stop());
    const client = new Redis(server.url);
    ends.push(async () => client.disconnect());
    const queue = nextQueue();
    const create = (): HookExecutor => {
      const options = {
        connection: server.url,
        queue,
        concurrency: 1,
        lockDuration: 1_000,
        stalledInterval: 200,
      };
      const executor = bullmq(options);
      ends.push(() => executor.stop(AbortSignal.abort()));
      return executor;
    };
    const stage = new ExecutorStage(create());
    await stage.executor.start({ ...stage.host, shutdownTimeout: 500 });
    const aborted = createGate();
    const started = createGate();
    const batch = stage.batch('run', {
      hook: async ({ hook, signal }) => {
        if (hook.attempt > 1) return aborted.opened;
        signal.addEventListener('abort', () => aborted.open());
        started.open();
        return aborted.opened;
      },
    });
    await stage.acceptAndRelease(batch);
    await started.opened;
    // The first worker is busy with this one hook, so that only the other one can take it over.
    await create().start({ ...stage.host, shutdownTimeout: 500, role: 'worker' });
    await client.del(`bull:${queue}:run-0-0:lock`);
    await aborted.opened;
    await stage.executor.drain();
    expect(await stage.executions.list({ runId: 'run' })).toMatchObject([
      { state: 'succeeded', attempts: 2 },
    ]);
  });

  it('keeps the lock of a hook for as long as it runs', async () => {
    const server = await startRedis();
    ends.push(() => server.stop());
    const client = new Redis(server.url);
    ends.push(async () => client.disconnect());
    const queue = nextQueue();
    const executor = bullmq({ connection: server.url, queue, lockDuration: 4_000, stalledInterval: 500 });
    const stage = new ExecutorStage(executor);
    ends.push(() => executor.stop(AbortSignal.abort()));
    await executor.start({ ...stage.host, shutdownTimeout: 500 });
    const batch = stage.batch('run', {
      hook: async ({ signal }) => {
        let left = Infinity;
        for (;;) {
          const now = await client.pttl(`bull:${queue}:run-0-0:lock`);
          if (now > left || signal.aborted) return;
          left = now;
          await new Promise((resolve) => setTimeout(resolve, 20));
        }
      },
    });
    await stage.acceptAndRelease(batch);
    await stage.executor.drain();
    expect(await stage.executions.list({ runId: 'run' })).toMatchObject([
      { state: 'succeeded', attempts: 1 },
    ]);
  });
});
