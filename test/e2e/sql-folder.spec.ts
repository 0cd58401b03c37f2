import { execFileSync, spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, statfs, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';

import { PGlite } from '@electric-sql/pglite';
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { migrate, openFolder, SqlSessionStore, type SqlFolder } from 'nestjs-agentos/sql';

import { lockFolder } from '../../src/sql/folder.lock.js';
import { compileFixtures } from '../support/server-process.js';
import { storedRunOf } from '../support/stored-data.js';

jest.setTimeout(120_000);

const NOTHING = { set: {}, removed: [] };
const UNCHANGED = { state: NOTHING, metadata: NOTHING };
const isUnshareable = canRun('unshare', ['--fork', '--pid', '--mount-proc', 'true']);

/** A process that opens a folder. */
interface FolderProcess {
  readonly process: ChildProcessWithoutNullStreams;
  /** What it has printed, once it has opened the folder or ended. */
  readonly said: Promise<string>;
  readonly ended: Promise<unknown>;
}

describe('openFolder()', () => {
  let compiled: string;
  let base: string;
  const processes: FolderProcess[] = [];
  const folders: SqlFolder[] = [];

  beforeAll(async () => {
    compiled = compileFixtures();
    base = await mkdtemp(join(tmpdir(), 'agent-os-folder-'));
  });
  afterEach(async () => {
    await Promise.all(folders.splice(0).map((folder) => folder.close()));
    for (const { process, ended } of processes.splice(0)) {
      process.kill('SIGKILL');
      await ended;
    }
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

  function start(path: string, before: readonly string[] = []): FolderProcess {
    const fixture = join(compiled, 'test', 'fixtures', 'folder-process.js');
    const [command = '', ...rest] = [...before, process.execPath, fixture, path];
    const child = spawn(command, rest);
    let printed = '';
    const ended = once(child, 'close');
    const said = new Promise<string>((resolve) => {
      for (const output of [child.stdout, child.stderr])
        output.setEncoding('utf8').on('data', (text: string) => {
          printed += text;
          if (printed.includes('opened')) resolve(printed);
        });
      child.once('close', () => resolve(printed));
    });
    const started = { process: child, said, ended };
    processes.push(started);
    return started;
  }

  it('lets one process in, names it to all others, and lets the next one in when it has died or closed', async () => {
    const path = join(base, 'one');
    const first = start(path);
    expect(await first.said).toMatch(/^opened by /);
    const { pid } = first.process;
    await symlink(path, join(base, 'link'));

    for (const other of [path, join(base, 'link'), `${path}/../one/`])
      await expect(openFolder(other)).rejects.toThrow(`"${path}" is in use by process ${pid} on "`);
    expect(await start(path).said).toContain(`is in use by process ${pid} on`);

    first.process.kill('SIGKILL');
    await first.ended;
    const folder = await open(path);
    expect((await new SqlSessionStore(folder.database).list()).total).toBe(1);
    await expect(openFolder(path)).rejects.toThrow(`process ${process.pid} `);
    await expect(openFolder(path)).rejects.toThrow('(this process)');

    await folder.close();
    expect(await start(path).said).toMatch(/^opened by /);
    // Of those that have died or closed nothing is left.
    expect((await readdir(path)).filter((name) => name.startsWith('lock-')).sort()).toEqual([
      expect.stringMatching(/\.json$/),
      expect.stringMatching(/\.sock$/),
    ]);
  });

  it('lets exactly one of several processes in that start at once, and each session of it is there later', async () => {
    const path = join(base, 'race');
    const all = Array.from({ length: 3 }, () => start(path));

    const said = await Promise.all(all.map((one) => one.said));

    expect(said.filter((text) => text.startsWith('opened'))).toHaveLength(1);
    expect(said.filter((text) => text.includes('is in use by process'))).toHaveLength(2);
  });

  it('closes more than once, and gives the folder back after a failed opening', async () => {
    const path = join(base, 'twice');
    const folder = await open(path);
    await folder.close();
    await folder.close();
    await rm(join(path, 'data', 'PG_VERSION'));
    await writeFile(join(path, 'data', 'PG_VERSION'), 'none');

    await expect(openFolder(path)).rejects.toThrow(`The database in "${join(path, 'data')}" does not open: `);
    await expect(openFolder(path)).rejects.toThrow('does not open');
  });

  it('starts anew after a first start that was killed, at any moment of it', async () => {
    const path = join(base, 'killed');
    const first = start(path);
    // Until PostgreSQL has begun to write its files.
    const isWriting = async (): Promise<boolean> => {
      const names = existsSync(path) ? await readdir(path) : [];
      const unfinished = names.find((name) => name.startsWith('new-'));
      return unfinished !== undefined && existsSync(join(path, unfinished, 'base'));
    };
    while (!(await isWriting())) await nextTurn();
    first.process.kill('SIGKILL');
    await first.ended;
    expect(existsSync(join(path, 'data'))).toBe(false);

    const folder = await open(path);
    await migrate(folder.database);

    expect((await readdir(path)).filter((name) => name.startsWith('new-'))).toEqual([]);
    await expect(new SqlSessionStore(folder.database).create({ id: 's' })).resolves.toBe(true);
  });

  it('opens a folder that PGlite made by itself', async () => {
    const path = join(base, 'earlier');
    const client = await PGlite.create(path);
    await client.close();

    const folder = await open(path);

    await migrate(folder.database);
    expect(existsSync(join(path, 'data'))).toBe(false);
  });

  describe('with the lock of a process', () => {
    const own = { pid: process.pid, host: 'elsewhere' };

    async function locked(name: string, owner: object | string): Promise<string> {
      const path = join(base, name);
      await mkdir(path, { recursive: true });
      const text = typeof owner === 'string' ? owner : JSON.stringify(owner);
      await writeFile(join(path, 'lock-00000000-0000-0000-0000-000000000000.json'), text);
      return path;
    }

    /** What a lock of this process holds. */
    async function current(): Promise<Record<string, unknown>> {
      const path = await mkdtemp(join(base, 'current-'));
      const lock = await lockFolder(path);
      const name = (await readdir(path)).find((entry) => /^lock-.*json$/.test(entry)) ?? '';
      const owner = JSON.parse(await readFile(join(path, name), 'utf8')) as Record<string, unknown>;
      await lock.release();
      return owner;
    }

    it('that has died, and whose id belongs to another process now, is free', async () => {
      const path = await locked('reused', { ...(await current()), startTime: '1' });
      await (await lockFolder(path)).release();
      expect(await readdir(path)).toEqual([]);
    });

    it('that lives is not, however old the lock is', async () => {
      const path = await locked('alive', await current());
      await expect(lockFolder(path)).rejects.toThrow(`process ${process.pid} `);
      expect(await readdir(path)).toHaveLength(1);
    });

    it('that ran before this machine started is free, on a disk of this machine', async () => {
      const path = await locked('rebooted', { ...(await current()), bootId: 'an earlier one' });
      await (await lockFolder(path)).release();
    });

    it.each([
      ['on a machine of which nothing is known', own],
      ['whose lock cannot be read', '{"pid":'],
    ])('%s refuses, and says which file to remove', async (name, owner) => {
      const path = await locked(`unknown ${name}`, owner);
      await expect(lockFolder(path)).rejects.toThrow(
        /cannot be seen from here: .+ remove ".+lock-0+[-0]+\.json"/,
      );
    });

    (isUnshareable ? it : it.skip)(
      'in another container refuses while that one lives, and opens after it',
      async () => {
        const path = join(base, `container ${'with a long name '.repeat(8)}`);
        const other = start(path, ['unshare', '--fork', '--kill-child', '--pid', '--mount-proc']);
        expect(await other.said).toMatch(/^opened by /);

        await expect(openFolder(path)).rejects.toThrow('is in use by process ');

        other.process.kill('SIGKILL');
        await other.ended;
        await open(path);
      },
    );
  });

  it.each(['', 'idb://agent-os', 'http://127.0.0.1'])('refuses what is no folder: %j', async (path) => {
    await expect(openFolder(path)).rejects.toThrow('expects the path of a folder');
  });

  it('refuses a path that leads to a file', async () => {
    const file = join(base, 'file');
    await writeFile(file, '');
    await expect(openFolder(join(file, 'below'))).rejects.toThrow(/"file.below"|cannot be used: ENOTDIR/);
    await expect(openFolder(file)).rejects.toThrow('cannot be used: EEXIST');
  });

  const small = mountSmallDisk();
  (small ? describe : describe.skip)('on a small disk', () => {
    afterAll(() => {
      execFileSync('umount', ['-l', small ?? '']);
    });

    it('refuses to write before the disk is full, and goes on when there is space again', async () => {
      const path = join(small ?? '', 'data');
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
  });
});

/** Leaves so many MiB of a disk free. */
async function fill(disk: string, free: number): Promise<void> {
  const { bavail, bsize } = await statfs(disk);
  await writeFile(join(disk, 'ballast'), Buffer.alloc(bavail * bsize - free * 1_048_576));
}

/** Undefined where mounting is not allowed. */
function mountSmallDisk(): string | undefined {
  const disk = join(tmpdir(), `agent-os-disk-${process.pid}`);
  if (!canRun('mkdir', ['-p', disk])) return undefined;
  return canRun('mount', ['-t', 'tmpfs', '-o', 'size=256m', 'tmpfs', disk]) ? disk : undefined;
}

function canRun(command: string, parameters: readonly string[]): boolean {
  try {
    execFileSync(command, parameters, { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
