import { Inject, Module, type OnApplicationShutdown } from '@nestjs/common';
import { drizzle } from 'drizzle-orm/node-postgres';
import { migrate, openFolder, SqlEvalStore, SqlSessionStore, type SqlDatabase } from 'nestjs-agentos/sql';
import { Pool } from 'pg';

/** A database, and what closes it. */
interface Storage {
  readonly database: SqlDatabase;
  readonly close: () => Promise<void>;
}

const STORAGE = Symbol('storage');
const DEFAULT_FOLDER = '.agent-os';

/** Where sessions and evaluations are kept, for people: without the password of the server. */
export function describeStorage(): string {
  const url = process.env['DATABASE_URL'];
  if (url === undefined) {
    const folder = process.env['DATA_FOLDER'] ?? DEFAULT_FOLDER;
    return `${folder}, PostgreSQL in this process (DATA_FOLDER moves it, DATABASE_URL names a server)`;
  }
  const place = URL.canParse(url) ? new URL(url) : undefined;
  return `PostgreSQL server ${place ? `${place.host}${place.pathname}` : 'of DATABASE_URL'}`;
}

/** A PostgreSQL server if `DATABASE_URL` names one, else PostgreSQL in this process, in a folder (`DATA_FOLDER`). */
async function openStorage(): Promise<Storage> {
  const url = process.env['DATABASE_URL'];
  const storage =
    url === undefined ? await openFolder(process.env['DATA_FOLDER'] ?? DEFAULT_FOLDER) : openServer(url);
  await migrate(storage.database);
  return storage;
}

function openServer(connectionString: string): Storage {
  const client = new Pool({
    connectionString,
    connectionTimeoutMillis: 5_000,
    // The server ends a statement that waits for a lock; the client one that no server answers.
    statement_timeout: 8_000,
    query_timeout: 9_000,
  });
  return { database: drizzle({ client }), close: () => client.end() };
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
  ],
  exports: [SqlSessionStore, SqlEvalStore],
})
export class StorageModule implements OnApplicationShutdown {
  constructor(@Inject(STORAGE) private readonly storage: Storage) {}

  async onApplicationShutdown(): Promise<void> {
    await this.storage.close();
  }
}
