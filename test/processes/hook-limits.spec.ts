import { rm } from 'node:fs/promises';
import { join } from 'node:path';

import { afterAll, beforeAll, expect, it, jest } from '@jest/globals';
import { startProcess, type TestProcess } from 'nestjs-agentos/testing';

import { HookReports, type HookReport } from '../support/hook-reports.js';
import { runJson } from '../support/http-client.js';
import { isOwnPostgresInstalled, startOwnPostgres } from '../support/postgres.server.js';
import { isRedisInstalled, startRedis } from '../support/redis.js';
import { compileFixtures } from '../support/server-process.js';
import { describeWherePossible } from '../support/where-possible.js';

jest.setTimeout(240_000);
const START_TIMEOUT = 60_000;
const PROGRAM = 'queue-process.js';
const WORKERS = ['one worker', 'another worker'];
/** How many hooks a worker runs at once. */
const CONCURRENCY = 4;
const HOUR = 3_600_000;
const MOST_STARTS = 3;
const LIMITS = { second: { concurrency: 1 }, third: { rate: { max: MOST_STARTS, per: HOUR } } };

const isCi = process.env['CI'] !== undefined;

for (const { name, isPossible, startStore } of [
  { name: 'Redis', isPossible: isRedisInstalled() || isCi, startStore: () => startRedis() },
  { name: 'PostgreSQL', isPossible: isOwnPostgresInstalled() || isCi, startStore: () => startOwnPostgres() },
])
  describeWherePossible(
    isPossible,
    `The limits of a hook in two workers on ${name}`,
    `install ${name}`,
    () => {
      let folder: string;
      let store: { readonly url: string; stop(): Promise<void> };
      let reports: HookReports;
      let server: TestProcess;
      const started: TestProcess[] = [];
      let asked = 0;

      beforeAll(async () => {
        folder = compileFixtures();
        [store, reports] = await Promise.all([startStore(), HookReports.open()]);
        server = await start('server', 'server');
        await Promise.all(WORKERS.map((worker) => start(worker, 'worker')));
      });
      afterAll(async () => {
        await Promise.all(started.map((process) => process.crash()));
        await Promise.all([store.stop(), reports.close(), rm(folder, { recursive: true })]);
      });

      async function start(process: string, role: string): Promise<TestProcess> {
        const env = { LIMITS: JSON.stringify(LIMITS), CONCURRENCY: String(CONCURRENCY) };
        const file = join(folder, 'test', 'fixtures', PROGRAM);
        const startedProcess = await startProcess(file, {
          env: { NAME: process, ROLE: role, STORE: store.url, REPORT: reports.url, ...env },
          ready: /is ready(?:: listening on (\d+))?/,
          timeout: START_TIMEOUT,
        });
        started.push(startedProcess);
        return startedProcess;
      }

      async function ask(count: number): Promise<void> {
        const url = `http://127.0.0.1:${server.match?.[1]}`;
        for (let left = count; left > 0; left--) {
          expect((await runJson(url, '/agents/support', 'A question')).status).toBe(200);
          asked += 1;
        }
      }

      const reportsOf = (name: string): readonly HookReport[] =>
        reports.all.filter(({ hook }) => hook === name);

      /** Resolves when the hook with this name has begun for all runs. */
      const untilAllHaveBegun = (name: string): Promise<void> =>
        reports.until(asked, ({ hook }) => hook === name);

      it('let one execution at a time run with a concurrency of one, whichever worker runs it', async () => {
        const endFirst = reports.hold('first');
        const endSecond = reports.hold('second');
        await ask(WORKERS.length * CONCURRENCY);
        // Neither worker can run all of them at once.
        await untilAllHaveBegun('first');
        endFirst();
        await reports.until(1, ({ hook }) => hook === 'second');
        endSecond();
        await untilAllHaveBegun('second');
        // Each worker has its turn.
        while (new Set(reportsOf('second').map(({ process }) => process)).size < WORKERS.length) {
          await ask(CONCURRENCY);
          await untilAllHaveBegun('second');
        }
        const most = ['first', 'second'].map((hook) => reports.mostAtOnce(hook));
        expect([most, reports.overlaps]).toEqual([[WORKERS.length * CONCURRENCY, 1], []]);
      });

      it('let as many executions start as the rate allows to both workers together', async () => {
        await ask(2 * MOST_STARTS);
        await untilAllHaveBegun('second');
        await reports.until(MOST_STARTS, ({ hook }) => hook === 'third');
        // A later run has its turn when the hooks that wait now have been asked for.
        for (let later = 0; later < 2; later++) {
          await ask(1);
          await untilAllHaveBegun('second');
        }
        expect(reportsOf('third')).toHaveLength(MOST_STARTS);
      });
    },
  );
