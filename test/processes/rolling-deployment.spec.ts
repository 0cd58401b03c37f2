import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { afterAll, afterEach, beforeAll, beforeEach, expect, it, jest } from '@jest/globals';
import { startProcess, type TestProcess } from 'nestjs-agentos/testing';

import { HookReports } from '../support/hook-reports.js';
import { runJson } from '../support/http-client.js';
import { installOlderRelease } from '../support/older-release.js';
import { isOwnPostgresInstalled, startOwnPostgres } from '../support/postgres.server.js';
import { isRedisInstalled, startRedis } from '../support/redis.js';
import { compileFixtures } from '../support/server-process.js';
import { describeWherePossible } from '../support/where-possible.js';

jest.setTimeout(240_000);
const START_TIMEOUT = 60_000;
const PROGRAM = 'queue-process.js';
const HOOKS = ['first', 'second', 'third'];
/** Milliseconds between two questions of a client. */
const PAUSE = 50;

type Release = 'older' | 'newer';
type Role = 'server' | 'worker';

interface Store {
  readonly url: string;
  stop(): Promise<void>;
}

const isCi = process.env['CI'] !== undefined;

for (const { name, isPossible, startStore } of [
  { name: 'Redis', isPossible: isRedisInstalled() || isCi, startStore: () => startRedis() },
  { name: 'PostgreSQL', isPossible: isOwnPostgresInstalled() || isCi, startStore: () => startOwnPostgres() },
])
  describeWherePossible(isPossible, `A rolling deployment on ${name}`, `install ${name}`, () => {
    let folders: Readonly<Record<Release, string>>;
    let store: Store;
    let reports: HookReports;
    const started: TestProcess[] = [];

    beforeAll(() => {
      const newer = compileFixtures();
      const program = join(newer, 'test', 'fixtures', PROGRAM);
      folders = { older: installOlderRelease([program]), newer };
    });
    beforeEach(async () => {
      // Nothing is in the store: the older release makes its tables.
      [store, reports] = await Promise.all([startStore(), HookReports.open()]);
    });
    afterEach(async () => {
      await Promise.all(started.splice(0).map((process) => process.crash()));
      await Promise.all([store.stop(), reports.close()]);
    });
    afterAll(() => Promise.all(Object.values(folders).map((folder) => rm(folder, { recursive: true }))));

    async function start(release: Release, role: Role, env: Readonly<Record<string, string>> = {}) {
      const folder = folders[release];
      const file = release === 'older' ? join(folder, PROGRAM) : join(folder, 'test', 'fixtures', PROGRAM);
      const process = await startProcess(file, {
        env: {
          ...{ NAME: `${release} ${role}`, ROLE: role, STORE: store.url, REPORT: reports.url },
          // On a busy machine a hook that has not ended by then would be given to another worker, and run twice.
          SHUTDOWN_TIMEOUT: '25000',
          ...env,
        },
        ready: /is ready(?:: listening on (\d+))?/,
        timeout: START_TIMEOUT,
      });
      started.push(process);
      return process;
    }

    it('loses no hook and keeps their order while workers and then servers are replaced', async () => {
      let server = await start('older', 'server');
      const olderWorker = await start('older', 'worker');
      const clients = new Clients(() => server);
      await reports.until(6, isBy('older worker'));

      // It changes the tables while both processes of the older release use them.
      await start('newer', 'worker');
      await reports.until(6, isBy('newer worker'));
      expect(await olderWorker.end()).toEqual({ code: null, signal: 'SIGTERM' });
      const before = reports.all.length;
      await reports.until(before + 12);
      expect(new Set(reports.all.slice(before).map(({ process }) => process))).toEqual(
        new Set(['newer worker']),
      );

      const olderServer = server;
      server = await start('newer', 'server');
      await clients.change();
      expect(await olderServer.end()).toEqual({ code: null, signal: 'SIGTERM' });
      await clients.change();
      const runs = await clients.stop();

      await expectEachHookOnce(runs, server);
      for (const { output } of started) expect(output).not.toMatch(/volatile|ERROR/);
    });

    it('lets an older worker run the hooks that a newer server stores, but those that only a newer worker knows', async () => {
      const olderWorker = await start('older', 'worker');
      const server = await start('newer', 'server');
      reports.fail('second');
      const runs = [await ask(server, 'one'), await ask(server, 'two')];
      await reports.until(runs.length * HOOKS.length);
      expect(new Set(reports.all.map(({ process }) => process))).toEqual(new Set(['older worker']));
      const failed = await until(() => executionsOf(server, 'failed'), runs.length);
      await until(() => executionsOf(server, 'succeeded'), runs.length * 2);

      const [first] = failed;
      const retried = await fetch(`${urlOf(server)}/hooks/executions/${String(first?.['id'])}/retry`, {
        method: 'POST',
        headers: { connection: 'close' },
      });
      expect(retried.status).toBe(202);
      await olderWorker.printed(/is left to other workers/);
      expect(await olderWorker.end()).toEqual({ code: null, signal: 'SIGTERM' });
      await start('newer', 'worker');

      await reports.until(runs.length * HOOKS.length + 1);
      expect(reports.all.at(-1)).toMatchObject({
        process: 'newer worker',
        executionId: first?.['id'],
        attempt: 2,
      });
      await until(() => executionsOf(server, 'succeeded'), runs.length * 2 + 1);
      for (const run of runs) expect(hooksOf(run).slice(0, 3)).toEqual(HOOKS);
      expect(reports.overlaps).toEqual([]);
    });

    it('keeps encrypted hooks for a newer worker', async () => {
      const olderWorker = await start('older', 'worker');
      const server = await start('newer', 'server', { CODEC: 'yes' });
      const run = await ask(server, 'a secret');
      await olderWorker.printed(/is left to other workers/);
      expect(reports.all).toEqual([]);
      expect(await olderWorker.end()).toEqual({ code: null, signal: 'SIGTERM' });
      await start('newer', 'worker', { CODEC: 'yes' });
      await reports.until(HOOKS.length);
      await expectEachHookOnce([run], server);
    });

    /** Each hook of each run has run once, in order, and the ledger says so. */
    async function expectEachHookOnce(runs: readonly string[], server: TestProcess): Promise<void> {
      const count = runs.length * HOOKS.length;
      await reports.until(count);
      while ((await countsOf(server)).open > 0) await sleep(20);
      expect(await countsOf(server)).toEqual({ ...NONE, succeeded: count });
      expect(Object.fromEntries(runs.map((run) => [run, hooksOf(run)]))).toEqual(
        Object.fromEntries(runs.map((run) => [run, HOOKS])),
      );
      expect([reports.all.length, reports.overlaps]).toEqual([count, []]);
    }

    function hooksOf(run: string): readonly string[] {
      return reports.all.filter((report) => report.run === run).map(({ hook }) => hook);
    }
  });

