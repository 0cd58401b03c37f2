import { Inject, Module, type OnApplicationShutdown } from '@nestjs/common';
import { drizzle } from 'drizzle-orm/node-postgres';
import type { BullmqStore } from 'nestjs-agentos/bullmq';
import { migrate, openFolder, SqlEvalStore, SqlSessionStore, type SqlDatabase } from 'nestjs-agentos/sql';
import { Pool } from 'pg';

import { createHookExecutor } from './hook-queue.js';

/** A database and a function that closes it. */
interface Storage {
  readonly database: SqlDatabase;
  /** The same database, for background hooks. */
  readonly hooks: BullmqStore;
  readonly close: () => Promise<void>;
}

const STORAGE = Symbol('storage');
/** The executor of background hooks; undefined if they are kept in memory. */
export const HOOK_EXECUTOR = Symbol('hook executor');
const DEFAULT_FOLDER = '.agent-os';

/** Describes where sessions and evaluations are kept, without the password of the server. */
export function describeStorage(): string {
  const url = process.env['DATABASE_URL'];
  if (url === undefined) {
    const folder = process.env['DATA_FOLDER'] ?? DEFAULT_FOLDER;
    return `${folder}, PostgreSQL in this process (DATA_FOLDER selects another folder, DATABASE_URL a server)`;
  }
  const place = URL.canParse(url) ? new URL(url) : undefined;
  return `PostgreSQL server ${place ? `${place.host}${place.pathname}` : 'of DATABASE_URL'}`;
}

/** A PostgreSQL server if `DATABASE_URL` names one, else PostgreSQL in this process, in a folder (`DATA_FOLDER`). */
async function openStorage(): Promise<Storage> {
  const url = process.env['DATABASE_URL'];
  const storage = url === undefined ? await openOwnFolder() : openServer(url);
  await migrate(storage.database);
  return storage;
}

async function openOwnFolder(): Promise<Storage> {
  const folder = await openFolder(process.env['DATA_FOLDER'] ?? DEFAULT_FOLDER);
  return { database: folder.database, hooks: { folder }, close: () => folder.close() };
}

function openServer(connectionString: string): Storage {
  const client = new Pool({
    connectionString,
    connectionTimeoutMillis: 5_000,
    // The server ends a statement that waits for a lock; the client gives up on a server that does not answer.
    statement_timeout: 8_000,
    query_timeout: 9_000,
  });
  return { database: drizzle({ client }), hooks: { pool: client }, close: () => client.end() };
}

/** AgentOsModule imports it, so the database closes after the last background hook has run. */
@Module({
  providers: [
    { provide: STORAGE, useFactory: openStorage },
    {
      provide: SqlSessionStore,
      inject: [STORAGE],
      useFactory: ({ database }: Storage) => new SqlSessionStore(database),
    },
    {
      provide: SqlEvalStore,
      inject: [STORAGE],
      useFactory: ({ database }: Storage) => new SqlEvalStore(database),
    },
    {
      provide: HOOK_EXECUTOR,
      inject: [STORAGE],
      useFactory: ({ hooks }: Storage) => createHookExecutor(hooks),
    },
  ],
  exports: [SqlSessionStore, SqlEvalStore, HOOK_EXECUTOR],
})
export class StorageModule implements OnApplicationShutdown {
  constructor(@Inject(STORAGE) private readonly storage: Storage) {}

  async onApplicationShutdown(): Promise<void> {
    await this.storage.close();
  }
}
