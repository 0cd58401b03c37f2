import { afterAll, afterEach, beforeAll, expect, it } from '@jest/globals';
import { drizzle } from 'drizzle-orm/node-postgres';
import { migrate, SqlSessionStore } from 'nestjs-agentos/sql';
import { Pool } from 'pg';

import { codeBlocks, readDocument } from '../support/documents.js';
import {
  isPostgresInstalled,
  NEEDS_POSTGRES,
  createDatabase,
  type PostgresDatabase,
} from '../support/postgres.js';
import { storedRunOf } from '../support/stored-data.js';
import { closeApps } from '../support/test-app.js';
import { describeWherePossible } from '../support/where-possible.js';

afterEach(closeApps);

const NO_CHANGES = { state: { set: {}, removed: [] }, metadata: { set: {}, removed: [] } };

const isTested = isPostgresInstalled() || process.env['CI'] !== undefined;

describeWherePossible(isTested, 'Annotations from two machines, in PostgreSQL', NEEDS_POSTGRES, () => {
  let database: PostgresDatabase;
  let [pool, otherPool]: Pool[] = [];
  let here: SqlSessionStore;
  let there: SqlSessionStore;

  beforeAll(async () => {
    database = await createDatabase();
    pool = new Pool({ connectionString: database.url });
    otherPool = new Pool({ connectionString: database.url });
    await migrate(drizzle({ client: pool }));
    here = new SqlSessionStore(drizzle({ client: pool }));
    there = new SqlSessionStore(drizzle({ client: otherPool }));
  }, 60_000);
  afterAll(async () => {
    await Promise.all([pool?.end(), otherPool?.end()]);
    await database.drop();
  });

  it('of one run lose no key, and the later of two for one key wins', async () => {
    await here.append({ id: 's1' }, storedRunOf({ runId: 'r1', sessionId: 's1' }), NO_CHANGES);
    const keys = Array.from({ length: 40 }, (_, index) => `key${index}`);

    await Promise.all(keys.map((key, index) => (index % 2 ? here : there).annotate('r1', { [key]: index })));
    await here.annotate('r1', { winner: 'here' });
    await there.annotate('r1', { winner: 'there' });

    const { rows } = (await pool?.query(
      "SELECT run->'output'->'metadata' AS metadata FROM agent_os_runs WHERE run_id = 'r1'",
    )) as { rows: unknown[] };
    const metadata = { ...Object.fromEntries(keys.map((key, index) => [key, index])), winner: 'there' };
    expect(rows).toEqual([{ metadata }]);
  });

  it('are found by the query of the guide', async () => {
    for (const [runId, tags] of [
      ['untagged', undefined],
      ['one', ['invoice']],
      ['two', ['delivery', 'invoice']],
    ] as const) {
      await here.append({ id: 's2' }, storedRunOf({ runId, sessionId: 's2' }), NO_CHANGES);
      if (tags) await here.annotate(runId, { tags });
    }
    const [query = ''] = codeBlocks(readDocument('docs/guide/writing-back.md'), 'sql');

    expect((await pool?.query(query))?.rows).toEqual([
      { tag: 'invoice', runs: '2' },
      { tag: 'delivery', runs: '1' },
    ]);
  });
});
