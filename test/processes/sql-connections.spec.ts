import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { sql } from 'drizzle-orm';
import { drizzle } from 'drizzle-orm/node-postgres';
import { Agent } from 'nestjs-agentos';
import { migrate, SqlEvalStore, SqlSessionStore, type SqlDatabase } from 'nestjs-agentos/sql';
import { createGate } from 'nestjs-agentos/testing';
import { Client, Pool, type PoolClient } from 'pg';

import { runJson } from '../support/http-client.js';
import {
  isOwnPostgresInstalled,
  startOwnPostgres,
  type OwnPostgresServer,
} from '../support/postgres.server.js';
import { RecordingLogger } from '../support/recording-logger.js';
import { evaluationOf, storedRunOf } from '../support/stored-data.js';
import { closeApps, startApp } from '../support/test-app.js';
import { describeWherePossible } from '../support/where-possible.js';

const NOTHING = { set: {}, removed: [] };
const UNCHANGED = { state: NOTHING, metadata: NOTHING };
const SLOW = 60_000;

jest.setTimeout(SLOW);

const canStart = isOwnPostgresInstalled() || process.env['CI'] !== undefined;

describeWherePossible(canStart, 'A database on a server', 'install PostgreSQL', () => {
  let server: OwnPostgresServer;
  let log: RecordingLogger;
  const pools: Pool[] = [];

  beforeAll(async () => {
    server = await startOwnPostgres();
    const pool = openPool();
    await migrate(drizzle({ client: pool }));
    await closePools();
  }, SLOW);
  afterEach(async () => {
    await closeApps();
    await closePools();
    Logger.overrideLogger(new RecordingLogger());
  });
  afterAll(() => server.stop(), SLOW);

  async function closePools(): Promise<void> {
    await Promise.all(pools.splice(0).map((pool) => pool.end()));
  }

  function openPool(options: ConstructorParameters<typeof Pool>[0] = {}): Pool {
    log = new RecordingLogger();
    Logger.overrideLogger(log);
    const pool = new Pool({ connectionString: server.url, max: 4, ...options });
    pools.push(pool);
    return pool;
  }

  /** Opens connections and gives them back. */
  async function fill(pool: Pool, count: number): Promise<void> {
    const clients = await Promise.all(Array.from({ length: count }, () => pool.connect()));
    for (const client of clients) client.release();
  }

  const lost = /^The connection to the database was lost: .+\. The pool opens a new one\.$/;

  it('that restarts ends no process: idle connections are lost, logged once, and opened anew', async () => {
    const pool = openPool();
    const database = drizzle({ client: pool });
    const [sessions, evals] = [new SqlSessionStore(database), new SqlEvalStore(database)];
    await fill(pool, 4);

    await server.restart();
    await allLost(pool);

    expect(pool.listenerCount('error')).toBe(1);
    expect(log.messages('error')).toEqual([expect.stringMatching(lost)]);
    await expect(sessions.list()).resolves.toMatchObject({ sessions: [] });
    await expect(evals.count()).resolves.toBe(0);
    expect(log.messages('log')).toEqual(['The connection to the database is restored.']);

    await server.restart();
    await allLost(pool);
    expect(log.messages('error')).toHaveLength(2);
  });

  it('that was opened by drizzle(url) survives a restart as well', async () => {
    openPool();
    const database = drizzle(server.url);
    const sessions = new SqlSessionStore(database);
    await fill(database.$client, 2);

    await server.restart();
    await allLost(database.$client);

    await expect(sessions.create({ id: 'by-url' })).resolves.toBe(true);
    expect(log.messages('error')).toEqual([expect.stringMatching(lost)]);
    await database.$client.end();
  });

  it('that restarts while runs are stored costs the history of these runs, and nothing else', async () => {
    const pool = openPool();
    const database = drizzle({ client: pool });
    const [started, restarted] = [createGate(), createGate()];
    const agent = new Agent({
      id: 'agent',
      engine: async ({ input }) => {
        if (input !== 'first') return 'fine';
        started.open();
        await restarted.opened;
        return 'fine';
      },
    });
    const { url, log: appLog } = await startApp({
      agentOs: { agents: [agent], sessionStore: new SqlSessionStore(database) },
    });
    const holder = await pool.connect();
    await holder.query('BEGIN; LOCK TABLE agent_os_runs IN EXCLUSIVE MODE');
    const stored = runJson(url, '/agents/agent', 'stored while the server restarts', { session_id: 'r' });
    await waitForLock(pool);
    const first = runJson(url, '/agents/agent', 'first', { session_id: 'q' });
    await started.opened;

    await server.restart();
    restarted.open();

    for (const { status, body } of [await stored, await first])
      expect([status, body['content']]).toEqual([200, 'fine']);
    const errors = appLog.messages('error');
    expect(errors.filter((message) => lost.test(message))).toHaveLength(1);
    expect(errors.filter((message) => message.includes('could not be stored'))).toHaveLength(1);
    expect(appLog.entries.map(({ message, stack = '' }) => message + stack).join('\n')).not.toContain(
      'while the server restarts',
    );
    expect(await new SqlSessionStore(database).runs('q')).toHaveLength(1);
    holder.release(true);
  });

  it('that ends single connections (pg_terminate_backend) ends no process, whether they are idle or in use', async () => {
    const pool = openPool();
    const database = drizzle({ client: pool });
    const sessions = new SqlSessionStore(database);
    await fill(pool, 3);
    // In a transaction, between two statements: drizzle never releases a connection that breaks earlier.
    const [begun, held] = [createGate(), createGate()];
    const inUse = database.transaction(async (transaction) => {
      await transaction.execute(sql`SELECT 1`);
      begun.open();
      await held.opened;
      await transaction.execute(sql`SELECT 1`);
    });
    const failed = expect(inUse).rejects.toThrow();

    await begun.opened;
    await terminateOthers(server.url);
    await allLost(pool, 1);
    held.open();
    await failed;

    await expect(sessions.create({ id: 'terminated' })).resolves.toBe(true);
    expect(log.messages('error')).toEqual([expect.stringMatching(lost)]);
  });

  it('of which a connection breaks before a transaction begins keeps all places of its pool', async () => {
    const pool = openPool({ max: 1, connectionTimeoutMillis: 5_000 });
    const sessions = new SqlSessionStore(drizzle({ client: pool }));
    for (let attempt = 0; attempt < 3; attempt++) {
      pool.once('acquire', (client) => streamOf(client).destroy());
      await expect(sessions.create({ id: 'never' })).rejects.toThrow(/Connection terminated|not queryable/);
    }
    await expect(sessions.create({ id: 'after the loss' })).resolves.toBe(true);
  });

  it('that does not answer in time frees its connections for other sessions', async () => {
    const pool = openPool({ max: 2, query_timeout: 400 });
    const sessions = new SqlSessionStore(drizzle({ client: pool }));
    await sessions.create({ id: 'locked' });
    const client = new Client(server.url);
    await client.connect();
    await client.query(`BEGIN; SELECT * FROM agent_os_sessions WHERE id = 'locked' FOR UPDATE`);

    const locked = Array.from({ length: 4 }, (_, index) =>
      sessions.append({ id: 'locked' }, storedRunOf({ runId: `locked ${index}` }), UNCHANGED),
    );
    for (const outcome of await Promise.allSettled(locked))
      expect(outcome).toMatchObject({ status: 'rejected', reason: { message: 'Query read timeout' } });

    await expect(sessions.create({ id: 'free' })).resolves.toBe(true);
    await client.end();
  });

  it('that is reached by one Client, which cannot connect again, says to use a Pool', async () => {
    openPool();
    const client = new Client(server.url);
    await client.connect();
    const sessions = new SqlSessionStore(drizzle({ client }));
    await sessions.create({ id: 'by client' });
    const ended = new Promise((resolve) => client.once('end', resolve));

    await terminateOthers(server.url);
    await ended;

    await expect(sessions.list()).rejects.toThrow(/not queryable/);
    expect(log.messages('error')).toEqual([
      expect.stringMatching(/was lost: .+ A Client does not reconnect: give the stores a Pool\.$/),
    ]);
  });

  it('that does not exist fails with the reason, whatever error the driver throws', async () => {
    openPool();
    const unreachable = new Pool({ host: 'localhost', port: 1 });
    const database = drizzle({ client: unreachable });
    await expect(migrate(database)).rejects.toThrow(/ECONNREFUSED/);
    await expect(new SqlSessionStore(database).create({ id: 'secret' })).rejects.toMatchObject({
      name: 'SqlStoreError',
      code: 'ECONNREFUSED',
      message: expect.stringContaining('ECONNREFUSED'),
    });
    await unreachable.end();
  });

  describe('whose role may not create tables', () => {
    /** A database of its own with a role that may read and write what is there. */
    async function limited(
      prepare: (owner: SqlDatabase) => Promise<void>,
      tables = 'ALL TABLES IN SCHEMA public',
    ): Promise<SqlDatabase> {
      const name = `limited_${pools.length}_${Date.now()}`;
      const admin = openPool();
      await admin.query(`CREATE DATABASE ${name}`);
      const owned = openPool({ connectionString: server.url.replace(/postgres$/, name) });
      await prepare(drizzle({ client: owned }));
      await owned.query(`
        CREATE ROLE ${name} LOGIN; REVOKE CREATE ON SCHEMA public FROM PUBLIC;
        GRANT SELECT, INSERT, UPDATE, DELETE ON ${tables} TO ${name};
        GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO ${name}`);
      const url = server.url.replace(/postgres$/, name).replace('agent_os', name);
      return drizzle({ client: openPool({ connectionString: url }) });
    }

    it('starts if nothing is missing, and stores sessions and evaluations', async () => {
      const database = await limited(migrate);

      await migrate(database);
      const sessions = new SqlSessionStore(database);
      await sessions.append({ id: 's1' }, storedRunOf(), UNCHANGED);
      await new SqlEvalStore(database).save(evaluationOf());

      expect(await sessions.runs('s1')).toHaveLength(1);
    });

    it('has its missing tables named, with the remedy', async () => {
      const database = await limited(() => Promise.resolve());

      await expect(migrate(database)).rejects.toMatchObject({
        code: '42501',
        message: expect.stringMatching(
          /^The tables could not be created \(permission denied for schema public\)\. .*Call migrate\(\) once with a role that may create tables/,
        ),
      });
    });

    it('has a version of its tables that may not be read, and the error says so', async () => {
      const database = await limited(migrate, 'agent_os_sessions');

      await expect(migrate(database)).rejects.toThrow(
        /permission denied for table agent_os_schema.*grant this role access/,
      );
    });
  });
});

/** The socket of a connection. */
function streamOf(client: PoolClient): { destroy(): void } {
  return (client as unknown as { connection: { stream: { destroy(): void } } }).connection.stream;
}

/** Until the pool has dropped its connections, but for so many that are in use. */
async function allLost(pool: Pool, inUse = 0): Promise<void> {
  while (pool.totalCount > inUse) await new Promise((resolve) => pool.once('remove', resolve));
}

/** Until somebody waits for a lock. */
async function waitForLock(pool: Pool): Promise<void> {
  for (;;) {
    const { rowCount } = await pool.query('SELECT 1 FROM pg_locks WHERE NOT granted');
    if (rowCount) return;
  }
}

async function terminateOthers(url: string): Promise<void> {
  const client = new Client(url);
  await client.connect();
  await client.query(
    `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
     WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'`,
  );
  await client.end();
}
