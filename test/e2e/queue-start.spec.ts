import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { Redis } from 'ioredis';
import { Pool } from 'pg';

import { PoolDatabase } from '../../src/bullmq/queue.database.js';
import { RedisQueueStore } from '../../src/bullmq/redis-queue.store.js';
import { SqlQueueStore } from '../../src/bullmq/sql-queue.store.js';
import { createExecution } from '../../src/testing/contracts/hook.harness.js';
import { isPostgresInstalled, startPostgres, type PostgresServer } from '../support/postgres.js';
import { isRedisInstalled, startRedis, type RedisServer } from '../support/redis.js';
import { describeWherePossible } from '../support/where-possible.js';

const isCi = process.env['CI'] !== undefined;

describeWherePossible(isPostgresInstalled() || isCi, 'A queue in PostgreSQL', 'install PostgreSQL', () => {
  let server: PostgresServer;
  let pool: Pool;

  beforeAll(async () => {
    server = await startPostgres();
    pool = new Pool({ connectionString: server.url, statement_timeout: 3_000 });
  });
  afterAll(async () => {
    await pool.end();
    await server.stop();
  });

  it('is opened by a process while a hook of another one is being recorded', async () => {
    const open = (): Promise<readonly string[]> => new SqlQueueStore(new PoolDatabase(pool), 'queue').open();
    await open();
    const worker = await pool.connect();
    try {
      await worker.query(
        'BEGIN; UPDATE agent_os_hook_executions SET fence = 2; UPDATE agent_os_hook_batches SET open = 1',
      );
      await expect(open()).resolves.toEqual([]);
      await worker.query('COMMIT');
    } finally {
      worker.release(true);
    }
  });
});

describeWherePossible(isRedisInstalled() || isCi, 'A queue in Redis', 'install Redis', () => {
  let server: RedisServer;
  let client: Redis;

  beforeAll(async () => {
    server = await startRedis();
    client = new Redis(server.url);
  });
  afterAll(async () => {
    client.disconnect();
    await server.stop();
  });

  it('keeps nothing of a batch whose process has died before its jobs were added', async () => {
    const store = new RedisQueueStore(client, 'queue', () => Promise.resolve());
    const executions = [createExecution({ runId: 'run', hook: 'hook' })];
    const batch = {
      id: 'run-0',
      tree: 'run',
      executions,
      origins: new Map(),
      keys: new Map(),
      jobs: new Map(),
      snapshots: new Map(),
      files: new Map(),
    };
    let seen: unknown[] = [];
    const dying = store.add(batch, async () => {
      seen = [await store.list({}), await client.zcard('agent-os:queue:open')];
      throw new Error('The process dies.');
    });
    await expect(dying).rejects.toThrow('The process dies.');
    expect(seen).toEqual([[], 0]);
    expect(await client.keys('*')).toEqual([]);
  });
});
