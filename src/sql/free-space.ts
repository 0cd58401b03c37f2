import { statfs } from 'node:fs/promises';

import { quoted } from '../errors/log.text.js';
import { SqlStoreError } from './sql-store.error.js';

const MIB = 1_048_576;

/** Bytes that stay free: PostgreSQL writes ahead in files of 16 MiB, and must not meet the end of the disk there. */
export const RESERVE = 64 * MIB;

/** Folders of databases that run in this process. */
const folders = new WeakMap<object, string>();

/** From now on writing to the database looks at the free space of its folder first. */
export function guardSpace(database: object, folder: string): void {
  folders.set(database, folder);
}

/** @throws SqlStoreError with the code ENOSPC if the database is in a folder whose disk is nearly full */
export async function checkSpaceOf(database: object): Promise<void> {
  const folder = folders.get(database);
  if (folder !== undefined) await checkSpace(folder, RESERVE);
}

/**
 * PostgreSQL inside the process cannot end itself on a full disk as a server does: it stops the event loop. So a disk
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
