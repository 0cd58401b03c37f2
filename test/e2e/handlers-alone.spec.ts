import { AsyncLocalStorage } from 'node:async_hooks';

import type { INestApplication, NestInterceptor, PipeTransform } from '@nestjs/common';
import { describe, expect, it } from '@jest/globals';
import { Agent, defineHook, InputCheckError, type PostHookContext } from 'nestjs-agentos';

import { useClock } from '../../src/model/clock.js';
import { useIds } from '../../src/model/ids.js';
import type { RecordingLogger } from '../support/recording-logger.js';
import { ADAPTERS, shareApp, startApp, type TestApp } from '../support/test-app.js';

/** What a host may put around all handlers without any effect. */
const passing: NestInterceptor = { intercept: (_context, next) => next.handle() };
const unchanged: PipeTransform = { transform: (value: unknown) => value };

const request = new AsyncLocalStorage<string>();
/** The hooks that ran, with what they saw. */
let seen: unknown[] = [];

const agents = (): Agent[] => [
  new Agent({
    id: 'agent',
    engine: ({ input, context }) => {
      if (input === 'fail') throw new Error('The engine is broken.');
      context.sessionState['asked'] = input;
      return `${input} (${request.getStore() ?? 'no request'})`;
    },
    preHooks: [
      defineHook(
        ({ runInput }) => {
          if (runInput.content === 'reject') throw new InputCheckError('Not this.');
        },
        { name: 'check' },
      ),
    ],
    postHooks: [
      defineHook(
        ({ runInput, runOutput, hook }: PostHookContext) =>
          void seen.push({ runInput, runOutput, hook, request: request.getStore() }),
        { name: 'note', runInBackground: true },
      ),
    ],
  }),
];

const REQUESTS: readonly [method: string, path: string, fields?: Record<string, string>][] = [
  ['GET', '/health'],
  ['GET', '/agents'],
  ['GET', '/agents/agent'],
  ['GET', '/agents/none'],
  ['POST', '/agents/agent/runs', { message: 'hi', stream: 'false' }],
  ['POST', '/agents/agent/runs', { message: 'hi', stream: 'false', session_id: 's', user_id: 'ann' }],
  ['POST', '/agents/agent/runs', { message: 'hi', stream: 'true', session_id: 's', user_id: 'ann' }],
  ['POST', '/agents/agent/runs', { message: 'reject', stream: 'false' }],
  ['POST', '/agents/agent/runs', { message: 'fail', stream: 'false' }],
  ['POST', '/agents/agent/runs', { message: 'fail', stream: 'true' }],
  ['POST', '/agents/agent/runs', { message: '' }],
  ['POST', '/agents/none/runs', { message: 'hi' }],
  ['GET', '/agents/agent/runs?session_id=s'],
  ['GET', '/agents/agent/runs?session_id=none'],
  ['GET', '/sessions/s/runs?type=agent'],
  ['GET', '/sessions?limit=0'],
  ['GET', '/hooks/runs?limit=2'],
  ['POST', '/agents/agent/runs/none/cancel', {}],
];

/** All that a client and the hooks can see of the requests, sent one after another to a new application. */
async function observe({ url, agentOs }: TestApp, logs: readonly RecordingLogger[]): Promise<unknown[]> {
  for (const { entries } of logs) entries.length = 0;
  let ids = 0;
  const restore = [useIds(() => `id-${++ids}`), useClock(() => 1_700_000_000_000)];
  try {
    const all: unknown[] = [];
    for (const [method, path, fields] of REQUESTS) {
      seen = [];
      const body = fields && new URLSearchParams(fields);
      const reply = await fetch(`${url}${path}`, { method, ...(body && { body }) });
      const text = (await reply.text()).replace(/"instantiated_at":"[^"]*"/g, '');
      const headers = [...reply.headers].filter(([name]) => name !== 'date' && name !== 'etag');
      await agentOs.drain();
      all.push({ method, path, fields, status: reply.status, headers, text, seen });
    }
    const executions = await agentOs.executions.list();
    const logged = logs.flatMap(({ entries }) => entries.map(({ level, message }) => `${level}: ${message}`));
    return [...all, executions, logged];
  } finally {
    for (const undo of restore) undo();
  }
}

describe.each(ADAPTERS)('The handlers of the protocol on %s', (adapter) => {
  const start = (configure: (app: INestApplication) => void): Promise<TestApp> =>
    startApp({
      adapter,
      agentOs: { agents: agents() },
      beforeListen: (app) => {
        app.use((_request: unknown, _response: unknown, next: () => void) => request.run('a request', next));
        configure(app);
      },
    });
  const alone = shareApp(() => start(() => undefined));
  const others = {
    'an interceptor': shareApp(() => start((app) => void app.useGlobalInterceptors(passing))),
    'a pipe': shareApp(() => start((app) => void app.useGlobalPipes(unchanged))),
  };
  let expected: Promise<unknown[]> | undefined;

  it.each(['an interceptor', 'a pipe'] as const)(
    'answer the same, and show their runs and hooks the same, alone as with %s of the host around them',
    async (around) => {
      // Nest has one logger for all applications of a process.
      const logs = [alone, ...Object.values(others)].map((app) => app().log);
      const answers = await (expected ??= observe(alone(), logs));
      expect(await observe(others[around](), logs)).toEqual(answers);
      expect(JSON.stringify(answers)).toContain('hi (a request)');
      expect(JSON.stringify(answers)).toContain('The engine is broken.');
    },
  );
});
