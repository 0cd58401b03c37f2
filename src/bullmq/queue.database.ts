import { AsyncLocalStorage } from 'node:async_hooks';
import { EventEmitter } from 'node:events';
import { setImmediate as nextTurn } from 'node:timers/promises';

import type { PGlite, Transaction } from '@electric-sql/pglite';

import { watchConnections } from '../sql/sql.connections.js';

/** The rows that a statement returned. */
export interface Rows<R = Readonly<Record<string, unknown>>> {
  readonly rows: R[];
  readonly rowCount?: number | null;
}

/** Executes statements, on one connection or on any. */
export interface Queryable {
  query<R = Readonly<Record<string, unknown>>>(text: string, values?: readonly unknown[]): Promise<Rows<R>>;
}

/** The part of a connection of `pg` that is used here. */
export interface PoolClientLike extends Queryable, EventEmitter {
  release(isBroken?: boolean | Error): void;
}

/** The part of a `Pool` of `pg` that is used here. */
export interface PoolLike {
  connect(): Promise<PoolClientLike>;
  on(event: 'error', listener: (error: Error) => void): unknown;
  readonly options?: { readonly max?: number };
}

/** The schema of BullMQ's tables. */
const SCHEMA = 'bullmq';

/**
 * Lets unqualified names of BullMQ be found behind those of the application. A function, since the setting is
 * of a session and connections of a pool are shared with the application.
 */
const appendSchema = (
  until: 'session' | 'transaction',
): string => `SELECT set_config('search_path', current_setting('search_path') || ', ${SCHEMA}', ${until === 'transaction'})
 WHERE NOT '${SCHEMA}' = ANY (string_to_array(replace(current_setting('search_path'), ' ', ''), ','))`;

/** The connection that statements of a database go to within a callback. */
interface BoundConnection {
  readonly database: QueueDatabase;
  readonly connection: Queryable;
  /** That of the callback around it, mostly of another database. */
  readonly outer: BoundConnection | undefined;
}

/**
 * One for all databases: on Node 20 each storage that was ever used makes every promise of the process more expensive, also after
 * its database was closed.
 */
const bound = new AsyncLocalStorage<BoundConnection>();

/**
 * A PostgreSQL database in the shape of a `Pool`, which BullMQ expects. Within {@link transaction} all statements of the
 * callback go to its connection, those of BullMQ too.
 */
export abstract class QueueDatabase extends EventEmitter implements Queryable {
  constructor() {
    super();
    // Every queue and worker listens for errors; that is no leak.
    this.setMaxListeners(0);
  }

  /** The maximum number of connections; undefined if queries share one. */
  abstract readonly connections: number | undefined;

  /** The `Pool` or PGlite behind it. */
  abstract readonly client: object;

  connect(): Promise<PoolClientLike> {
    const current = this.#boundConnection();
    return current ? Promise.resolve(new BoundClient(current)) : this.connectAny();
  }

  /** BullMQ calls it only for pools of its own. */
  end(): Promise<void> {
    return Promise.resolve();
  }

  query<R>(text: string, values?: readonly unknown[]): Promise<Rows<R>> {
    const current = this.#boundConnection();
    return current ? current.query<R>(text, values) : this.queryAny<R>(text, values);
  }

  /**
   * All statements of the callback, those of BullMQ too, are executed in a transaction that others have begun.
   *
   * @param connection - a client of the `Pool`, or a `Transaction` of the PGlite
   */
  abstract within<R>(connection: object, callback: () => Promise<R>): Promise<R>;

  /** All statements of the callback, those of BullMQ too, are executed on this connection. */
  protected onConnection<R>(connection: Queryable, callback: () => Promise<R>): Promise<R> {
    return bound.run({ database: this, connection, outer: bound.getStore() }, callback);
  }

  #boundConnection(): Queryable | undefined {
    for (let found = bound.getStore(); found; found = found.outer)
      if (found.database === this) return found.connection;
    return undefined;
  }

  /** Commits all statements of the callback, or none of them. */
  abstract transaction<R>(callback: () => Promise<R>): Promise<R>;

  /** Calls back with a connection that nothing else uses, for BullMQ's migrations, which begin and commit themselves. */
  abstract exclusively<R>(callback: (connection: PoolClientLike) => Promise<R>): Promise<R>;

  protected abstract connectAny(): Promise<PoolClientLike>;

  protected abstract queryAny<R>(text: string, values?: readonly unknown[]): Promise<Rows<R>>;
}

/** A `Pool` of `pg` that belongs to the application. */
export class PoolDatabase extends QueueDatabase {
  readonly #pool: PoolLike;
  readonly #prepared = new WeakSet<object>();

  constructor(pool: PoolLike) {
    super();
    this.#pool = pool;
    watchConnections({ $client: pool });
  }

  get connections(): number {
    return this.#pool.options?.max ?? 10;
  }

  get client(): object {
    return this.#pool;
  }

