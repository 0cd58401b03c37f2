import { AgentOsLogger } from '../errors/agent-os.logger.js';
import { reasonOf } from '../errors/log.text.js';

/** The part of `EventEmitter` that pools and clients of `pg` have. */
interface Emitter {
  on(event: string, listener: (subject: unknown, connection?: unknown) => void): unknown;
}

/** Pools and clients that are already watched: both stores may share one. */
const watched = new WeakSet<object>();

/**
 * Listens for errors of a database's connections. If a server restarts, fails over or ends a connection, connections
 * that are idle or between two statements emit `error`, which ends the process if there is no listener. A pool opens
 * new connections by itself; each outage is logged once.
 *
 * @param database - of any driver: drivers without such events need no listener
 */
export function watchConnections(database: object): void {
  for (const client of clientsOf(database)) {
    if (!isEmitter(client) || watched.has(client)) continue;
    watched.add(client);
    if (isPool(client)) watchPool(client);
    else watchClient(client);
  }
}

/** The pools or clients of a database, including those of its replicas. */
function clientsOf(database: object): readonly unknown[] {
  const { $client, $primary, $replicas } = database as Readonly<Record<string, unknown>>;
  const parts = [$primary, ...(Array.isArray($replicas) ? ($replicas as unknown[]) : [])];
  return [$client, ...parts.flatMap((part) => (typeof part === 'object' && part ? clientsOf(part) : []))];
}

function isEmitter(client: unknown): client is Emitter {
  return typeof client === 'object' && client !== null && 'on' in client && typeof client.on === 'function';
}

function isPool(client: Emitter): boolean {
  return 'totalCount' in client;
}

function watchPool(pool: Emitter): void {
  const logger = new AgentOsLogger();
  const lost = new WeakSet<object>();
  let isOut = false;
  const onError = (error: unknown, connection: unknown): void => {
    if (!isFirstOf(lost, connection) || isOut) return;
    isOut = true;
    logger.error(`The connection to the database was lost: ${reasonOf(error)}. The pool opens a new one.`);
  };
  pool.on('error', onError);
  pool.on('connect', () => {
    if (!isOut) return;
    isOut = false;
    logger.log('The connection to the database is restored.');
  });
  // While a connection is in use, the pool itself does not listen to it.
  pool.on('acquire', (connection) => {
    if (!isEmitter(connection) || watched.has(connection)) return;
    watched.add(connection);
    connection.on('error', (error) => onError(error, connection));
  });
}

function watchClient(client: Emitter): void {
  const lost = new WeakSet<object>();
  client.on('error', (error) => {
    if (!isFirstOf(lost, client)) return;
    new AgentOsLogger().error(
      `The connection to the database was lost: ${reasonOf(error)}. A Client does not reconnect: give the stores a Pool.`,
    );
  });
}

/** A connection that ends emits several errors: the server's reason, and the closed socket. */
function isFirstOf(lost: WeakSet<object>, connection: unknown): boolean {
  if (typeof connection !== 'object' || connection === null) return true;
  const isFirst = !lost.has(connection);
  lost.add(connection);
  return isFirst;
}
