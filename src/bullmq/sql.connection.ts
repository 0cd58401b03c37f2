import type { PGlite } from '@electric-sql/pglite';

import { AgentOsConfigurationError } from '../errors/agent-os-configuration.error.js';
import { openPgliteFolder } from '../sql/pglite.folder.js';
import type { SqlFolder } from '../sql/sql.folder.js';
import { WORKER_DEFAULTS, type Bullmq, type QueueConnection } from './queue.connection.js';
import { PgliteDatabase, PoolDatabase, type PoolLike, type QueueDatabase } from './queue.database.js';
import { createQueueWorker } from './queue.worker.js';
import { SqlQueueStore } from './sql-queue.store.js';

/** The number of queues that this process has open on a database. */
const open = new WeakMap<PGlite, number>();

/** Opens a queue in a folder of this application. */
export async function openFolderQueue(
  bullmq: Bullmq,
  folder: string | SqlFolder,
  queue: string,
): Promise<QueueConnection> {
  const opened =
    typeof folder === 'string' ? await openPgliteFolder(folder, 'bullmq({ folder })') : undefined;
  const client = opened?.client ?? clientOf(folder as SqlFolder);
  try {
    const database = new PgliteDatabase(client);
    await database.exclusively((connection) => bullmq.runMigrations(connection));
    await database.prepare();
    if ((open.get(client) ?? 0) === 0) await giveUpLocks(database, queue);
    const connection = await connect(bullmq, database, {
      queue,
      isOfOneProcess: true,
      close: async () => {
        open.set(client, (open.get(client) ?? 1) - 1);
        await opened?.close();
      },
    });
    open.set(client, (open.get(client) ?? 0) + 1);
    return connection;
  } catch (thrown) {
    await opened?.close();
    throw thrown;
  }
}

/**
 * The process that used the folder before has ended. The hooks that it was running are taken over at the first check for
 * such hooks, before their locks expire.
 */
async function giveUpLocks(database: QueueDatabase, queue: string): Promise<void> {
  await database.query(
    `WITH looked AS (DELETE FROM meta WHERE queue = $1 AND field = 'stalled-check')
     UPDATE job SET locked_until_ms = 0, stalled_marked = true WHERE queue = $1 AND state = 'active'`,
    [queue],
  );
}

/** Opens a queue on the pool of the application. */
export async function openPoolQueue(bullmq: Bullmq, pool: PoolLike, queue: string): Promise<QueueConnection> {
  const database = new PoolDatabase(pool);
  await database.exclusively((connection) => bullmq.runMigrations(connection));
  return connect(bullmq, database, { queue, isOfOneProcess: false });
}

interface QueueOfDatabase {
  readonly queue: string;
  readonly isOfOneProcess: boolean;
  readonly close?: (() => Promise<void>) | undefined;
}

async function connect(
  bullmq: Bullmq,
  database: QueueDatabase,
  { queue, isOfOneProcess, close }: QueueOfDatabase,
): Promise<QueueConnection> {
  await refuseHiddenTables(database);
  const store = new SqlQueueStore(database, queue, close);
  await store.open();
  const { FlowProducer, Queue, createPostgresBackend } = bullmq;
  const { connections } = database;
  return {
    store,
    isOfOneProcess,
    ...(connections === undefined ? {} : { connections }),
    createProducer: async (onError) => {
      const producer = new FlowProducer({ connection: database }, createPostgresBackend).on('error', onError);
      // Before its first job it checks the tables, and never again: if the database were away then, all jobs would be refused.
      await producer.waitUntilReady();
      return producer;
    },
    createPromoter: (onError) =>
      new Queue(queue, { connection: database, skipMetasUpdate: true }, createPostgresBackend).on(
        'error',
        onError,
      ),
    createWorker: (name, process, settings) =>
      createQueueWorker(bullmq, {
        queue: name,
        process,
        options: { ...WORKER_DEFAULTS, ...settings, connection: database },
        backend: createPostgresBackend,
      }),
  };
}

/**
 * BullMQ's statements do not name its schema.
 *
 * @throws AgentOsConfigurationError if tables of the application hide those of BullMQ
 */
async function refuseHiddenTables(database: QueueDatabase): Promise<void> {
  const { rows } = await database.query<{ readonly name: string }>(
    `SELECT name FROM unnest($1::text[]) AS name
       JOIN pg_class ON pg_class.oid = to_regclass(name) JOIN pg_namespace ON pg_namespace.oid = relnamespace
      WHERE nspname <> 'bullmq'`,
    [['job', 'job_dependency', 'job_log', 'meta', 'event', 'dedup', 'rate_limit', 'scheduler', 'metrics']],
  );
  if (rows.length === 0) return;
  throw new AgentOsConfigurationError(
    `bullmq(): the table "${rows[0]?.name}" of the application hides that of BullMQ in the schema "bullmq". Give bullmq() a ` +
      `Pool of its own whose search_path is another schema: new Pool({ …, options: '-c search_path=agent_os' }).`,
  );
}

/** The PGlite instance of a drizzle database. */
function clientOf({ database }: SqlFolder): PGlite {
  return (database as SqlFolder['database'] & { readonly $client: PGlite }).$client;
}
