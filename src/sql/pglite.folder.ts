import { randomUUID } from 'node:crypto';
import { mkdir, readdir, realpath, rename, rm, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';

import type { PGlite } from '@electric-sql/pglite';

import { AgentOsConfigurationError } from '../errors/agent-os-configuration.error.js';
import { quoted, reasonOf } from '../errors/log.text.js';
import { importNeeded } from '../peers/optional-peer.js';
import { lockFolder } from './folder.lock.js';
import { FolderMaintenance } from './folder.maintenance.js';
import { checkSpace, guardSpace, RESERVE } from './free-space.js';

/** PostgreSQL inside the process, with its files in a locked folder. */
export interface PgliteFolder {
  readonly client: PGlite;
  /** The folder's real path; undefined if everything is in memory. */
  readonly path?: string;
  /** Closes the database and unlocks the folder. */
  close(): Promise<void>;
}

/** Bytes that a new database takes, including its first write-ahead log files. */
const NEW_DATABASE = RESERVE + 64 * 1_048_576;

/** A file in every data folder of PostgreSQL. */
const VERSION_FILE = 'PG_VERSION';

/**
 * Opens PostgreSQL inside the process. The folder is locked, and an interrupted first start does not break later ones.
 *
 * @param feature - the function that needs it, for error messages: `openFolder()`
 * @throws Error that names the process that holds the folder
 * @throws SqlStoreError with the code ENOSPC if the disk is nearly full
 * @throws AgentOsConfigurationError if the package `@electric-sql/pglite` is not installed, or the path is no folder
 */
export async function openPgliteFolder(path: string, feature: string): Promise<PgliteFolder> {
  if (path === 'memory://') {
    const client = await openData(path, feature);
    const maintenance = new FolderMaintenance(client);
    return { client, close: () => close(client, maintenance) };
  }
  if (path.trim() === '' || path.includes('://'))
    throw new AgentOsConfigurationError(`${feature} expects the path of a folder, got ${quoted(path)}.`);
  const folder = await makeFolder(path);
  const lock = await lockFolder(folder);
  try {
    await checkSpace(folder, RESERVE);
    const client = await openData(await prepareData(folder, feature), feature);
    guardSpace(client, folder);
    const maintenance = new FolderMaintenance(client);
    const closeAndUnlock = async (): Promise<void> => {
      await close(client, maintenance);
      await lock.release();
    };
    return { client, path: folder, close: closeAndUnlock };
  } catch (thrown) {
    await lock.release();
    throw thrown;
  }
}

async function close(client: PGlite, maintenance: FolderMaintenance): Promise<void> {
  await maintenance.stop();
  if (!client.closed) await client.close();
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
async function prepareData(folder: string, feature: string): Promise<string> {
  // A folder created by PGlite directly, not by this library.
  if (await exists(join(folder, VERSION_FILE))) return folder;
  for (const name of await readdir(folder)) {
    if (UNFINISHED.test(name)) await rm(join(folder, name), { recursive: true });
  }
  const data = join(folder, 'data');
  if (!(await exists(data))) await createData(folder, data, feature);
  return data;
}

/** The database gets its final name when it is complete, since the process may be killed at any time before. */
async function createData(folder: string, data: string, feature: string): Promise<void> {
  await checkSpace(folder, NEW_DATABASE);
  const unfinished = join(folder, `new-${randomUUID()}`);
  const client = await openData(unfinished, feature);
  await client.close();
  await rename(unfinished, data);
}

async function openData(path: string, feature: string): Promise<PGlite> {
  const { PGlite } = await importNeeded(
    { name: '@electric-sql/pglite', load: () => import('@electric-sql/pglite') },
    feature,
  );
  try {
    return await PGlite.create(path);
  } catch (thrown) {
    throw new Error(`The database in ${quoted(path)} cannot be opened: ${reasonOf(thrown)}`, {
      cause: thrown,
    });
  }
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
