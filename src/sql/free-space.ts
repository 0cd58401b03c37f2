import { statfs } from 'node:fs/promises';

import { quoted } from '../errors/log.text.js';
import { SqlStoreError } from './sql-store.error.js';

const MIB = 1_048_576;

/** Bytes that stay free: PostgreSQL's write-ahead log grows by files of 16 MiB, which must fit on the disk. */
export const RESERVE = 64 * MIB;

/** Folders of databases that run in this process. */
const folders = new WeakMap<object, string>();

/** Makes writes to the database check the free space of its folder first. */
export function guardSpace(database: object, folder: string): void {
  folders.set(database, folder);
}

/** @throws SqlStoreError with the code ENOSPC if the database is in a folder whose disk is nearly full */
export async function checkSpaceOf(database: object): Promise<void> {
  const folder = folders.get(database);
  if (folder !== undefined) await checkSpace(folder, RESERVE);
}

/**
 * On a full disk a PostgreSQL server ends itself; inside the process it blocks the event loop instead. So the disk
 * must not become full.
 *
 * @throws SqlStoreError with the code ENOSPC if fewer bytes are free
 */
export async function checkSpace(folder: string, bytes: number): Promise<void> {
  const { bavail, bsize } = await statfs(folder);
  const free = bavail * bsize;
  if (free >= bytes) return;
  throw new SqlStoreError(
    `The disk of the folder ${quoted(folder)} is nearly full: ${Math.floor(free / MIB)} MiB are free, ` +
      `${Math.ceil(bytes / MIB)} MiB are needed. Nothing was written.`,
    undefined,
    'ENOSPC',
  );
}
