import { once } from 'node:events';
import { connect } from 'node:net';
import { setImmediate } from 'node:timers/promises';

import {
  Controller,
  Get,
  RequestTimeoutException,
  type CallHandler,
  type ExecutionContext,
  type INestApplication,
  type NestInterceptor,
} from '@nestjs/common';
import { afterEach, describe, expect, it } from '@jest/globals';
import { Agent } from 'nestjs-agentos';
import { createGate } from 'nestjs-agentos/testing';
import { catchError, EMPTY, filter, map, of, retry, tap, timeout, type Observable } from 'rxjs';

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

interface Fastify {
  addHook(
    name: 'onSend',
    hook: (request: unknown, reply: unknown, payload: unknown) => Promise<unknown>,
  ): void;
}

@Controller('host')
class HostController {
  @Get() greet(): string {
    return 'hello';
  }
}

describe.each(ADAPTERS)('With a global interceptor of the host on %s', (adapter) => {
  let ran: string[] = [];
  const agent = new Agent({
    id: 'agent',
    engine: ({ input }) => {
      ran.push(input);
      return input;
    },
  });

  function start(interceptors: readonly NestInterceptor[], ...more: readonly Agent[]): Promise<TestApp> {
    ran = [];
    return startApp({
      adapter,
      agentOs: { agents: [agent, ...more], http: { userId } },
      controllers: [HostController],
      beforeListen: (app: INestApplication) => void app.useGlobalInterceptors(...interceptors),
    });
  }

  it.each([
    ['a cache before a mapping interceptor', [new Caching(), mapping]],
    ['a cache that copies before a mapping interceptor', [new Caching(throughJson), mapping]],
    ['a cache behind a mapping interceptor', [mapping, new Caching()]],
    ['a cache alone', [new Caching()]],
  ])('such as %s, every GET is answered, each time and for each user', async (_, interceptors) => {
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

  it('that maps answers, the answers of the host are mapped, and runs are unchanged', async () => {
    const { url } = await start([mapping]);
    expect((await callJson(url, 'GET', '/host')).body).toEqual({ data: 'hello' });
    expect(await runJson(url, '/agents/agent', 'hi')).toMatchObject({ status: 200, body: { content: 'hi' } });
  });

  it('that answers in place of the handlers, its answer is sent, and no run starts', async () => {
    const { url } = await start([{ intercept: () => of({ closed: true }) }]);
    expect(await callJson(url, 'GET', '/agents')).toEqual({ status: 200, body: { closed: true } });
    const reply = await post(url, '/agents/agent', { message: 'hi' });
    expect([reply.status, await reply.json()]).toEqual([200, { closed: true }]);
    expect(ran).toEqual([]);
  });

  it.each<[string, () => Observable<unknown>]>([
    ['nothing', () => EMPTY],
    ['undefined', () => of(undefined)],
  ])('that answers with %s, the request is answered', async (_, intercept) => {
    const { url, log } = await start([{ intercept }]);
    const reply = await fetch(`${url}/agents`);
    expect([reply.status, await reply.text()]).toEqual([200, '']);
    expect(log.messages('error')).toEqual([]);
  });

  it('that drops the answers of handlers, requests are answered and nothing is logged', async () => {
    const { url, log } = await start([
      { intercept: (_context, next) => next.handle().pipe(filter(() => false)) },
    ]);
    expect((await callJson(url, 'GET', '/agents')).status).toBe(200);
    expect(log.messages('error')).toEqual([]);
  });

  /** Requests that handlers refuse, with what they answer. */
  const REFUSED = [
    ['GET', '/sessions/nope?type=agent', 404],
    ['GET', '/agents/nope', 404],
    ['POST', '/agents/agent/runs', 422],
    ['POST', '/agents/agent/runs/nope/continue', 400],
    ['POST', '/agents/nope/runs/nope/cancel', 404],
    ['POST', '/eval-runs', 422],
  ] as const;

  function refuse(url: string, method: 'GET' | 'POST', path: string): Promise<Response> {
    const form = new FormData();
    form.set('user', 'ann');
    return fetch(`${url}${path}`, {
      method,
      signal: AbortSignal.timeout(5_000),
      // Fastify takes forms only where runs are.
      ...(method === 'POST' && path !== '/eval-runs' && { body: form }),
    });
  }

  /** Sends each of them; what is expected may depend on what the handler itself answers. */
  async function expectAnswers(url: string, expected: (own: number) => [number, object]): Promise<void> {
    for (const [method, path, own] of REFUSED) {
      const reply = await refuse(url, method, path);
      expect([path, reply.status, await reply.json()]).toEqual([path, ...expected(own)]);
    }
  }

  it('that answers in place of errors, its answer is sent', async () => {
    const { url, log } = await start([
      { intercept: (_context, next) => next.handle().pipe(catchError(() => of({ error: true }))) },
    ]);
    await expectAnswers(url, () => [200, { error: true }]);
    expect(await runJson(url, '/agents/agent', 'hi')).toMatchObject({ status: 200, body: { content: 'hi' } });
    expect(log.messages('error')).toEqual([]);
  });

  it('that answers in place of errors with a status, both are sent', async () => {
    const { url } = await start([
      {
        intercept: (context, next) =>
          next.handle().pipe(
            catchError(() => {
              context.switchToHttp().getResponse<{ status(code: number): unknown }>().status(503);
              return of({ error: true });
            }),
          ),
      },
    ]);
    await expectAnswers(url, () => [503, { error: true }]);
  });

  it.each<[string, () => Observable<unknown>]>([
    ['nothing', () => EMPTY],
    ['undefined', () => of(undefined)],
    ['null', () => of(null)],
  ])('that turns errors into %s, they are answered as the protocol says', async (_, swallow) => {
    const { url, log } = await start([
      { intercept: (_context, next) => next.handle().pipe(catchError(swallow)) },
    ]);
    await expectAnswers(url, (status) => [status, { detail: expect.anything() }]);
    expect(log.messages('error')).toEqual([]);
  });

  it('that calls handlers again, the errors of the first call are sent', async () => {
    const { url } = await start([{ intercept: (_context, next) => next.handle().pipe(retry(2)) }]);
    for (const [method, path, status] of REFUSED)
      expect([path, (await refuse(url, method, path)).status]).toEqual([path, status]);
  });

  it.each<[string, () => Observable<unknown>, string]>([
    ['an answer of its own', () => of({ late: true }), '{"late":true}'],
    ['nothing', () => EMPTY, '"content":"done"'],
  ])(
    'that gives %s after a time while a run continues, the client gets either that or the run',
    async (_, fallback, expected) => {
      const [timedOut, goOn] = [createGate(), createGate()];
      const slow = new Agent({
        id: 'slow',
        engine: async () => {
          await goOn.opened;
          return 'done';
        },
      });
      const givesUp: NestInterceptor = {
        intercept: (_context, next) =>
          next.handle().pipe(
            timeout(50),
            catchError(() => (timedOut.open(), fallback())),
          ),
      };
      const { url, log } = await start([givesUp], slow);
      const reply = post(url, '/agents/slow', { message: 'hi', stream: 'false' });
      await timedOut.opened;
      if (expected.includes('late')) expect(await (await reply).text()).toBe(expected);
      goOn.open();
      if (!expected.includes('late')) expect(await (await reply).text()).toContain(expected);
      expect((await callJson(url, 'GET', '/health')).status).toBe(200);
      expect(log.messages('error')).toEqual([]);
    },
  );

  it('that waits for a time, a stream continues behind it and no error is logged', async () => {
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
    const givesUp: NestInterceptor = {
      intercept: (_context, next) => next.handle().pipe(timeout(50), tap({ error: () => timedOut.open() })),
    };
    const { url, log } = await start([givesUp], slow);
    const reply = await post(url, '/agents/slow', { message: 'hi' });
    await begun.opened;
    await timedOut.opened;
    goOn.open();
    expect(await reply.text()).toContain('RunCompleted');
    expect(log.messages('error')).toEqual([]);
  });

  it('that fails after an answer has begun, the client gets this answer alone, even if a hook of the platform holds it', async () => {
    const failing: NestInterceptor = {
      intercept: (_context, next) =>
        next.handle().pipe(
          map(() => {
            throw new Error('Cannot map');
          }),
        ),
    };
    const { url, log } = await startApp({
      adapter,
      agentOs: { agents: [agent] },
      beforeListen: (app) => {
        app.useGlobalInterceptors(failing);
        // As plugins that compress do: headers are sent later than the handler has answered.
        if (adapter === 'fastify')
          (app.getHttpAdapter().getInstance() as Fastify).addHook(
            'onSend',
            async (_request, _reply, payload) => {
              await setImmediate();
              return payload;
            },
          );
      },
    });
    const reply = await post(url, '/agents/agent', { message: 'hi' });
    expect([reply.status, await reply.text()]).toEqual([200, expect.stringContaining('RunCompleted')]);
    expect(await runJson(url, '/agents/agent', 'hi')).toMatchObject({ status: 200, body: { content: 'hi' } });
    expect((await callJson(url, 'GET', '/agents/agent')).status).toBe(200);
    expect(log.messages('error')).toEqual(Array(3).fill('An AgentOS route failed: Cannot map'));
  });

  it.each(['true', 'false'])(
    'that gives up while a form is uploaded, the client gets its answer alone; stream=%s',
    async (stream) => {
      const timedOut = createGate();
      const { port, log } = await start([
        {
          intercept: (_context, next) =>
            next.handle().pipe(
              timeout(50),
              catchError(() => {
                timedOut.open();
                throw new RequestTimeoutException();
              }),
            ),
        },
      ]);
      const body =
        `--x\r\nContent-Disposition: form-data; name="stream"\r\n\r\n${stream}\r\n` +
        '--x\r\nContent-Disposition: form-data; name="message"\r\n\r\nhi\r\n--x--\r\n';
      const socket = connect(port, '127.0.0.1');
      let received = '';
      socket.setEncoding('utf8').on('data', (text: string) => (received += text));
      socket.write(
        `POST /agents/agent/runs HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: ${body.length}\r\n` +
          `Content-Type: multipart/form-data; boundary=x\r\n\r\n${body.slice(0, 5)}`,
      );
      await timedOut.opened;
      socket.write(body.slice(5));
      await once(socket, 'close');
      expect(received.match(/HTTP\/1.1 \d+/g)).toEqual(['HTTP/1.1 408']);
      expect(log.messages('error')).toEqual([]);
    },
  );
});