  protected async connectAny(): Promise<PoolClientLike> {
    const client = await this.#pool.connect();
    if (this.#prepared.has(client)) return client;
    try {
      await client.query(appendSchema('session'));
      this.#prepared.add(client);
      return client;
    } catch (thrown) {
      client.release(true);
      throw thrown;
    }
  }

  async transaction<R>(callback: () => Promise<R>): Promise<R> {
    const client = await this.connect();
    let isBroken = true;
    try {
      await client.query('BEGIN');
      const result = await this.onConnection(client, callback);
      await client.query('COMMIT');
      isBroken = false;
      return result;
    } finally {
      // A connection whose transaction has failed is closed: a statement on it may never have been answered.
      client.release(isBroken);
    }
  }

  async within<R>(connection: object, callback: () => Promise<R>): Promise<R> {
    const client = connection as PoolClientLike;
    // A setting of the session would be lost if the transaction is rolled back.
    if (!this.#prepared.has(client)) await client.query(appendSchema('transaction'));
    return this.onConnection(client, callback);
  }

  async exclusively<R>(callback: (connection: PoolClientLike) => Promise<R>): Promise<R> {
    const client = await this.connect();
    let isBroken = true;
    try {
      const result = await callback(client);
      isBroken = false;
      return result;
    } finally {
      client.release(isBroken);
    }
  }

  protected async queryAny<R>(text: string, values?: readonly unknown[]): Promise<Rows<R>> {
    const client = await this.connect();
    let isBroken = true;
    try {
      const rows = await client.query<R>(text, values);
      isBroken = false;
      return rows;
    } catch (thrown) {
      isBroken = !isRefusal(thrown);
      throw thrown;
    } finally {
      client.release(isBroken);
    }
  }
}

/** Whether the server has refused a statement: the connection itself is sound. */
function isRefusal(thrown: unknown): boolean {
  const { severity, code } = (thrown ?? {}) as { readonly severity?: unknown; readonly code?: unknown };
  // Class 57: the server shuts down or has ended the connection.
  return severity === 'ERROR' && typeof code === 'string' && !code.startsWith('57');
}

/** PostgreSQL in this process, which has one connection. */
export class PgliteDatabase extends QueueDatabase {
  readonly #pglite: PGlite;

  constructor(pglite: PGlite) {
    super();
    this.#pglite = pglite;
  }

  get connections(): undefined {
    return undefined;
  }

  get client(): object {
    return this.#pglite;
  }

  /** Call it once before anything else. */
  async prepare(): Promise<void> {
    await this.#pglite.query(appendSchema('session'));
  }

  protected connectAny(): Promise<PoolClientLike> {
    return Promise.resolve(new PgliteClient(this.#pglite));
  }

  transaction<R>(callback: () => Promise<R>): Promise<R> {
    return this.#pglite.transaction((transaction) => this.onConnection(toQueryable(transaction), callback));
  }

  within<R>(connection: object, callback: () => Promise<R>): Promise<R> {
    return this.onConnection(toQueryable(connection as Transaction), callback);
  }

  exclusively<R>(callback: (connection: PoolClientLike) => Promise<R>): Promise<R> {
    return this.#pglite.transaction((transaction) => callback(new BoundClient(toQueryable(transaction))));
  }

  protected queryAny<R>(text: string, values?: readonly unknown[]): Promise<Rows<R>> {
    return toQueryable(this.#pglite).query<R>(text, values);
  }
}

/** The connection of a PGlite, with its notifications. */
class PgliteClient extends EventEmitter implements PoolClientLike {
  readonly #pglite: PGlite;
  readonly #unsubscribe: () => void;

  constructor(pglite: PGlite) {
    super();
    this.#pglite = pglite;
    this.#unsubscribe = pglite.onNotification((channel, payload) =>
      this.emit('notification', { channel, payload }),
    );
  }

  query<R>(text: string, values?: readonly unknown[]): Promise<Rows<R>> {
    return toQueryable(this.#pglite).query<R>(text, values);
  }

  release(): void {
    this.#unsubscribe();
  }
}

/** A connection inside a transaction: statements that begin or end a transaction have no effect. */
class BoundClient extends EventEmitter implements PoolClientLike {
  readonly #connection: Queryable;

  constructor(connection: Queryable) {
    super();
    this.#connection = connection;
  }

  query<R>(text: string, values?: readonly unknown[]): Promise<Rows<R>> {
    if (['BEGIN', 'COMMIT', 'ROLLBACK'].includes(text)) return Promise.resolve({ rows: [] });
    return this.#connection.query<R>(text, values);
  }

  release(): void {
    // The connection belongs to the transaction.
  }
}

/**
 * Each statement of PGlite blocks the event loop, and its answer is there in the same turn: without a pause between
 * statements a busy worker would keep timers and sockets waiting.
 */
export function toQueryable(pglite: Pick<PGlite, 'query' | 'exec'>): Queryable {
  return {
    query: async <R>(text: string, values?: readonly unknown[]): Promise<Rows<R>> => {
      await nextTurn();
      if (values === undefined || values.length === 0) {
        const results = await pglite.exec(text);
        const last = results.at(-1);
        return { rows: (last?.rows ?? []) as R[], rowCount: last?.affectedRows ?? 0 };
      }
      const { rows, affectedRows } = await pglite.query<R>(text, [...values]);
      return { rows, rowCount: affectedRows ?? rows.length };
    },
  };
}
