import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { drizzle } from 'drizzle-orm/node-postgres';
import { Agent, InMemoryEvalStore } from 'nestjs-agentos';
import { migrate, SqlSessionStore } from 'nestjs-agentos/sql';
import { Pool } from 'pg';

import { runJson } from '../support/http-client.js';
import { isPostgresInstalled, startPostgres, type PostgresServer } from '../support/postgres.js';
import { closeApps, startApp } from '../support/test-app.js';

const isTested = isPostgresInstalled() || process.env['CI'] !== undefined;

(isTested ? describe : describe.skip)('A row that somebody else has locked, in PostgreSQL', () => {
  let server: PostgresServer;
  let pool: Pool;
  let admin: Pool;

  beforeAll(async () => {
    server = await startPostgres();
    admin = new Pool({ connectionString: server.url });
    pool = new Pool({
      connectionString: server.url,
      max: 2,
      lock_timeout: 300,
      connectionTimeoutMillis: 2_000,
    });
    await migrate(drizzle({ client: pool }));
  }, 60_000);
  afterEach(closeApps);
  afterAll(async () => {
    await Promise.all([pool.end(), admin.end()]);
    await server.stop();
  });

  it('costs its own session history, and other users nothing but a wait', async () => {
    const agent = new Agent({ id: 'support', engine: ({ messages }) => `answer ${messages.length}` });
    const { url, log } = await startApp({
      agentOs: {
        agents: [agent],
        sessionStore: new SqlSessionStore(drizzle({ client: pool })),
        evalStore: new InMemoryEvalStore(),
        storeTimeout: 600,
      },
    });
    const ask = (session_id: string): Promise<unknown> =>
      runJson(url, '/agents/support', 'hi', { session_id }).then(({ status }) => status);
    expect(await Promise.all([ask('locked'), ask('free')])).toEqual([200, 200]);
    const holder = await admin.connect();
    await holder.query('BEGIN');
    await holder.query("SELECT * FROM agent_os_sessions WHERE id = 'locked' FOR UPDATE");

    // More of them than the pool has connections.
    const blocked = Promise.all([ask('locked'), ask('locked'), ask('locked'), ask('locked')]);
    // They take the pool first, and give up one after another.
    expect(await blocked).toEqual([200, 200, 200, 200]);
    expect(log.messages('error').filter((line) => line.includes('could not be stored'))).toHaveLength(4);
    expect(await Promise.all([ask('free'), ask('other')])).toEqual([200, 200]);

    await holder.query('ROLLBACK');
    holder.release();
    expect(await ask('locked')).toBe(200);
  });
});
