import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { Redis } from 'ioredis';
import { Pool } from 'pg';

import { PoolDatabase } from '../../src/bullmq/queue.database.js';
import { RedisQueueStore } from '../../src/bullmq/redis-queue.store.js';
import { SqlQueueStore } from '../../src/bullmq/sql-queue.store.js';
import { createExecution } from '../../src/testing/contracts/hook.harness.js';
import { isPostgresInstalled, createDatabase, type PostgresDatabase } from '../support/postgres.js';
import { isRedisInstalled, startRedis, type RedisServer } from '../support/redis.js';
import { describeWherePossible } from '../support/where-possible.js';

const isCi = process.env['CI'] !== undefined;

describeWherePossible(isPostgresInstalled() || isCi, 'A queue in PostgreSQL', 'install PostgreSQL', () => {
  let database: PostgresDatabase;
  let pool: Pool;

  beforeAll(async () => {
    database = await createDatabase();
    pool = new Pool({ connectionString: database.url, statement_timeout: 3_000 });
  });
  afterAll(async () => {
    await pool.end();
    await database.drop();
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

  it('gets its new columns while hooks of processes of an older version are being recorded', async () => {
    const open = (): Promise<readonly string[]> => new SqlQueueStore(new PoolDatabase(pool), 'queue').open();
    await open();
    await pool.query(
      `DROP INDEX agent_os_hook_executions_key, agent_os_hook_executions_batch;
       ALTER TABLE agent_os_hook_executions DROP COLUMN key, DROP COLUMN job;
       ALTER TABLE agent_os_hook_batches DROP COLUMN retrying`,
    );
    const worker = await pool.connect();
    try {
      await worker.query('BEGIN; UPDATE agent_os_hook_executions SET fence = 3');
      const opening = open();
      const waiting = `SELECT 1 FROM pg_locks WHERE NOT granted AND relation = 'agent_os_hook_executions'::regclass`;
      while ((await pool.query(waiting)).rowCount === 0) await new Promise(setImmediate);
      // It holds nothing of this table while it waits for the other one.
      await worker.query('UPDATE agent_os_hook_batches SET open = 1; COMMIT');
      await expect(opening).resolves.toEqual([]);
    } finally {
      worker.release(true);
    }
    const columns = `SELECT column_name FROM information_schema.columns
      WHERE (table_name, column_name) IN (('agent_os_hook_executions', 'key'), ('agent_os_hook_executions', 'job'), ('agent_os_hook_batches', 'retrying'))`;
    expect((await pool.query(columns)).rowCount).toBe(3);
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
