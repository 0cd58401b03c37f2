import { guardSpace } from './free-space.js';
import { openPgliteFolder } from './pglite.folder.js';
import type { SqlDatabase } from './sql.database.js';

/** A database in a local folder: PostgreSQL inside the process. */
export interface SqlFolder {
  /** For {@link SqlSessionStore} and {@link SqlEvalStore}. */
  readonly database: SqlDatabase;
  /** Closes the database and unlocks the folder. Call it when the application has shut down. */
  close(): Promise<void>;
}

/**
 * Opens PostgreSQL inside the process (PGlite), with its files in a folder. The folder is locked: one process at a
 * time can use it. An interrupted first start does not break later ones. Writes fail with a clear error while the disk
 * is nearly full (less than 64 MiB).
 *
 * @param path - the folder, created if it does not exist; `memory://` keeps everything in memory, for tests
 * @throws Error that names the process that holds the folder
 * @throws SqlStoreError with the code ENOSPC if the disk is nearly full
 * @throws AgentOsConfigurationError if the package `@electric-sql/pglite` is not installed, or the path is no folder
 * @example
 * ```ts
 * const folder = await openFolder('.agent-os');
 * await migrate(folder.database);
 * const sessionStore = new SqlSessionStore(folder.database);
 * ```
 */
export async function openFolder(path: string): Promise<SqlFolder> {
  const folder = await openPgliteFolder(path, 'openFolder()');
  const { client } = folder;
  const close = (): Promise<void> => folder.close();
  try {
    const { drizzle } = await import('drizzle-orm/pglite');
    const database = drizzle({ client });
    if (folder.path !== undefined) guardSpace(database, folder.path);
    return { database, close };
  } catch (thrown) {
    await close();
    throw thrown;
  }
}
