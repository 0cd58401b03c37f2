import { afterAll, afterEach, beforeAll, expect, it } from '@jest/globals';
import { drizzle } from 'drizzle-orm/node-postgres';
import { Agent } from 'nestjs-agentos';
import { migrate, SqlEvalStore, SqlSessionStore } from 'nestjs-agentos/sql';
import { Pool, type PoolClient, type PoolConfig } from 'pg';

import { runJson } from '../support/http-client.js';
import {
  isPostgresInstalled,
  NEEDS_POSTGRES,
  createDatabase,
  type PostgresDatabase,
} from '../support/postgres.js';
import { evaluationOf } from '../support/stored-data.js';
import { closeApps, startApp } from '../support/test-app.js';
import { describeWherePossible } from '../support/where-possible.js';

const EVALUATION = evaluationOf({ id: 'judged' });

const NO_CHANGES = { set: {}, removed: [] };
const RENAMED = { name: 'x', state: NO_CHANGES, metadata: NO_CHANGES };

const isTested = isPostgresInstalled() || process.env['CI'] !== undefined;

describeWherePossible(
  isTested,
  'A row that another transaction has locked, in PostgreSQL,',
  NEEDS_POSTGRES,
  () => {
    let database: PostgresDatabase;
    let admin: Pool;
    const pools: Pool[] = [];
    const holders: PoolClient[] = [];

    function openPool(options: PoolConfig): Pool {
      const pool = new Pool({ connectionString: database.url, max: 2, ...options });
      pools.push(pool);
      return pool;
    }

    /** Locks a row until {@link unlock} or the end of the test. */
    async function lock(table: string, id: string): Promise<void> {
      const holder = await admin.connect();
      holders.push(holder);
      await holder.query('BEGIN');
      await holder.query(`SELECT * FROM ${table} WHERE id = $1 FOR UPDATE`, [id]);
    }

    async function unlock(): Promise<void> {
      for (const holder of holders.splice(0)) {
        await holder.query('ROLLBACK');
        holder.release();
      }
    }

    beforeAll(async () => {
      database = await createDatabase();
      admin = new Pool({ connectionString: database.url });
      await migrate(drizzle({ client: admin }));
    }, 60_000);
    afterEach(async () => {
      await unlock();
      await closeApps();
    });
    afterAll(async () => {
      await Promise.all([...pools, admin].map((pool) => pool.end()));
      await database.drop();
    });

    it('delays only its own session, which loses this run, and no other users, with a pool without time-outs', async () => {
      const pool = openPool({});
      const agent = new Agent({ id: 'support', engine: ({ messages }) => `answer ${messages.length}` });
      const { url, log } = await startApp({
        agentOs: {
          agents: [agent],
          sessionStore: new SqlSessionStore(drizzle({ client: pool })),
          evalStore: new SqlEvalStore(drizzle({ client: pool })),
        },
      });
      const ask = (session_id: string): Promise<unknown> =>
        runJson(url, '/agents/support', 'hi', { session_id }).then(({ status }) => status);
      expect(await Promise.all([ask('locked'), ask('free')])).toEqual([200, 200]);
      await lock('agent_os_sessions', 'locked');

      // More of them than the pool has connections.
      const blocked = Promise.all([1, 2, 3].map(() => ask('locked')));
      const headers = { 'content-type': 'application/json' };
      const rename = { method: 'POST', body: '{"session_name":"x"}', headers };
      const changed = Promise.all([
        fetch(`${url}/sessions/locked/rename`, rename),
        fetch(`${url}/sessions/locked`, { ...rename, method: 'PATCH' }),
      ]);
      expect(await waitingConnections()).toBe(1);
      for (let turn = 0; turn < 3; turn++) {
        expect(await Promise.all([ask('free'), ask('other')])).toEqual([200, 200]);
      }
      expect((await fetch(`${url}/sessions/free`)).status).toBe(200);
      expect(await blocked).toEqual([200, 200, 200]);
      expect((await changed).map(({ status }) => status)).toEqual([500, 500]);
      const notStored = log.messages('error').filter((line) => line.includes('could not be stored'));
      expect(notStored).toHaveLength(3);

      await unlock();
      expect(await ask('locked')).toBe(200);
    });

    it('is waited for no longer than three seconds, and the connection returns to the pool though the row stays locked', async () => {
      const pool = openPool({});
      const store = new SqlSessionStore(drizzle({ client: pool }));
      const evals = new SqlEvalStore(drizzle({ client: pool }));
      await store.create({ id: 'kept' });
      await evals.save(EVALUATION);
      await lock('agent_os_sessions', 'kept');
      await lock('agent_os_evaluations', EVALUATION.id);
      const refused = { code: '55P03' };
      await Promise.all([
        expect(store.update('kept', RENAMED)).rejects.toMatchObject(refused),
        expect(store.delete(['kept', 'other'])).rejects.toMatchObject(refused),
        expect(evals.rename(EVALUATION.id, 'x')).rejects.toMatchObject(refused),
        expect(evals.delete([EVALUATION.id])).rejects.toMatchObject(refused),
      ]);
      expect(await store.find('kept')).toMatchObject({ id: 'kept' });
      expect(await store.create({ id: 'another' })).toBe(true);
      await unlock();
      expect(await store.update('kept', RENAMED)).toBe(true);
      expect(await store.delete(['kept', 'another'])).toHaveLength(2);
      await evals.delete([EVALUATION.id]);
      expect(await evals.find(EVALUATION.id)).toBeUndefined();
    });

    it('is waited for as long as the lock_timeout of the pool says', async () => {
      const pool = openPool({ lock_timeout: 50 });
      const store = new SqlSessionStore(drizzle({ client: pool }));
      await store.create({ id: 'brief' });
      await lock('agent_os_sessions', 'brief');
      await expect(store.update('brief', RENAMED)).rejects.toMatchObject({ code: '55P03' });
      await unlock();
      expect(await store.update('brief', RENAMED)).toBe(true);
    });

    /** How many connections wait for a lock, as soon as there is one. */
    async function waitingConnections(): Promise<number> {
      for (;;) {
        const { rowCount } = await admin.query(
          "SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()",
        );
        if (rowCount) return rowCount;
      }
    }
  },
);
