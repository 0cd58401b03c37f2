import { AsyncLocalStorage } from 'node:async_hooks';

import { Injectable, type CallHandler, type ExecutionContext, type NestInterceptor } from '@nestjs/common';
import { APP_INTERCEPTOR } from '@nestjs/core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { context, SpanStatusCode, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  SimpleSpanProcessor,
  type ReadableSpan,
} from '@opentelemetry/sdk-trace-base';
import { drizzle } from 'drizzle-orm/pglite';
import { Agent, defineHook, Team, type AgentOsOptions } from 'nestjs-agentos';
import { bullmq } from 'nestjs-agentos/bullmq';
import { createGate } from 'nestjs-agentos/testing';
import { finalize, type Observable } from 'rxjs';

import { ANSWERS, AskController } from '../support/ask.controller.js';
import { inBackground } from '../support/background-hook.js';
import { createPglite } from '../support/pglite.js';
import { raise } from '../support/raise.js';
import { ask, SURFACES } from '../support/surfaces.js';
import { ADAPTERS, closeApps, startApp, type TestAppOptions } from '../support/test-app.js';

const exporter = new InMemorySpanExporter();
const tracer = trace.getTracer('host');

beforeAll(() => {
  context.setGlobalContextManager(new AsyncLocalStorageContextManager());
  const spanProcessors = [new SimpleSpanProcessor(exporter)];
  trace.setGlobalTracerProvider(new BasicTracerProvider({ spanProcessors }));
});
afterAll(() => {
  trace.disable();
  context.disable();
});
afterEach(async () => {
  await closeApps();
  exporter.reset();
});

const requestId = new AsyncLocalStorage<string>();

interface HttpRequest {
  readonly headers: Readonly<Record<string, string>>;
}

/** What a host does to know everywhere which request it works for. */
@Injectable()
class RequestIdInterceptor implements NestInterceptor {
  intercept(executionContext: ExecutionContext, next: CallHandler): Observable<unknown> {
    const { headers } = executionContext.switchToHttp().getRequest<HttpRequest>();
    return requestId.run(headers['x-request-id'] ?? 'none', () => next.handle());
  }
}

/** A host's ways to know everywhere which request it works for. */
const HOSTS: readonly { readonly setBy: string; readonly options: Partial<TestAppOptions> }[] = [
  {
    setBy: 'an interceptor',
    options: { providers: [{ provide: APP_INTERCEPTOR, useClass: RequestIdInterceptor }] },
  },
  { setBy: 'a middleware', options: { beforeListen: (app) => void app.use(enterRequest) } },
];

function enterRequest({ headers }: HttpRequest, _response: unknown, next: () => void): void {
  requestId.run(headers['x-request-id'] ?? 'none', next);
}

describe.each(ADAPTERS)('The context of the request on %s', (adapter) => {
  describe.each(HOSTS)(
    'G12: the hook sees the AsyncLocalStorage values of its request, set by $setBy',
    ({ options }) => {
      it.each(ANSWERS)('$answer', async ({ path, body }) => {
        const seen: string[] = [];
        const look = (place: string): void => void seen.push(`${place}: ${requestId.getStore()}`);
        const writer = new Agent({
          id: 'writer',
          engine: () => {
            look('engine');
            return 'the answer';
          },
          preHooks: [() => look('inline hook')],
          postHooks: [
            inBackground('look', async () => {
              look('background hook');
              await Promise.resolve();
              look('background hook, later');
            }),
          ],
        });
        const { agentOs, url } = await startApp({
          adapter,
          agentOs: { agents: [writer] },
          controllers: [AskController],
          ...options,
        });
        await send(`${url}${path}`, 'one', body);
        await agentOs.drain();
        expect(seen).toEqual([
          'inline hook: one',
          'engine: one',
          'background hook: one',
          'background hook, later: one',
        ]);
      });
    },
  );

  it('G12: hooks of several requests at once each see the values of their own', async () => {
    const seen: string[] = [];
    const bothAsked = createGate();
    let asked = 0;
    const writer = new Agent({
      id: 'writer',
      engine: async () => {
        asked += 1;
        if (asked === 2) bothAsked.open();
        await bothAsked.opened;
        return requestId.getStore() ?? 'none';
      },
      postHooks: [
        inBackground('look', ({ runOutput }) => seen.push(`${runOutput.content} is ${requestId.getStore()}`)),
      ],
    });
    const { agentOs, url } = await startApp({
      adapter,
      agentOs: { agents: [writer] },
      controllers: [AskController],
      beforeListen: (app) => void app.use(enterRequest),
    });
    await Promise.all([send(`${url}/ask/value`, 'one'), send(`${url}/ask/value`, 'two')]);
    await agentOs.drain();
    expect(seen.sort()).toEqual(['one is one', 'two is two']);
  });
});