function isBy(name: string) {
  return ({ process }: { readonly process: string }): boolean => process === name;
}

/** Clients that ask one question after the other until they are stopped. */
class Clients {
  readonly #server: () => TestProcess;
  readonly #runs: string[] = [];
  readonly #asking: Promise<unknown>;
  #rounds = 0;
  #isStopped = false;

  constructor(server: () => TestProcess) {
    this.#server = server;
    this.#asking = Promise.all([this.#ask(), this.#ask()]);
    this.#asking.catch(() => undefined);
  }

  /** Resolves when every client has asked the server that is there now. */
  async change(): Promise<void> {
    const rounds = this.#rounds + 4;
    while (this.#rounds < rounds && !this.#isStopped) await Promise.race([this.#asking, sleep(5)]);
  }

  /** @returns the ids of the runs */
  async stop(): Promise<readonly string[]> {
    this.#isStopped = true;
    await this.#asking;
    return this.#runs;
  }

  async #ask(): Promise<void> {
    while (!this.#isStopped) {
      this.#runs.push(await ask(this.#server(), 'How do I reset my password?'));
      this.#rounds += 1;
      await sleep(PAUSE);
    }
  }
}

async function ask(server: TestProcess, question: string): Promise<string> {
  const { status, body } = await runJson(urlOf(server), '/agents/support', question);
  if (status !== 200) throw new Error(`The server has answered ${status}: ${JSON.stringify(body)}`);
  return String(body['run_id']);
}

function urlOf(server: TestProcess): string {
  return `http://127.0.0.1:${server.match?.[1]}`;
}

type Execution = Readonly<Record<string, unknown>>;

const NONE = { open: 0, succeeded: 0, failed: 0, timed_out: 0, skipped: 0, dropped: 0 };

interface Ledger {
  readonly data: readonly Execution[];
  readonly meta: { readonly open: number; readonly counts: Omit<typeof NONE, 'open'> };
}

async function readLedger(server: TestProcess, query = ''): Promise<Ledger> {
  const url = `${urlOf(server)}/hooks/executions${query}`;
  return (await (await fetch(url, { headers: { connection: 'close' } })).json()) as Ledger;
}

/** The numbers of executions in each state, in all processes. */
async function countsOf(server: TestProcess): Promise<typeof NONE> {
  const { open, counts } = (await readLedger(server)).meta;
  return { ...counts, open };
}

async function executionsOf(server: TestProcess, state: string): Promise<readonly Execution[]> {
  return (await readLedger(server, `?state=${state}`)).data;
}

/** Resolves with what is read, when it is so much. */
async function until(
  read: () => Promise<readonly Execution[]>,
  count: number,
): Promise<readonly Execution[]> {
  for (;;) {
    const found = await read();
    if (found.length >= count) return found;
    await sleep(20);
  }
}
