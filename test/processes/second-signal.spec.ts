import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { afterAll, afterEach, beforeAll, beforeEach, expect, it, jest } from '@jest/globals';
import { startProcess, type TestProcess } from 'nestjs-agentos/testing';

import { HookReports } from '../support/hook-reports.js';
import { runJson } from '../support/http-client.js';
import { isOwnPostgresInstalled, startOwnPostgres } from '../support/postgres.server.js';
import { isRedisInstalled, startRedis } from '../support/redis.js';
import { compileFixtures } from '../support/server-process.js';
import { describeWherePossible } from '../support/where-possible.js';

jest.setTimeout(120_000);
const START_TIMEOUT = 60_000;
/** Milliseconds: the worker of this test cannot finish its hook, and gives it back then. */
const SHORT = '1000';

const isCi = process.env['CI'] !== undefined;

/** The ways in which an application takes signals, and how its process ends. */
const SIGNALS = [
  { way: 'enableShutdownHooks()', env: {}, end: { code: null, signal: 'SIGTERM' } },
  { way: 'a listener that closes it each time', env: { SIGNALS: 'own' }, end: { code: 0, signal: null } },
] as const;

for (const { name, isPossible, startStore } of [
  { name: 'Redis', isPossible: isRedisInstalled() || isCi, startStore: () => startRedis() },
  { name: 'PostgreSQL', isPossible: isOwnPostgresInstalled() || isCi, startStore: () => startOwnPostgres() },
])
  describeWherePossible(isPossible, `Signals to processes on ${name}`, `install ${name}`, () => {
    let folder: string;
    let store: Awaited<ReturnType<typeof startStore>>;
    let reports: HookReports;
    const started: TestProcess[] = [];

    beforeAll(() => void (folder = compileFixtures()));
    beforeEach(async () => {
      [store, reports] = await Promise.all([startStore(), HookReports.open()]);
    });
    afterEach(async () => {
      await Promise.all(started.splice(0).map((process) => process.crash()));
      await Promise.all([store.stop(), reports.close()]);
    });
    afterAll(() => rm(folder, { recursive: true }));

    async function start(role: string, env: Readonly<Record<string, string>> = {}): Promise<TestProcess> {
      const process = await startProcess(join(folder, 'test', 'fixtures', 'queue-process.js'), {
        env: { NAME: role, ROLE: role, STORE: store.url, REPORT: reports.url, ...env },
        ready: /is ready(?:: listening on (\d+))?/,
        timeout: START_TIMEOUT,
      });
      started.push(process);
      return process;
    }

    it.each(SIGNALS)(
      'that come twice corrupt nothing: hooks that are left run once later, in order ($way)',
      async ({ env, end }) => {
        const server = await start('server', env);
        const worker = await start('worker', { ...env, SHUTDOWN_TIMEOUT: SHORT });
        reports.hold('second');
        const left = await ask(server, 'one');
        await reports.until(1, ({ hook }) => hook === 'second');
        const answer = reports.hold('engine');
        const asking = ask(server, 'Wait for the test');
        await reports.until(1, ({ hook }) => hook === 'engine');

        const ends = [await signalTwice(server), await signalTwice(worker)];
        answer();
        const late = await asking;
        expect(await Promise.all(ends.map((one) => one.end))).toEqual([end, end]);

        reports.hold('second')();
        const next = await start('both', { NAME: 'next' });
        while ((await ledgerOf(next)).meta.open > 0) await sleep(20);
        const expected = [
          ['worker', left, 'first', 1],
          ['worker', left, 'second', 1],
          ['server', late, 'engine', 1],
          ['next', left, 'second', 2],
          ['next', left, 'third', 1],
          ['next', late, 'first', 1],
          ['next', late, 'second', 1],
          ['next', late, 'third', 1],
        ];
        const seen = reports.all.map(({ process, run, hook, attempt }) => [process, run, hook, attempt]);
        for (const run of [left, late]) expect(seen.filter(isOf(run))).toEqual(expected.filter(isOf(run)));
        expect([reports.overlaps, (await ledgerOf(next)).meta.counts]).toMatchObject([[], { succeeded: 6 }]);
        for (const { output } of [server, worker, next]) expect(output).not.toMatch(/ERROR|volatile/);
      },
    );
  });

/** Sends signals, and again when the process is shutting down. @returns how it ends */
async function signalTwice(process: TestProcess): Promise<{ readonly end: Promise<unknown> }> {
  const end = process.end('SIGTERM');
  await process.printed(/shuts down/);
  void process.end('SIGTERM');
  void process.end('SIGINT');
  return { end };
}

function isOf(run: string) {
  return ([, of]: readonly unknown[]): boolean => of === run;
}

async function ask(server: TestProcess, question: string): Promise<string> {
  const { status, body } = await runJson(urlOf(server), '/agents/support', question);
  if (status !== 200) throw new Error(`The server has answered ${status}: ${JSON.stringify(body)}`);
  return String(body['run_id']);
}

function urlOf(server: TestProcess): string {
  return `http://127.0.0.1:${server.match?.[1]}`;
}

interface Ledger {
  readonly meta: { readonly open: number; readonly counts: Readonly<Record<string, number>> };
}

async function ledgerOf(server: TestProcess): Promise<Ledger> {
  const response = await fetch(`${urlOf(server)}/hooks/executions`, { headers: { connection: 'close' } });
  return (await response.json()) as Ledger;
}
