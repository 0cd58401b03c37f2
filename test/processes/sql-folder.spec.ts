import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readdir, rm, statfs, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { migrate, openFolder, SqlSessionStore, type SqlFolder } from 'nestjs-agentos/sql';

import { lockFolder } from '../../src/sql/folder.lock.js';
import { FolderProcesses } from '../support/folder-process.js';
import { createPglite } from '../support/pglite.js';
import { compileFixtures } from '../support/server-process.js';
import { storedRunOf } from '../support/stored-data.js';
import { describeWherePossible } from '../support/where-possible.js';

jest.setTimeout(120_000);

const NOTHING = { set: {}, removed: [] };
const UNCHANGED = { state: NOTHING, metadata: NOTHING };

describe('openFolder()', () => {
  let compiled: string;
  let processes: FolderProcesses;
  let base: string;
  /** Files of an initialised database, as PGlite makes them. */
  let initialised: string;
  const folders: SqlFolder[] = [];

  beforeAll(async () => {
    compiled = compileFixtures();
    processes = new FolderProcesses(compiled, 'folder-process.js');
    base = await mkdtemp(join(tmpdir(), 'agent-os-folder-'));
    initialised = join(base, 'initialised');
    await (await createPglite(initialised)).close();
  });
  afterEach(async () => {
    await Promise.all(folders.splice(0).map((folder) => folder.close()));
    await processes.killAll();
  });
  afterAll(async () => {
    await rm(compiled, { recursive: true });
    await rm(base, { recursive: true });
  });

  async function open(path: string): Promise<SqlFolder> {
    const folder = await openFolder(path);
    folders.push(folder);
    return folder;
  }

  /** A folder that was opened before. */
  async function used(path: string): Promise<string> {
    await cp(initialised, join(path, 'data'), { recursive: true });
    return path;
  }

  it('admits one process, names it to all others, and keeps its sessions when it is killed', async () => {
    const path = await used(join(base, 'one'));
    const first = processes.start(path);
    expect(await first.said).toMatch(/^taken by /);
    await symlink(path, join(base, 'link'));

    for (const other of [path, join(base, 'link'), `${path}/../one/`])
      await expect(openFolder(other)).rejects.toThrow(
        `"${path}" is in use by process ${first.process.pid} on "`,
      );

    first.process.kill('SIGKILL');
    await first.ended;
    const folder = await open(path);
    expect((await new SqlSessionStore(folder.database).list()).total).toBe(1);
    await expect(openFolder(path)).rejects.toThrow('(this process)');
  });

  it('closes more than once, and gives the folder back after that and after a failed opening', async () => {
    const path = await used(join(base, 'twice'));
    const folder = await open(path);
    await folder.close();
    await folder.close();
    await writeFile(join(path, 'data', 'PG_VERSION'), 'none');

    await expect(openFolder(path)).rejects.toThrow(
      `The database in "${join(path, 'data')}" cannot be opened: `,
    );

    await (await lockFolder(path)).release();
    expect(await readdir(path)).toEqual(['data']);
  });

  it('starts anew after a first start that was killed, at any moment of it', async () => {
    const path = join(base, 'killed');
    const first = processes.start(path);
    // Until PostgreSQL has begun to write its files.
    const isWriting = async (): Promise<boolean> => {
      const names = existsSync(path) ? await readdir(path) : [];
      const unfinished = names.find((name) => name.startsWith('new-'));
      return unfinished !== undefined && existsSync(join(path, unfinished, 'base'));
    };
    // Not faster: that would take the processor away from it.
    while (!(await isWriting())) await pause(10);
    first.process.kill('SIGKILL');
    await first.ended;
    expect(existsSync(join(path, 'data'))).toBe(false);
    // Not of the library, though it is called alike.
    await mkdir(join(path, 'new-customers'));

    const folder = await open(path);
    await migrate(folder.database);

    expect((await readdir(path)).filter((name) => name.startsWith('new-'))).toEqual(['new-customers']);
    await expect(new SqlSessionStore(folder.database).create({ id: 's' })).resolves.toBe(true);
  });

  it('opens a folder that PGlite made by itself', async () => {
    const folder = await open(initialised);

    await migrate(folder.database);

    expect(existsSync(join(initialised, 'data'))).toBe(false);
  });

  it.each(['', 'idb://agent-os', 'http://127.0.0.1'])(
    'refuses a path that is not a folder: %j',
    async (path) => {
      await expect(openFolder(path)).rejects.toThrow('expects the path of a folder');
    },
  );

  it('refuses a path that leads to a file', async () => {
    const file = join(base, 'file');
    await writeFile(file, '');
    await expect(openFolder(join(file, 'below'))).rejects.toThrow(/"file.below"|cannot be used: ENOTDIR/);
    await expect(openFolder(file)).rejects.toThrow('cannot be used: EEXIST');
  });

  const small = mountSmallDisk();
  describeWherePossible(
    small !== undefined,
    'on a small disk',
    'run them as root on Linux, who may mount one',
    () => {
      afterAll(() => {
        execFileSync('umount', ['-l', small ?? '']);
      });

      it('refuses to write before the disk is full, and goes on when there is space again', async () => {
        const path = await used(join(small ?? '', 'used'));
        const folder = await open(path);
        await migrate(folder.database);
        const sessions = new SqlSessionStore(folder.database);
        await sessions.create({ id: 'first' });
        await fill(small ?? '', 60);

        const full = { code: 'ENOSPC', message: expect.stringMatching(/nearly full: \d+ MiB are free/) };
        await expect(sessions.append({ id: 'first' }, storedRunOf(), UNCHANGED)).rejects.toMatchObject(full);
        await expect(sessions.create({ id: 'second' })).rejects.toMatchObject(full);
        await expect(sessions.update('first', UNCHANGED)).rejects.toMatchObject(full);
        await expect(sessions.list()).resolves.toMatchObject({ total: 1 });
        await folder.close();
        await expect(openFolder(path)).rejects.toMatchObject(full);

        await rm(join(small ?? '', 'ballast'));
        const again = await open(path);
        await expect(new SqlSessionStore(again.database).delete(['first'])).resolves.toEqual(['first']);
      });

      it('refuses to begin where the new database would not fit', async () => {
        await fill(small ?? '', 100);
        await expect(openFolder(join(small ?? '', 'new'))).rejects.toThrow(/nearly full.+128 MiB are needed/);
        await rm(join(small ?? '', 'ballast'));
      });
    },
  );
});

/** Leaves so many MiB of a disk free. */
async function fill(disk: string, free: number): Promise<void> {
  const { bavail, bsize } = await statfs(disk);
  await writeFile(join(disk, 'ballast'), Buffer.alloc(bavail * bsize - free * 1_048_576));
}

/** Undefined where mounting is not allowed. */
function mountSmallDisk(): string | undefined {
  const disk = join(tmpdir(), `agent-os-disk-${process.pid}`);
  try {
    execFileSync('mkdir', ['-p', disk]);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=256m', 'tmpfs', disk], { stdio: 'ignore' });
    return disk;
  } catch {
    return undefined;
  }
}
