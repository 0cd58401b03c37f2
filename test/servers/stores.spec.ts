import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { drizzle } from 'drizzle-orm/node-postgres';
import { migrate, SqlEvalStore, SqlSessionStore } from 'nestjs-agentos/sql';
import { Pool } from 'pg';

import {
  isPostgresInstalled,
  NEEDS_POSTGRES,
  createDatabase,
  type PostgresDatabase,
} from '../support/postgres.js';
import { describeSqlStores, type StoresUnderTest } from '../support/sql-stores.js';
import { describeWherePossible } from '../support/where-possible.js';

const serverName = 'PostgreSQL server';

describeWherePossible(
  isPostgresInstalled() || process.env['CI'] !== undefined,
  'On a server',
  NEEDS_POSTGRES,
  () => {
    describeSqlStores(serverName, createServerStores);
    describe(serverName, testReadingAtOneMoment);
  },
);

async function createServerStores(): Promise<StoresUnderTest> {
  const created = await createDatabase();
  const pool = new Pool({ connectionString: created.url, max: 8 });
  const database = drizzle({ client: pool });
  // Several processes migrate when they start at once.
  await Promise.all([migrate(database), migrate(database), migrate(database)]);
  return {
    sessions: new SqlSessionStore(database),
    evals: new SqlEvalStore(database),
    close: async () => {
      await pool.end();
      await created.drop();
    },
  };
}

/** While one connection reads a session, another one deletes it and begins it anew for somebody else. */
function testReadingAtOneMoment(): void {
  let database: PostgresDatabase;
  let pool: Pool;
  beforeAll(async () => {
    database = await createDatabase();
    pool = new Pool({ connectionString: database.url, max: 8 });
    await migrate(drizzle({ client: pool }));
  }, 60_000);
  afterAll(async () => {
    await pool.end();
    await database.drop();
  });

  it.each(['find', 'open', 'list'] as const)('One user sees no state of another user: %s', async (method) => {
    const [id, ann] = [`moment-${method}`, `ann-${method}`];
    const plain = new SqlSessionStore(drizzle({ client: pool }));
    await plain.create({ id, userId: ann, state: { mine: 'of ann' } });
    let isTaken = false;
    const takeOver = async (): Promise<void> => {
      if (isTaken) return;
      isTaken = true;
      await plain.delete([id]);
      await plain.create({ id, userId: 'bob', state: { secret: 'of bob' } });
    };
    const racing = new SqlSessionStore(drizzle({ client: afterEachQuery(pool, takeOver) }));

    const reads = {
      find: () => racing.find(id, ann),
      open: () => racing.open(id),
      list: async () => (await racing.list({ userId: ann })).sessions[0],
    };
    const found = await reads[method]();

    expect(isTaken).toBe(true);
    expect(found).toMatchObject({ userId: ann, state: { mine: 'of ann' } });
    expect(await plain.find(id)).toMatchObject({ userId: 'bob' });
  });
}

/** The pool, with a step of somebody else's after every query that has read sessions. */
function afterEachQuery(pool: Pool, step: () => Promise<void>): Pool {
  const wrap = <T extends object>(client: T): T =>
    new Proxy(client, {
      get(target, key) {
        const value: unknown = Reflect.get(target, key);
        if (typeof value !== 'function') return value;
        const call = (...given: unknown[]): unknown => Reflect.apply(value, target, given);
        if (key === 'connect') return async () => wrap((await call()) as object);
        if (key !== 'query') return call;
        return async (query: { readonly text?: string }, ...others: unknown[]) => {
          const result = await (call(query, ...others) as Promise<unknown>);
          if (query.text?.includes('from "agent_os_sessions"')) await step();
          return result;
        };
      },
    });
  return wrap(pool);
}
