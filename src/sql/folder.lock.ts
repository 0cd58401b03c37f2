import { randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import { open, readdir, readFile, readlink, rename, rm, statfs, writeFile } from 'node:fs/promises';
import { connect, createServer, type Server } from 'node:net';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { quoted } from '../errors/log.text.js';

/** The process that holds a folder. */
interface LockOwner {
  readonly pid: number;
  readonly host: string;
  /** The start of the process, in ticks since boot: another process may get the same id later. */
  readonly startTime?: string;
  /** The boot of the machine. Together with the namespace it identifies the process of a process id. */
  readonly bootId?: string;
  readonly pidNamespace?: string;
}

/** A folder that this process holds. */
export interface FolderLock {
  release(): Promise<void>;
}

const LOCK_FILE = /^lock-[0-9a-f-]{36}\.json$/;

/** Two processes that start at the same moment see each other and both retry: one of them succeeds later. */
const ATTEMPTS = 4;

/** Lock files of this process. Without `/proc` they distinguish it from an earlier process with the same id. */
const held = new Set<string>();

/**
 * Locks a folder for this process. Every process writes its own file into the folder and then checks the files of the
 * others. So a process never removes the lock of a live one: removed files belong to dead processes.
 *
 * @throws Error that names the process that holds the folder
 */
export async function lockFolder(folder: string): Promise<FolderLock> {
  for (let attempt = 1; ; attempt++) {
    const lock = await putLock(folder);
    const holder = await otherHolder(folder, lock.file).catch(async (thrown: unknown) => {
      await lock.release();
      throw thrown;
    });
    if (holder === undefined) return lock;
    await lock.release();
    if (attempt === ATTEMPTS) throw new Error(holder);
    await sleep(50 + Math.random() * 200);
  }
}

async function putLock(folder: string): Promise<FolderLock & { readonly file: string }> {
  const name = `lock-${randomUUID()}`;
  const file = join(folder, `${name}.json`);
  const socket = await listen(folder, `${name}.sock`);
  const unfinished = join(folder, `${name}.tmp`);
  held.add(file);
  await writeFile(unfinished, JSON.stringify(await thisProcess()));
  await rename(unfinished, file);
  const release = async (): Promise<void> => {
    await rm(file, { force: true });
    held.delete(file);
    socket?.close();
    await rm(join(folder, `${name}.sock`), { force: true });
  };
  return { file, release };
}

/** The message about another process that holds the folder, or may; removes the locks of dead ones. */
async function otherHolder(folder: string, own: string): Promise<string | undefined> {
  for (const name of await readdir(folder)) {
    const file = join(folder, name);
    if (file === own || !LOCK_FILE.test(name)) continue;
    const owner = await readOwner(file);
    if (owner === 'gone') continue;
    const state = owner === 'unreadable' ? 'unknown' : await stateOf(owner, folder, file);
    if (state !== 'dead') return describeHolder(folder, file, owner, state);
    await rm(file, { force: true });
    await rm(socketOf(file), { force: true });
  }
  return undefined;
}

function describeHolder(
  folder: string,
  file: string,
  owner: LockOwner | 'unreadable',
  state: 'alive' | 'unknown',
): string {
  const holder = owner === 'unreadable' ? 'a process' : `process ${owner.pid} on ${quoted(owner.host)}`;
  if (state === 'alive') {
    const own = owner !== 'unreadable' && owner.pid === process.pid ? ' (this process)' : '';
    return (
      `The folder ${quoted(folder)} is in use by ${holder}${own}. Only one process at a time can use it: stop that process, ` +
      'choose another folder, or use a PostgreSQL server for several processes.'
    );
  }
  return (
    `The folder ${quoted(folder)} was locked by ${holder} on another machine or in another container, so this process cannot ` +
    `check whether it still runs. If it has ended, remove ${quoted(file)} and start again.`
  );
}

async function readOwner(file: string): Promise<LockOwner | 'gone' | 'unreadable'> {
  try {
    const owner = JSON.parse(await readFile(file, 'utf8')) as LockOwner;
    return Number.isSafeInteger(owner.pid) ? owner : 'unreadable';
  } catch (thrown) {
    return (thrown as NodeJS.ErrnoException).code === 'ENOENT' ? 'gone' : 'unreadable';
  }
}

async function stateOf(
  owner: LockOwner,
  folder: string,
  file: string,
): Promise<'alive' | 'dead' | 'unknown'> {
  const own = await thisProcess();
  if (owner.bootId === undefined && owner.host !== own.host) return 'unknown';
  // Other machines do not use a local disk: processes from before the boot are dead.
  if (owner.bootId !== own.bootId) return (await isLocalDisk(folder)) ? 'dead' : 'unknown';
  if (owner.pidNamespace !== own.pidNamespace) return isListening(socketOf(file));
  return (await isRunning(owner, file)) ? 'alive' : 'dead';
}

async function isRunning({ pid, startTime }: LockOwner, file: string): Promise<boolean> {
  if (startTime === undefined && pid === process.pid) return held.has(file);
  try {
    process.kill(pid, 0);
  } catch (thrown) {
    // EPERM: the process runs as another user.
    if ((thrown as NodeJS.ErrnoException).code === 'ESRCH') return false;
  }
  const now = await statOf(pid);
  if (now === undefined || startTime === undefined) return true;
  return now.startTime === startTime && !now.isZombie;
}

async function thisProcess(): Promise<LockOwner> {
  const stat = await statOf(process.pid);
  const bootId = await readFile('/proc/sys/kernel/random/boot_id', 'utf8').catch(() => undefined);
  const pidNamespace = await readlink('/proc/self/ns/pid').catch(() => undefined);
  return {
    pid: process.pid,
    host: hostname(),
    ...(stat ? { startTime: stat.startTime } : {}),
    ...(bootId === undefined ? {} : { bootId: bootId.trim() }),
    ...(pidNamespace === undefined ? {} : { pidNamespace }),
  };
}

/** The state of a process from `/proc`; undefined if there is none. */
async function statOf(
  pid: number,
): Promise<{ readonly startTime: string; readonly isZombie: boolean } | undefined> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
  // The program's name is in parentheses and may contain spaces and parentheses.
  const [state, ...fields] = stat?.slice(stat.lastIndexOf(')') + 2).split(' ') ?? [];
  const startTime = fields[18];
  return state === undefined || startTime === undefined
    ? undefined
    : { startTime, isZombie: state === 'Z' || state === 'X' };
}

