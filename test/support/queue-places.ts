import { drizzle } from 'drizzle-orm/pglite';
import { Redis } from 'ioredis';
import type { BullmqStore } from 'nestjs-agentos/bullmq';
import { Pool } from 'pg';

import { createPglite } from './pglite.js';
import { ON_SERVERS } from './part.js';
import { isPostgresInstalled, createDatabase } from './postgres.js';
import { isRedisInstalled, startRedis } from './redis.js';

/** A place of queues that is open. */
export interface QueuePlace {
  readonly store: BullmqStore;
  close(): Promise<void>;
}

/** Milliseconds that the start of a server may take on a busy machine. */
export const STARTING_TIME = 120_000;

/** With CI set a missing server is a failure. */
const isCi = process.env['CI'] !== undefined;

/** The places where hooks are kept: a real folder, and with {@link ON_SERVERS} real servers. */
export const QUEUE_PLACES: readonly {
  readonly name: string;
  readonly isPossible: boolean;
  readonly open: () => Promise<QueuePlace>;
}[] = ON_SERVERS
  ? [
      { name: 'PostgreSQL', isPossible: isPostgresInstalled() || isCi, open: openPostgresPlace },
      { name: 'Redis', isPossible: isRedisInstalled() || isCi, open: openRedisPlace },
    ]
  : [{ name: 'a folder', isPossible: true, open: openFolderPlace }];

let queues = 0;

/** A queue that no other test uses. */
export function nextQueue(): string {
  return `test-${process.pid}-${queues++}`;
}

async function openFolderPlace(): Promise<QueuePlace> {
  const pglite = await createPglite();
  const folder = { database: drizzle({ client: pglite }), close: () => Promise.resolve() };
  return { store: { folder }, close: () => pglite.close() };
}

async function openPostgresPlace(): Promise<QueuePlace> {
  const created = await createDatabase();
  const pool = new Pool({ connectionString: created.url });
  return {
    store: { pool },
    close: async () => {
      await pool.end();
      await created.drop();
    },
  };
}

async function openRedisPlace(): Promise<QueuePlace> {
  const server = await startRedis();
  const connection = new Redis(server.url, { maxRetriesPerRequest: null });
  return {
    store: { connection },
    close: async () => {
      connection.disconnect();
      await server.stop();
    },
  };
}
