import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { TerminusModule } from '@nestjs/terminus';
import type { Queue } from 'bullmq';
import { Redis } from 'ioredis';
import { Agent, defineHook } from 'nestjs-agentos';
import { bullmq } from 'nestjs-agentos/bullmq';
import { createGate } from 'nestjs-agentos/testing';

import { ReadyController, serveQueue } from '../../docs/examples/production.js';
import { useClock } from '../../src/model/clock.js';
import { inBackground } from '../support/background-hook.js';
import { readDocument, tableUnder } from '../support/documents.js';
import { runJson } from '../support/http-client.js';
import { isRedisInstalled, startRedis, type RedisServer } from '../support/redis.js';
import { ADAPTERS, closeApps, startApp, type TestApp } from '../support/test-app.js';
import { describeWherePossible } from '../support/where-possible.js';

describe.each(ADAPTERS)('The health check of docs/guide/production.md on %s', (adapter) => {
  afterEach(closeApps);

  it('answers 200 with numbers, and 503 with the reason when hooks do not begin any longer', async () => {
    const gate = createGate();
    const support = new Agent({
      id: 'support',
      engine: () => 'the answer',
      postHooks: [inBackground('slow', () => gate.opened), inBackground('next', () => undefined)],
    });
    const { url, agentOs } = await startApp({
      adapter,
      agentOs: { agents: [support] },
      imports: [TerminusModule.forRoot({ logger: false })],
      controllers: [ReadyController],
    });
    const check = async (): Promise<readonly [number, unknown]> => {
      const answer = await fetch(`${url}/ready`);
      return [answer.status, await answer.json()];
    };
    await runJson(url, '/agents/support', 'the question');
    while ((await agentOs.executions.totals()).running === 0) await new Promise(setImmediate);
    const numbers = { waiting: 1, running: 1, failed: 0, volatile: 0, oldestWaiting: expect.any(Number) };
    const up = { hooks: { status: 'up', ...numbers } };
    expect(await check()).toEqual([200, { status: 'ok', info: up, error: {}, details: up }]);

    const restore = useClock(() => Date.now() + 120_000);
    const message = expect.stringMatching(
      /^Milliseconds that the oldest one waits: 1\d{5}, at most 60000\.$/,
    );
    const down = { hooks: { status: 'down', ...numbers, message } };
    try {
      expect(await check()).toEqual([503, { status: 'error', info: {}, error: down, details: down }]);
    } finally {
      restore();
      gate.open();
    }
    await agentOs.drain();
  });
});

const isTested = isRedisInstalled() || process.env['CI'] !== undefined;

describeWherePossible(isTested, 'The board of docs/guide/production.md', 'install Redis', () => {
  let redis: RedisServer;
  let app: TestApp;
  let queue: Queue;

  beforeAll(async () => {
    redis = await startRedis();
    const notify = defineHook(() => undefined, { name: 'notify', runInBackground: true });
    const broken = defineHook(() => Promise.reject(new Error('No mail server')), {
      name: 'mail',
      runInBackground: true,
    });
    const support = new Agent({ id: 'support', engine: () => 'the answer', postHooks: [notify, broken] });
    app = await startApp({
      agentOs: { agents: [support], executor: bullmq({ connection: redis.url }) },
      beforeListen: (nest) => {
        queue = serveQueue(
          nest,
          (request, response, next) => {
            const { headers } = request as { headers: Record<string, string> };
            if (headers['x-key'] === 'secret') return next();
            (response as { sendStatus(status: number): void }).sendStatus(403);
          },
          redis.url,
        );
      },
    });
  }, 60_000);
  afterAll(async () => {
    await queue.close();
    await app.close();
    await redis.stop();
  });

  it('lists the queue and the hooks of a run, without the content of the run, to clients that its guard lets through', async () => {
    await runJson(app.url, '/agents/support', 'the question');
    await app.agentOs.drain();
    const headers = { 'x-key': 'secret' };

    const page = await fetch(`${app.url}/queues`, { headers });
    const list = await fetch(`${app.url}/queues/api/queues?activeQueue=agent-os-hooks&status=latest`, {
      headers,
    });
    const text = await list.text();

    expect([page.status, (await fetch(`${app.url}/queues`)).status]).toEqual([200, 403]);
    expect(JSON.parse(text)).toMatchObject({
      queues: [{ name: 'agent-os-hooks', readOnlyMode: true, jobs: expect.any(Array) }],
    });
    for (const shown of ['"notify"', '"mail"', 'run']) expect(text).toContain(shown);
    for (const hidden of ['the question', 'the answer']) expect(text).not.toContain(hidden);
  });

  it('opens one connection beside those of the application, as the page says', async () => {
    const table = tableUnder(
      readDocument('docs/guide/production.md'),
      '**Connections.** Measured on 29 November 2026 with BullMQ 6.7:',
    );
    const client = new Redis(redis.url);
    const lines = String(await client.client('LIST'))
      .trim()
      .split('\n');
    client.disconnect();
    expect(table.map(([, connections]) => connections)).toEqual(['1', '3']);
    expect(lines).toHaveLength(3 + 1 + 1);
  });

  it('changes nothing: it is read-only, since a job that is removed or repeated by hand breaks the order of its run', async () => {
    const pausing = await fetch(`${app.url}/queues/api/queues/agent-os-hooks/clean/failed`, {
      method: 'PUT',
      headers: { 'x-key': 'secret' },
    });
    expect(pausing.status).toBe(405);
  });
});
