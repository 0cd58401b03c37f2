import { randomUUID } from 'node:crypto';
import { mkdir, readdir, realpath, rename, rm, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';

import type { PGlite } from '@electric-sql/pglite';

import { AgentOsConfigurationError } from '../errors/agent-os-configuration.error.js';
import { quoted, reasonOf } from '../errors/log.text.js';
import { importNeeded } from '../peers/optional-peer.js';
import { lockFolder, type FolderLock } from './folder.lock.js';
import { checkSpace, guardSpace, RESERVE } from './free-space.js';
import type { SqlDatabase } from './sql.database.js';

/** A database in a local folder: PostgreSQL inside the process. */
export interface SqlFolder {
  /** For {@link SqlSessionStore} and {@link SqlEvalStore}. */
  readonly database: SqlDatabase;
  /** Closes the database and unlocks the folder. Call it when the application has shut down. */
  close(): Promise<void>;
}

/** Bytes that a new database takes, including its first write-ahead log files. */
const NEW_DATABASE = RESERVE + 64 * 1_048_576;

/** A file in every data folder of PostgreSQL. */
const VERSION_FILE = 'PG_VERSION';

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
  if (path === 'memory://') return toSqlFolder(await openData(path));
  if (path.trim() === '' || path.includes('://'))
    throw new AgentOsConfigurationError(`openFolder() expects the path of a folder, got ${quoted(path)}.`);
  const folder = await makeFolder(path);
  const lock = await lockFolder(folder);
  try {
    await checkSpace(folder, RESERVE);
    const client = await openData(await prepareData(folder));
    return await toSqlFolder(client, { folder, lock });
  } catch (thrown) {
    await lock.release();
    throw thrown;
  }
}

/** Creates the folder. Returns its real path, with symbolic links resolved. */
async function makeFolder(path: string): Promise<string> {
  try {
    await mkdir(path, { recursive: true });
    return await realpath(path);
  } catch (thrown) {
    throw new AgentOsConfigurationError(
      `The folder ${quoted(resolve(path))} cannot be used: ${reasonOf(thrown)}.`,
    );
  }
}

/** Folders of interrupted first starts. The pattern is strict, so that folders of the application are kept. */
const UNFINISHED = /^new-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** @returns the folder with the complete files of PostgreSQL */
async function prepareData(folder: string): Promise<string> {
  // A folder created by PGlite directly, not by this library.
  if (await exists(join(folder, VERSION_FILE))) return folder;
  for (const name of await readdir(folder)) {
    if (UNFINISHED.test(name)) await rm(join(folder, name), { recursive: true });
  }
  const data = join(folder, 'data');
  if (!(await exists(data))) await createData(folder, data);
  return data;
}

/** The database gets its final name when it is complete, since the process may be killed at any time before. */
async function createData(folder: string, data: string): Promise<void> {
  await checkSpace(folder, NEW_DATABASE);
  const unfinished = join(folder, `new-${randomUUID()}`);
  const client = await openData(unfinished);
  await client.close();
  await rename(unfinished, data);
}

async function openData(path: string): Promise<PGlite> {
  const { PGlite } = await importNeeded(
    { name: '@electric-sql/pglite', load: () => import('@electric-sql/pglite') },
    'openFolder()',
  );
  try {
    return await PGlite.create(path);
  } catch (thrown) {
    throw new Error(`The database in ${quoted(path)} does not open: ${reasonOf(thrown)}`, { cause: thrown });
  }
}

async function toSqlFolder(
  client: PGlite,
  held?: { readonly folder: string; readonly lock: FolderLock },
): Promise<SqlFolder> {
  const { drizzle } = await import('drizzle-orm/pglite');
  const database = drizzle({ client });
  if (held) guardSpace(database, held.folder);
  return {
    database,
    close: async () => {
      if (!client.closed) await client.close();
      await held?.lock.release();
    },
  };
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    (thrown: unknown) => {
      if ((thrown as NodeJS.ErrnoException).code === 'ENOENT') return false;
      throw thrown;
    },
  );
}
