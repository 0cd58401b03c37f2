import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { PGlite } from '@electric-sql/pglite';
import { openFolder, type SqlFolder } from 'nestjs-agentos/sql';

import { createPglite } from '../support/pglite.js';

/** Longer than the pause between two looks at the tables. */
const A_WHILE = 60_000;
const ROWS = 2_000;
/** Bytes of the log that are not in the tables yet. */
const WRITTEN = 'SELECT pg_current_wal_insert_lsn() - redo_lsn FROM pg_control_checkpoint()';

describe('A folder', () => {
  let path: string;
  let folder: SqlFolder;
  let client: PGlite;

  beforeAll(async () => {
    path = await mkdtemp(join(tmpdir(), 'agent-os-maintained-'));
    await (await createPglite(join(path, 'data'))).close();
    jest.useFakeTimers({ doNotFake: ['nextTick', 'setImmediate', 'queueMicrotask', 'setTimeout', 'Date'] });
    folder = await openFolder(path);
    client = (folder.database as SqlFolder['database'] & { readonly $client: PGlite }).$client;
  });
  beforeEach(async () => {
    await client.exec('DROP TABLE IF EXISTS notes; CREATE TABLE notes (id int PRIMARY KEY, content text)');
  });
  afterAll(async () => {
    jest.useRealTimers();
    await folder.close();
    await rm(path, { recursive: true });
  });

  async function numberOf(expression: string): Promise<number> {
    const { rows } = await client.query<{ readonly value: number }>(
      `SELECT (${expression})::float8 AS value`,
    );
    return rows[0]?.value ?? NaN;
  }

  const fill = (): Promise<unknown> =>
    client.query(`INSERT INTO notes SELECT id, repeat('x', 500) FROM generate_series(1, ${ROWS}) AS id`);
  const bytes = (): Promise<number> => numberOf(`pg_total_relation_size('notes')`);
  const deadRows = (): Promise<number> =>
    numberOf(`SELECT n_dead_tup FROM pg_stat_all_tables WHERE relname = 'notes'`);

  /** Statements of PGlite leave the event loop no time by themselves. */
  async function until(isSo: () => Promise<boolean>): Promise<void> {
    while (!(await isSo())) await new Promise(setImmediate);
  }

  /** The database counts changes a second late, unless it is told to count them now. */
  const count = (): Promise<unknown> => client.query('SELECT pg_stat_force_next_flush()');

  /** Lets the folder look at its tables, until it has removed the dead rows. */
  async function maintain(): Promise<void> {
    await count();
    expect(await deadRows()).toBeGreaterThan(0);
    jest.advanceTimersByTime(A_WHILE);
    await until(async () => (await deadRows()) === 0);
  }

  it('uses the space of deleted rows again, and does not grow', async () => {
    await fill();
    const size = await bytes();
    for (let round = 0; round < 5; round++) {
      await client.query('DELETE FROM notes WHERE id <= $1', [ROWS - 10]);
      await maintain();
      await client.query('DELETE FROM notes');
      await fill();
      expect(await bytes()).toBeLessThan(1.5 * size);
    }
  });

  it('counts the rows of its tables for the planner', async () => {
    const planned = (): Promise<number> => numberOf(`SELECT reltuples FROM pg_class WHERE relname = 'notes'`);
    expect(await planned()).toBe(-1);
    await fill();
    await count();
    jest.advanceTimersByTime(A_WHILE);
    await until(async () => (await planned()) >= 0);
    expect(await planned()).toBe(ROWS);
  });

  it('leaves tables alone of which little has changed', async () => {
    await fill();
    await count();
    await client.exec('ANALYZE notes');
    await client.query('DELETE FROM notes WHERE id <= 10');
    await client.exec('CREATE TABLE changed AS SELECT 1 AS id FROM generate_series(1, 1000)');
    await count();
    jest.advanceTimersByTime(A_WHILE);
    const vacuumed = `SELECT count(*) FROM pg_stat_all_tables WHERE last_vacuum IS NOT NULL AND relname = `;
    await until(async () => (await numberOf(`${vacuumed}'changed'`)) > 0);
    expect(await numberOf(`${vacuumed}'notes'`)).toBe(0);
  });

  it('waits for a transaction, and keeps all that it does', async () => {
    await fill();
    await client.query('DELETE FROM notes WHERE id <= 1000');
    await count();
    await client.transaction(async (transaction) => {
      await transaction.query('DELETE FROM notes WHERE id <= 1500');
      jest.advanceTimersByTime(A_WHILE);
      await new Promise(setImmediate);
      await transaction.query('UPDATE notes SET content = NULL');
    });
    await count();
    await until(async () => (await deadRows()) === 0);
    expect(await numberOf('SELECT count(*) FROM notes WHERE content IS NULL')).toBe(500);
  });

  it('uses the files of its log again', async () => {
    const logFiles = async (): Promise<number> => (await readdir(join(path, 'data', 'pg_wal'))).length;
    for (let round = 0; round < 5; round++) {
      // Each begins another file of 16 MiB.
      for (let file = 0; file < 5; file++)
        await client.exec(`INSERT INTO notes VALUES (${10 * round + file}); SELECT pg_switch_wal()`);
      jest.advanceTimersByTime(A_WHILE);
      await until(async () => (await numberOf(WRITTEN)) < 64 * 1_048_576);
    }
    expect(await logFiles()).toBeLessThan(20);
  });
});
