import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { Pool } from 'pg';

import { PoolDatabase } from '../../src/bullmq/queue.database.js';
import { SqlQueueStore } from '../../src/bullmq/sql-queue.store.js';
import { isPostgresInstalled, startPostgres, type PostgresServer } from '../support/postgres.js';
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
