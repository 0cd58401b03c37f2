import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';

import { lockFolder, type FolderLock } from '../../src/sql/folder.lock.js';
import { FolderProcesses } from '../support/folder-process.js';
import { compileFixtures } from '../support/server-process.js';
import { describeWherePossible } from '../support/where-possible.js';

const isUnshareable = canRun('unshare', ['--fork', '--pid', '--mount-proc', 'true']);

describe('The lock of a folder', () => {
  let compiled: string;
  let processes: FolderProcesses;
  let base: string;
  const locks: FolderLock[] = [];

  beforeAll(async () => {
    compiled = compileFixtures();
    processes = new FolderProcesses(compiled, 'lock-process.js');
    base = await mkdtemp(join(tmpdir(), 'agent-os-lock-'));
  });
  afterEach(async () => {
    await Promise.all(locks.splice(0).map((lock) => lock.release()));
    await processes.killAll();
  });
  afterAll(async () => {
    await rm(compiled, { recursive: true });
    await rm(base, { recursive: true });
  });

  async function lock(path: string): Promise<void> {
    locks.push(await lockFolder(path));
  }

  async function folder(name: string): Promise<string> {
    const path = join(base, name);
    await mkdir(path);
    return path;
  }

  it('goes to one process, and to the next one when the first has died or given it back', async () => {
    const path = await folder('one');
    const first = processes.start(path);
    expect(await first.said).toMatch(/^taken by /);

    await expect(lockFolder(path)).rejects.toThrow(`is in use by process ${first.process.pid} on "`);
    first.process.kill('SIGKILL');
    await first.ended;

    const second = processes.start(path);
    expect(await second.said).toMatch(/^taken by /);
    // Of the one that has died nothing is left.
    expect((await readdir(path)).sort()).toEqual([
      expect.stringMatching(/^lock-.+\.json$/),
      expect.stringMatching(/^lock-.+\.sock$/),
    ]);
    second.process.kill('SIGTERM');
    await second.ended;
    expect(await readdir(path)).toEqual([]);

    await lock(path);
    await expect(lockFolder(path)).rejects.toThrow(`process ${process.pid} on `);
    await expect(lockFolder(path)).rejects.toThrow('(this process)');
  });

  it('goes to exactly one of several processes that start at once', async () => {
    const path = await folder('race');
    const all = Array.from({ length: 4 }, () => processes.start(path));

    const said = await Promise.all(all.map((one) => one.said));

    expect(said.filter((text) => text.startsWith('taken'))).toHaveLength(1);
    expect(said.filter((text) => text.includes('is in use by process'))).toHaveLength(3);
  });

  describe('of another process', () => {
    async function locked(name: string, owner: object | string): Promise<string> {
      const path = await folder(name);
      const text = typeof owner === 'string' ? owner : JSON.stringify(owner);
      await writeFile(join(path, 'lock-00000000-0000-0000-0000-000000000000.json'), text);
      return path;
    }

    /** What a lock of this process holds. */
    async function current(): Promise<Record<string, unknown>> {
      const path = await mkdtemp(join(base, 'current-'));
      await lock(path);
      const name = (await readdir(path)).find((entry) => /^lock-.*json$/.test(entry)) ?? '';
      return JSON.parse(await readFile(join(path, name), 'utf8')) as Record<string, unknown>;
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
      await lock(path);
    });

    it.each([
      ['on an unknown machine', { pid: process.pid, host: 'elsewhere' }],
      ['whose lock cannot be read', '{"pid":'],
    ])('%s is not taken over, and the error names the file to remove', async (name, owner) => {
      const path = await locked(`unknown ${name}`, owner);
      await expect(lockFolder(path)).rejects.toThrow(
        /cannot check whether it still runs\. .+ remove ".+lock-0+[-0]+\.json"/,
      );
    });

    describeWherePossible(
      isUnshareable,
      'in another container',
      'run them as a user who may make containers (unshare)',
      () => {
        it('refuses while that one lives, and opens after it', async () => {
          const path = await folder(`container ${'with a long name '.repeat(8)}`);
          const other = processes.start(path, ['unshare', '--fork', '--kill-child', '--pid', '--mount-proc']);
          expect(await other.said).toMatch(/^taken by /);

          await expect(lockFolder(path)).rejects.toThrow('is in use by process ');

          other.process.kill('SIGKILL');
          await other.ended;
          await lock(path);
        });
      },
    );
  });
});

function canRun(command: string, parameters: readonly string[]): boolean {
  try {
    execFileSync(command, parameters, { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
