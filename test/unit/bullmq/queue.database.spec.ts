import { EventEmitter } from 'node:events';

import { describe, expect, it } from '@jest/globals';

import { PoolDatabase, type PoolClientLike, type Rows } from '../../../src/bullmq/queue.database.js';

/** A connection that remembers its statements. */
class RecordingClient extends EventEmitter implements PoolClientLike {
  readonly statements: string[] = [];

  query<R>(text: string): Promise<Rows<R>> {
    this.statements.push(text);
    return Promise.resolve({ rows: [] });
  }

  release(): void {
    // It is used again.
  }
}

function databaseOf(client: RecordingClient): PoolDatabase {
  return new PoolDatabase({ connect: () => Promise.resolve(client), on: () => undefined });
}

describe('A database of a queue', () => {
  it('executes statements in its own transaction, also inside that of another database', async () => {
    const [own, transaction] = [new RecordingClient(), new RecordingClient()];
    const [other, otherTransaction] = [new RecordingClient(), new RecordingClient()];
    const database = databaseOf(own);
    const otherDatabase = databaseOf(other);

    await database.within(transaction, () =>
      otherDatabase.within(otherTransaction, async () => {
        await database.query('SELECT 1');
        await otherDatabase.query('SELECT 2');
      }),
    );
    await database.query('SELECT 3');

    expect(transaction.statements.at(-1)).toBe('SELECT 1');
    expect(otherTransaction.statements.at(-1)).toBe('SELECT 2');
    expect(own.statements.at(-1)).toBe('SELECT 3');
    expect(other.statements).toEqual([]);
  });
});
