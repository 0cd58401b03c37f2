import {
  Controller,
  Get,
  type CallHandler,
  type ExecutionContext,
  type INestApplication,
  type NestInterceptor,
} from '@nestjs/common';
import { afterEach, describe, expect, it } from '@jest/globals';
import { Agent } from 'nestjs-agentos';
import { EMPTY, filter, map, of, tap, timeout, type Observable } from 'rxjs';

import { createGate } from '../support/gate.js';
import { post, runJson } from '../support/http-client.js';
import { callJson } from '../support/json-client.js';
import { ADAPTERS, closeApps, startApp, type TestApp } from '../support/test-app.js';
import { as, userId } from '../support/users.js';

afterEach(closeApps);

/** Caches what GET handlers answer, by path, as `CacheInterceptor` does; `copy` is what its store makes of values. */
class Caching implements NestInterceptor {
  readonly kept = new Map<string, unknown>();
  constructor(private readonly copy: (value: unknown) => unknown = (value) => value) {}

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const { method, url } = context.switchToHttp().getRequest<{ method: string; url: string }>();
    if (method !== 'GET') return next.handle();
    const kept = this.kept.get(url);
    if (kept !== undefined && kept !== null) return of(this.copy(kept));
    return next.handle().pipe(tap((value) => this.kept.set(url, this.copy(value))));
  }
}

/** Wraps every answer, as many hosts do. */
const mapping: NestInterceptor = {
  intercept: (_context, next) => next.handle().pipe(map((data: unknown) => ({ data }))),
};

const throughJson = (value: unknown): unknown =>
  value === undefined ? undefined : (JSON.parse(JSON.stringify(value)) as unknown);

@Controller('host')
class HostController {
  @Get() greet(): string {
    return 'hello';
  }
}

describe.each(ADAPTERS)('With global interceptors of the host on %s', (adapter) => {
  let ran: string[] = [];
  const agent = new Agent({
    id: 'agent',
    engine: ({ input }) => {
      ran.push(input);
      return input;
    },
  });

  function start(interceptors: readonly NestInterceptor[]): Promise<TestApp> {
    ran = [];
    return startApp({
      adapter,
      agentOs: { agents: [agent], http: { userId } },
      controllers: [HostController],
      beforeListen: (app: INestApplication) => void app.useGlobalInterceptors(...interceptors),
    });
  }

  it.each([
    ['a cache before a mapping one', [new Caching(), mapping]],
    ['a cache that copies before a mapping one', [new Caching(throughJson), mapping]],
    ['a cache behind a mapping one', [mapping, new Caching()]],
    ['a cache alone', [new Caching()]],
  ])('%s, every GET is answered, each time and for each user', async (_, interceptors) => {
    const { url } = await start(interceptors);
    await runJson(url, '/agents/agent', 'hi', { session_id: 's' }, as('ann'));
    for (let time = 0; time < 3; time++) {
      expect(await callJson(url, 'GET', '/health')).toMatchObject({ status: 200, body: { status: 'ok' } });
      expect(await callJson(url, 'GET', '/agents/agent')).toMatchObject({
        status: 200,
        body: { id: 'agent' },
      });
      const anns = await callJson(url, 'GET', '/sessions/s/runs', { headers: as('ann') });
      expect(anns).toMatchObject({ status: 200, body: [{ content: 'hi' }] });
      expect((await callJson(url, 'GET', '/sessions/s/runs', { headers: as('bob') })).status).toBe(404);
    }
  });

  it('a mapping one, the host’s own answers are mapped, and runs are what they are', async () => {
    const { url } = await start([mapping]);
    expect((await callJson(url, 'GET', '/host')).body).toEqual({ data: 'hello' });
    expect(await runJson(url, '/agents/agent', 'hi')).toMatchObject({ status: 200, body: { content: 'hi' } });
  });

  it('one that answers in place of the handlers, its answer is sent, and nothing runs', async () => {
    const { url } = await start([{ intercept: () => of({ closed: true }) }]);
    expect(await callJson(url, 'GET', '/agents')).toEqual({ status: 200, body: { closed: true } });
    const reply = await post(url, '/agents/agent', { message: 'hi' });
    expect([reply.status, await reply.json()]).toEqual([200, { closed: true }]);
    expect(ran).toEqual([]);
  });

  it.each<[string, () => Observable<unknown>]>([
    ['nothing', () => EMPTY],
    ['undefined', () => of(undefined)],
  ])('one that answers with %s, the request is answered', async (_, intercept) => {
    const { url, log } = await start([{ intercept }]);
    const reply = await fetch(`${url}/agents`);
    expect([reply.status, await reply.text()]).toEqual([200, '']);
    expect(log.messages('error')).toEqual([]);
  });

  it('one that drops what handlers answer, requests are answered and nothing is logged', async () => {
    const { url, log } = await start([
      { intercept: (_context, next) => next.handle().pipe(filter(() => false)) },
    ]);
    expect((await callJson(url, 'GET', '/agents')).status).toBe(200);
    expect(log.messages('error')).toEqual([]);
  });

  it('one that waits for a time, a stream goes on behind it and no error is logged', async () => {
    const [begun, goOn] = [createGate(), createGate()];
    const slow = new Agent({
      id: 'slow',
      engine: async function* () {
        yield 'a';
        begun.open();
        await goOn.opened;
        yield 'b';
      },
    });
    const timedOut = createGate();
    const { url, log } = await startApp({
      adapter,
      agentOs: { agents: [slow] },
      beforeListen: (app) =>
        void app.useGlobalInterceptors({
          intercept: (_context, next) =>
            next.handle().pipe(timeout(50), tap({ error: () => timedOut.open() })),
        }),
    });
    const reply = await post(url, '/agents/slow', { message: 'hi' });
    await begun.opened;
    await timedOut.opened;
    goOn.open();
    expect(await reply.text()).toContain('RunCompleted');
    expect(log.messages('error')).toEqual([]);
  });
});