describe.each(SURFACES)('Traces on $adapter over $transport', ({ adapter, transport }) => {
  /** Asks once, in a request that the host traces; returns the spans when all hooks have ended. */
  async function spansOf(agentOs: AgentOsOptions, path: string): Promise<ReadableSpan[]> {
    const app = await startApp({
      adapter,
      agentOs,
      providers: [{ provide: APP_INTERCEPTOR, useClass: RequestSpanInterceptor }],
    });
    await ask(app.url, path, 'hello', transport);
    await app.agentOs.drain();
    return exporter.getFinishedSpans();
  }

  it("G12: the hook's span is a new root linked to the run's, which is a child of the request's", async () => {
    const writer = new Agent({
      id: 'writer',
      engine: () => {
        work('engine work');
        return 'the answer';
      },
      preHooks: [defineHook(() => work('inline work'), { name: 'check' })],
      postHooks: [
        inBackground('notify', async () => {
          work('background work');
          await Promise.resolve();
          work('later work');
        }),
      ],
    });
    const spans = await spansOf({ agents: [writer] }, '/agents/writer');
    expect(describeAll(spans)).toEqual([
      'background work, below hook notify',
      'engine work, below invoke_agent writer',
      'hook check, below invoke_agent writer',
      'hook notify, below nothing, linked to invoke_agent writer',
      'inline work, below hook check',
      'invoke_agent writer, below request',
      'later work, below hook notify',
      'request, below nothing',
    ]);
  });

  it("link the hooks of a member to the member's span, which is a child of its team's", async () => {
    const helper = new Agent({
      id: 'helper',
      engine: () => 'done',
      postHooks: [inBackground('count', pass)],
    });
    const desk = new Team({
      id: 'desk',
      members: [helper],
      engine: ({ input, delegate }) => delegate('helper', input),
      postHooks: [inBackground('notify', pass)],
    });
    const spans = await spansOf({ teams: [desk] }, '/teams/desk');
    expect(describeAll(spans)).toEqual([
      'hook count, below nothing, linked to invoke_agent helper',
      'hook notify, below nothing, linked to invoke_agent desk',
      'invoke_agent desk, below request',
      'invoke_agent helper, below invoke_agent desk',
      'request, below nothing',
    ]);
  });

  it('give the span of each failed attempt an error status, and that of a failed run', async () => {
    let attempts = 0;
    const recover = inBackground('recover', () => (++attempts === 1 ? raise(new Error('once')) : undefined), {
      on: ['failed'],
      retry: { attempts: 2, backoff: 0 },
    });
    const reject = inBackground('reject', () => Promise.reject(new Error('twice')), { on: ['failed'] });
    const hang = inBackground('hang', () => new Promise(pass), { on: ['failed'], timeout: 1 });
    const writer = new Agent({
      id: 'writer',
      engine: () => raise(new Error('no model')),
      postHooks: [recover, reject, hang],
    });
    const spans = await spansOf({ agents: [writer] }, '/agents/writer');
    expect(describeAll(spans)).toEqual([
      expect.stringMatching(
        /^hook hang, below nothing, linked to invoke_agent writer, failed: .* within 1 ms/,
      ),
      'hook recover, below nothing, linked to invoke_agent writer',
      'hook recover, below nothing, linked to invoke_agent writer, failed: once',
      'hook reject, below nothing, linked to invoke_agent writer, failed: twice',
      expect.stringMatching(/^invoke_agent writer, below request, failed: The run .* failed: no model$/),
      'request, below nothing',
    ]);
  });
});

describe('Traces of durable hooks', () => {
  it("G12: the hook's span links to the run's, although another process may run the hook", async () => {
    const pglite = await createPglite();
    const folder = { database: drizzle({ client: pglite }), close: () => Promise.resolve() };
    const writer = new Agent({
      id: 'writer',
      engine: () => 'answer',
      postHooks: [inBackground('notify', () => undefined)],
    });
    const { agentOs } = await startApp({ agentOs: { agents: [writer], executor: bullmq({ folder }) } });
    exporter.reset();
    await agentOs.run('writer', 'question');
    await agentOs.drain();
    const spans = exporter.getFinishedSpans().filter(({ name }) => /^(invoke_agent|hook) /.test(name));
    expect(describeAll(spans)).toEqual([
      'hook notify, below nothing, linked to invoke_agent writer',
      'invoke_agent writer, below nothing',
    ]);
    const [linked] = spans.flatMap(({ links }) => links);
    expect(linked?.context).toMatchObject({ isRemote: true, traceFlags: 1 });
    await closeApps();
    await pglite.close();
  });
});

/** The tracing of a host, in short. */
@Injectable()
class RequestSpanInterceptor implements NestInterceptor {
  intercept(_context: ExecutionContext, next: CallHandler): Observable<unknown> {
    return tracer.startActiveSpan('request', (span) => next.handle().pipe(finalize(() => span.end())));
  }
}

/** Something that is traced. */
function work(name: string): void {
  tracer.startSpan(name).end();
}

function pass(): void {
  // There is nothing to do.
}

/** One line for each span: where it stands, what it is linked to, how it failed. */
function describeAll(spans: readonly ReadableSpan[]): string[] {
  const names = new Map(spans.map((span) => [span.spanContext().spanId, span.name]));
  return spans
    .map(({ name, parentSpanContext, links, status }) => {
      const parent = parentSpanContext ? names.get(parentSpanContext.spanId) : 'nothing';
      const linked = links.map((link) => `, linked to ${names.get(link.context.spanId)}`);
      const failure = status.code === SpanStatusCode.ERROR ? `, failed: ${status.message}` : '';
      return `${name}, below ${parent}${linked.join('')}${failure}`;
    })
    .sort();
}

async function send(url: string, id: string, body?: string): Promise<void> {
  const request = body === undefined ? {} : { method: 'POST', body: new URLSearchParams(body) };
  const response = await fetch(url, { ...request, headers: { connection: 'close', 'x-request-id': id } });
  await response.text();
}
