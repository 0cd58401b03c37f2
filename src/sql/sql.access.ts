import type { PgTransactionConfig } from 'drizzle-orm/pg-core';

import { checkSpaceOf } from './free-space.js';
import { watchConnections } from './sql.connections.js';
import type { SqlDatabase } from './sql.database.js';
import { SqlStoreError } from './sql-store.error.js';

/** What {@link SqlDatabase.transaction} calls its function with. */
export type Transaction = Parameters<Parameters<SqlDatabase['transaction']>[0]>[0];

/** What of a pool of `pg` a transaction needs. */
interface Pool {
  connect(): Promise<PoolClient>;
}

interface PoolClient {
  /** @param isBroken - closes the connection instead of keeping it for the next statement */
  release(isBroken?: boolean): void;
}

/** How a store uses its database: connections are watched, and errors hold no parameters. */
export class SqlAccess {
  readonly #database: SqlDatabase;

  constructor(database: SqlDatabase) {
    watchConnections(database);
    this.#database = database;
  }

  /** @throws SqlStoreError in place of what drizzle throws */
  async run<T>(work: (database: SqlDatabase) => Promise<T>): Promise<T> {
    try {
      return await work(this.#database);
    } catch (thrown) {
      throw SqlStoreError.of(thrown);
    }
  }

  /**
   * Like {@link run}, for statements that write.
   *
   * @throws SqlStoreError with the code ENOSPC if the database is in a folder whose disk is nearly full
   */
  write<T>(work: (database: SqlDatabase) => Promise<T>): Promise<T> {
    return this.run(async (database) => {
      await checkSpaceOf(database);
      return work(database);
    });
  }

  /** @throws SqlStoreError in place of what drizzle throws */
  transaction<T>(work: (transaction: Transaction) => Promise<T>, config?: PgTransactionConfig): Promise<T> {
    return this.run(async (database) => {
      if (config?.accessMode !== 'read only') await checkSpaceOf(database);
      const pool = poolOf(database);
      return pool ? onOneConnection(pool, database, work, config) : database.transaction(work, config);
    });
  }
}

/**
 * Drizzle keeps a pool's connection for ever if `BEGIN` fails on it, and gives one back as sound whose statement nobody
 * answers: after as many lost connections the pool would be used up. Here a connection with a failed transaction is
 * closed.
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

/** The logger of statements that the application has given to drizzle. */
function loggerOf(database: SqlDatabase): never | undefined {
  const { options } = database._.session as unknown as { readonly options?: { readonly logger?: never } };
  return options?.logger;
}
