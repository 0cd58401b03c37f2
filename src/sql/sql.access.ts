import { sql } from 'drizzle-orm';
import type { PgTransactionConfig } from 'drizzle-orm/pg-core';

import { checkSpaceOf } from './free-space.js';
import { RowQueue } from './row.queue.js';
import { watchConnections } from './sql.connections.js';
import type { SqlDatabase } from './sql.database.js';
import { SqlStoreError } from './sql-store.error.js';

/** The argument of the function that {@link SqlDatabase.transaction} calls. */
export type Transaction = Parameters<Parameters<SqlDatabase['transaction']>[0]>[0];

/** The connection of a transaction: that of the driver, not of drizzle. */
export function connectionOf(transaction: Transaction): object {
  const { client } = transaction._.session as unknown as { readonly client: object };
  return client;
}

/** The part of `pg`'s pool that a transaction needs. */
interface Pool {
  connect(): Promise<PoolClient>;
}

interface PoolClient {
  /** @param isBroken - closes the connection instead of reusing it */
  release(isBroken?: boolean): void;
}

/**
 * Milliseconds that a write waits for a row: first for earlier writes of this process, then as long for the lock. Both
 * together are less than the default `storeTimeout`, so that a locked row does not also hold a connection.
 */
const ROW_TIMEOUT = 3_000;

/** A store's access to its database: it watches connections, and its errors hold no parameters. */
export class SqlAccess {
  readonly #database: SqlDatabase;
  readonly #rows = new RowQueue(ROW_TIMEOUT);

  constructor(database: SqlDatabase) {
    watchConnections(database);
    this.#database = database;
  }

  /** The `Pool` or PGlite of the database; undefined if it has several, or none. */
  get client(): object | undefined {
    return (this.#database as { readonly $client?: object }).$client;
  }

  /** @throws SqlStoreError in place of drizzle's errors */
  async run<T>(work: (database: SqlDatabase) => Promise<T>): Promise<T> {
    try {
      return await work(this.#database);
    } catch (thrown) {
      throw SqlStoreError.of(thrown);
    }
  }

  /**
   * Like {@link run}, for statements that add rows.
   *
   * @throws SqlStoreError with the code ENOSPC if the database is in a folder whose disk is nearly full
   */
  write<T>(work: (database: SqlDatabase) => Promise<T>): Promise<T> {
    return this.run(async (database) => {
      await checkSpaceOf(database);
      return work(database);
    });
  }

  /**
   * A transaction that changes rows, with a bounded wait for their locks.
   *
   * @param ids - of the rows
   * @throws SqlStoreError in place of drizzle's errors; with the code 55P03 if a row stays locked
   */
  change<T>(ids: readonly string[], work: (transaction: Transaction) => Promise<T>): Promise<T> {
    return this.#rows.run(ids, () =>
      this.transaction(async (transaction) => {
        await transaction.execute(LIMIT_LOCK_WAIT);
        return work(transaction);
      }),
    );
  }

  /** @throws SqlStoreError in place of drizzle's errors */
  transaction<T>(work: (transaction: Transaction) => Promise<T>, config?: PgTransactionConfig): Promise<T> {
    return this.run(async (database) => {
      if (config?.accessMode !== 'read only') await checkSpaceOf(database);
      const pool = poolOf(database);
      return pool ? onOneConnection(pool, database, work, config) : database.transaction(work, config);
    });
  }
}

/** For this transaction only, and only if the application has not set a limit of its own. */
const LIMIT_LOCK_WAIT = sql`SELECT set_config('lock_timeout', ${String(ROW_TIMEOUT)}, true) WHERE current_setting('lock_timeout') = '0'`;

/**
 * Drizzle never releases a connection on which `BEGIN` fails, and returns a connection to the pool as sound if its
 * statement is never answered: lost connections would exhaust the pool. Here a connection with a failed transaction
 * is closed.
 */
async function onOneConnection<T>(
  pool: Pool,
  database: SqlDatabase,
  work: (transaction: Transaction) => Promise<T>,
  config: PgTransactionConfig | undefined,
): Promise<T> {
  const { drizzle } = await import('drizzle-orm/node-postgres');
  const client = await pool.connect();
  let isBroken = true;
  try {
    const logger = loggerOf(database);
    const own = drizzle({ client: client as never, ...(logger === undefined ? {} : { logger }) });
    const result = await own.transaction(work, config);
    isBroken = false;
    return result;
  } finally {
    client.release(isBroken);
  }
}

/** The pool of `drizzle-orm/node-postgres`, if the database has one. */
function poolOf(database: SqlDatabase): Pool | undefined {
  const { $client } = database as { readonly $client?: object | Pool };
  const isPool = typeof $client === 'object' && 'totalCount' in $client;
  return isPool ? ($client as Pool) : undefined;
}

/** The statement logger that the application has configured in drizzle. */
function loggerOf(database: SqlDatabase): never | undefined {
  const { options } = database._.session as unknown as { readonly options?: { readonly logger?: never } };
  return options?.logger;
}