/** ext, XFS, Btrfs, tmpfs, overlay, ZFS, F2FS: file systems that only one machine mounts at a time. */
const LOCAL_DISKS = new Set([0xef53, 0x58465342, 0x9123683e, 0x01021994, 0x794c7630, 0x2fc12fc1, 0xf2f52010]);

async function isLocalDisk(folder: string): Promise<boolean> {
  return LOCAL_DISKS.has((await statfs(folder)).type);
}

function socketOf(file: string): string {
  return file.replace(/\.json$/, '.sock');
}

/**
 * Listens as long as the process lives: containers cannot see each other's processes, but they can connect to a socket
 * in a shared folder. Undefined if the file system does not support sockets.
 */
async function listen(folder: string, name: string): Promise<Server | undefined> {
  const server = createServer((socket) => socket.destroy());
  try {
    await withShortPath(folder, async (short) => {
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject).listen({ path: join(short, name), exclusive: true }, resolve);
      });
    });
    // The socket must not keep the process alive.
    return server.on('error', () => undefined).unref();
  } catch {
    return undefined;
  }
}

async function isListening(socket: string): Promise<'alive' | 'dead' | 'unknown'> {
  const name = socket.slice(socket.lastIndexOf('/') + 1);
  return withShortPath(
    join(socket, '..'),
    (short) =>
      new Promise((resolve) => {
        const client = connect(join(short, name));
        client.once('connect', () => {
          client.destroy();
          resolve('alive');
        });
        client.once('error', ({ code }: NodeJS.ErrnoException) => {
          resolve(code === 'ECONNREFUSED' ? 'dead' : 'unknown');
        });
      }),
  );
}

/** Socket addresses have at most 107 characters; the path through an open folder descriptor is short. */
async function withShortPath<T>(folder: string, use: (path: string) => Promise<T>): Promise<T> {
  const handle = await open(folder, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    return await use(process.platform === 'linux' ? `/proc/self/fd/${handle.fd}` : folder);
  } finally {
    await handle.close();
  }
}
