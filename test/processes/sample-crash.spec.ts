import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { startProcess, type TestProcess } from 'nestjs-agentos/testing';

import { runJson } from '../support/http-client.js';
import { createPglite } from '../support/pglite.js';
import { isRedisInstalled, startRedis } from '../support/redis.js';
import { compileFixtures } from '../support/server-process.js';
import { describeWherePossible } from '../support/where-possible.js';

jest.setTimeout(180_000);
const START_TIMEOUT = 60_000;
const READY = /The sample application is ready[^]*\(http:\/\/localhost:(\d+)\/config\)/;
const isCi = process.env['CI'] !== undefined;

describe('The sample application in a process of its own', () => {
  let compiled: string;
  let data: string;
  const processes: TestProcess[] = [];

  beforeAll(async () => {
    compiled = compileFixtures(['sample-app']);
    data = await mkdtemp(join(tmpdir(), 'agent-os-sample-'));
    await (await createPglite(data)).close();
  });
  afterEach(() => Promise.all(processes.splice(0).map((process) => process.crash())));
  afterAll(() => Promise.all([compiled, data].map((folder) => rm(folder, { recursive: true }))));

  async function start(): Promise<{ readonly process: TestProcess; readonly url: string }> {
    const process = await startProcess(join(compiled, 'sample-app', 'main.js'), {
      env: { PORT: '0', HOST: '127.0.0.1', DATA_FOLDER: data },
      ready: READY,
      timeout: START_TIMEOUT,
    });
    processes.push(process);
    return { process, url: `http://127.0.0.1:${process.match?.[1]}` };
  }

  it('G20: a notification that was pending at kill -9 is sent after the next start, with the same execution id', async () => {
    const { process, url } = await start();
    expect(process.output).toContain(`kill -9 ${process.pid}\n  npm start\n`);
    const { status, body } = await runJson(url, '/agents/background-task-agent', 'I forgot my password');
    expect(status).toBe(200);
    const id = `${String(body['run_id'])}:post:sendNotification`;
    while ((await stateOf(url, id)) !== 'running') await sleep(20);
    await process.crash();
    expect(process.output).not.toContain('Notification sent: ');

    const again = await start();
    const sent = await again.process.printed(
      /Notification sent: .* \(execution (\S+), attempt (\d)\)/,
      START_TIMEOUT,
    );
    expect([sent[1], sent[2]]).toEqual([id, '2']);
    // The hook before it had ended, and is not run again.
    expect(again.process.output).not.toContain('Request of run');
  });

  it('refuses a worker that shares no queue with the server', async () => {
    const worker = await startProcess(join(compiled, 'sample-app', 'worker.js'), {
      env: { DATA_FOLDER: data },
    });
    expect(await worker.ended).toMatchObject({ code: 1 });
    expect(worker.output).toMatch(
      /^A worker shares a queue with the server: start both with EXECUTOR=bullmq and/,
    );
  });
});

describeWherePossible(
  isRedisInstalled() || isCi,
  'A worker of the sample application',
  'install Redis',
  () => {
    it('G20: a worker sends the notification of a server that was killed', async () => {
      const redis = await startRedis();
      const compiled = compileFixtures(['sample-app']);
      const env = { REDIS_URL: redis.url, DATA_FOLDER: 'memory://', PORT: '0', HOST: '127.0.0.1' };
      const start = (file: string, ready: RegExp): Promise<TestProcess> =>
        startProcess(join(compiled, 'sample-app', file), { env, ready, timeout: START_TIMEOUT });
      const server = await start('main.js', READY);
      const worker = await start('worker.js', /The worker is ready/);
      try {
        const url = `http://127.0.0.1:${server.match?.[1]}`;
        const { body } = await runJson(url, '/agents/background-task-agent', 'I forgot my password');
        await server.crash();
        const id = `${String(body['run_id'])}:post:sendNotification`;
        await worker.printed(new RegExp(`Notification sent: .* \\(execution ${id}, `), START_TIMEOUT);
      } finally {
        await Promise.all([server.crash(), worker.crash(), redis.stop()]);
        await rm(compiled, { recursive: true });
      }
    });
  },
);

async function stateOf(url: string, id: string): Promise<unknown> {
  const response = await fetch(`${url}/hooks/executions`, { headers: { connection: 'close' } });
  const { data } = (await response.json()) as { data: readonly Record<string, unknown>[] };
  return data.find((execution) => execution['id'] === id)?.['state'];
}
