import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { PGlite } from '@electric-sql/pglite';
import { Logger } from '@nestjs/common';
import { createGate, type Gate } from 'nestjs-agentos/testing';

import { FolderMaintenance } from '../../../src/sql/folder.maintenance.js';
import { RecordingLogger } from '../../support/recording-logger.js';

const A_WHILE = 60_000;

/** A database with two tables that need maintenance. */
class Database {
  readonly statements: string[] = [];
  looks = 0;
  logSize = 0;
  failure: Error | undefined;
  /** The table whose maintenance fails. */
  broken: string | undefined;
  closed = false;
  held: Gate | undefined;

  async query(text: string): Promise<{ readonly rows: readonly unknown[] }> {
    await Promise.resolve();
    if (text.includes('redo_lsn')) return { rows: [{ bytes: this.logSize }] };
    this.looks += 1;
    if (this.failure) throw this.failure;
    return { rows: [{ name: 'public.one' }, { name: 'public.two' }] };
  }

  async exec(statement: string): Promise<void> {
    this.statements.push(statement);
    if (this.broken !== undefined && statement.endsWith(this.broken)) throw new Error('It is broken.');
    await this.held?.opened;
  }
}

describe('The maintenance of a folder', () => {
  let database: Database;
  let maintenance: FolderMaintenance;
  let logger: RecordingLogger;

  beforeEach(() => {
    jest.useFakeTimers({ doNotFake: ['nextTick', 'setImmediate', 'queueMicrotask'] });
    logger = new RecordingLogger();
    Logger.overrideLogger(logger);
    database = new Database();
    maintenance = new FolderMaintenance(database as object as PGlite);
  });
  afterEach(async () => {
    await maintenance.stop();
    Logger.overrideLogger(new RecordingLogger());
    jest.useRealTimers();
  });

  it('has a statement for each table, and does not begin again before it has ended', async () => {
    database.held = createGate();
    jest.advanceTimersByTime(3 * A_WHILE);
    const working = maintenance.run();
    expect(maintenance.run()).toBe(working);
    database.held.open();
    await working;
    expect(database.looks).toBe(1);
    expect(database.statements).toEqual(['VACUUM (ANALYZE) public.one', 'VACUUM (ANALYZE) public.two']);
    jest.advanceTimersByTime(A_WHILE);
    await maintenance.run();
    expect(database.looks).toBe(2);
  });

  it('writes the log into the tables when it has become long', async () => {
    database.logSize = 1e9;
    await maintenance.run();
    expect(database.statements.at(-1)).toBe('CHECKPOINT');
  });

  it('ends with the statement that is at work when the folder is closed', async () => {
    database.held = createGate();
    const working = maintenance.run();
    while (database.statements.length === 0) await Promise.resolve();
    const stopped = maintenance.stop();
    database.held.open();
    await Promise.all([working, stopped]);
    jest.advanceTimersByTime(A_WHILE);
    expect([database.statements.length, database.looks, jest.getTimerCount()]).toEqual([1, 1, 0]);
  });

  it('goes on with the other tables and the log after a failure with one table, and names it', async () => {
    database.broken = 'public.one';
    database.logSize = 1e9;
    await maintenance.run();
    await maintenance.run();
    expect(database.statements.slice(0, 3)).toEqual([
      'VACUUM (ANALYZE) public.one',
      'VACUUM (ANALYZE) public.two',
      'CHECKPOINT',
    ]);
    expect(logger.messages('warn')).toEqual([expect.stringMatching(/public\.one.*It is broken\./)]);
  });

  it('ends if the application has closed the database itself', async () => {
    database.closed = true;
    jest.advanceTimersByTime(A_WHILE);
    await maintenance.run();
    expect([database.looks, logger.messages('warn'), jest.getTimerCount()]).toEqual([0, [], 0]);
  });

  it('logs a failure once, until it has succeeded, and goes on', async () => {
    database.failure = new Error('out of order');
    await maintenance.run();
    await maintenance.run();
    expect(logger.messages('warn')).toHaveLength(1);
    database.failure = undefined;
    await maintenance.run();
    database.failure = new Error('out of order');
    await maintenance.run();
    expect(logger.messages('warn')).toHaveLength(2);
  });
});
