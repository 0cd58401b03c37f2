import { drizzle } from 'drizzle-orm/pglite';
import { Redis } from 'ioredis';
import type { BullmqStore } from 'nestjs-agentos/bullmq';
import { Pool } from 'pg';

import { createPglite } from './pglite.js';
import { isPostgresInstalled, startPostgres } from './postgres.js';
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

/** The places where hooks are kept, each on a real server or a real folder. */
export const QUEUE_PLACES: readonly {
  readonly name: string;
  readonly isPossible: boolean;
  readonly open: () => Promise<QueuePlace>;
}[] = [
  { name: 'a folder', isPossible: true, open: openFolderPlace },
  { name: 'PostgreSQL', isPossible: isPostgresInstalled() || isCi, open: openPostgresPlace },
  { name: 'Redis', isPossible: isRedisInstalled() || isCi, open: openRedisPlace },
];

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
  const server = await startPostgres();
  const pool = new Pool({ connectionString: server.url });
  return {
    store: { pool },
    close: async () => {
      await pool.end();
      await server.stop();
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
