import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { HttpAdapterHost } from '@nestjs/core';
import { DocumentBuilder } from '@nestjs/swagger';
import fc from 'fast-check';
import { Agent, defineHook, type PreHookContext } from 'nestjs-agentos';
import { createAgentOsDocument } from 'nestjs-agentos/openapi';

import { HostErrorFilter } from '../../sample-app/host-error.filter.js';
import {
  hostileRequests,
  sendHostile,
  type HostileRequest,
  type RawResponse,
} from '../support/hostile-requests.js';
import { runJson } from '../support/http-client.js';
import { mockLab } from '../support/mock-lab.js';
import { OpenApiValidator } from '../support/openapi-validator.js';
import { ADAPTERS, closeApps, startApp, type TestApp } from '../support/test-app.js';
import { recordUnhandledRejections, type RejectionRecorder } from '../support/unhandled-rejections.js';

/** What must never be seen by a client. */
const SECRET = 'the secret of the server';
/** Answered before a route is reached, by the adapter or the host. */
const BEFORE_THE_ROUTE = [400, 404, 413, 414, 415];

/** The operations that are described, known before a document is there: a test each. */
const OPERATIONS = [
  ...['agents', 'teams', 'workflows'].flatMap((kind) => [
    ['GET', `/${kind}`],
    ['GET', `/${kind}/{id}`],
    ['POST', `/${kind}/{id}/runs`],
    ['GET', `/${kind}/{id}/runs`],
    ['GET', `/${kind}/{id}/runs/{run_id}`],
    ['POST', `/${kind}/{id}/runs/{run_id}/cancel`],
    ['POST', `/${kind}/{id}/runs/{run_id}/continue`],
    ['POST', `/${kind}/{id}/runs/{run_id}/resume`],
    ['POST', `/${kind}/{id}/chat`],
    ['GET', `/${kind}/{id}/chat/{session_id}/stream`],
    ['POST', `/${kind}/{id}/ag-ui`],
    ['GET', `/${kind}/{id}/ag-ui/{thread_id}/stream`],
  ]),
  ...['/', '/health', '/info', '/config', '/models'].map((path) => ['GET', path]),
  ...['/traces', '/traces/{trace_id}', '/traces/filter-schema', '/trace_session_stats'].map((path) => [
    'GET',
    path,
  ]),
  ['POST', '/traces/search'],
  ['GET', '/metrics'],
  ['GET', '/metrics/refresh/status'],
  ['POST', '/metrics/refresh'],
  ...['', '/executions', '/runs', '/runs/{run_id}', '/stats'].map((path) => ['GET', `/hooks${path}`]),
  ['POST', '/hooks/executions/retry'],
  ['POST', '/hooks/executions/{execution_id}/retry'],
  ['DELETE', '/hooks/executions/{execution_id}'],
  ...['GET', 'POST', 'DELETE'].flatMap((method) => [
    [method, '/sessions'],
    [method, '/eval-runs'],
  ]),
  ...['GET', 'PATCH', 'DELETE'].map((method) => [method, '/sessions/{session_id}']),
  ...['GET', 'PATCH'].map((method) => [method, '/eval-runs/{eval_run_id}']),
  ['POST', '/sessions/{session_id}/rename'],
  ['GET', '/sessions/{session_id}/runs'],
  ['GET', '/sessions/{session_id}/run-previews'],
  ['GET', '/sessions/{session_id}/runs/{run_id}'],
] as [string, string][];

/** Its answer has no end. It reads its query as the other routes of hooks do. */
const ENDLESS = ['GET /hooks/changes'];

describe.each(ADAPTERS)('Under any request, on %s,', (adapter) => {
  let app: TestApp;
  let validator: OpenApiValidator;
  let rejections: RejectionRecorder;
  const ids: string[] = ['plain', 'fail', 't1', 'w1', 'leaky', 's1'];

  beforeAll(async () => {
    rejections = recordUnhandledRejections();
    const leaky = new Agent({
      id: 'leaky',
      preHooks: [
        defineHook<PreHookContext>(
          () => {
            throw Object.assign(new Error(SECRET), { response: SECRET, status: 418, toJSON: () => SECRET });
          },
          { name: 'leak' },
        ),
      ],
      engine: () => 'never',
    });
    const lab = mockLab();
    app = await startApp({
      adapter,
      agentOs: { ...lab, agents: [...(lab.agents ?? []), leaky] },
      beforeListen: (nest) => nest.useGlobalFilters(new HostErrorFilter(nest.get(HttpAdapterHost))),
    });
    validator = new OpenApiValidator(
      createAgentOsDocument(app.app, new DocumentBuilder().setTitle('Host').build()),
    );
    const { body } = await runJson(app.url, '/agents/plain', 'hi', { session_id: 's1' });
    ids.push(String(body['run_id']));
  });
  afterAll(closeApps);

  it.each(OPERATIONS)(
    'the route %s %s answers as promised, and the server survives',
    async (method, path) => {
      const operation = validator
        .operations()
        .find((known) => known.method === method && known.path === path);
      expect(operation).toBeDefined();
      const requests = hostileRequests(validator.document, method, path, operation?.operation ?? {}, ids);
      await fc.assert(
        fc.asyncProperty(requests, async (request) => {
          expect(problemsOf(request, await sendHostile(app.port, request))).toEqual([]);
        }),
        { numRuns: 60 },
      );
    },
  );

  it('the server is unchanged afterwards', async () => {
    expect((await fetch(`${app.url}/health`)).status).toBe(200);
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
    expect(await rejections.stop()).toEqual([]);
    expect(
      validator
        .operations()
        .map(({ method, path }) => `${method} ${path}`)
        .sort(),
    ).toEqual([...OPERATIONS.map(([method, path]) => `${method} ${path}`), ...ENDLESS].sort());
  });

  function problemsOf(request: HostileRequest, { status, contentType, text }: RawResponse): string[] {
    const [path = ''] = request.path.split('?');
    const described = validator.problems({ method: request.method, path, status, contentType, text });
    return [
      ...(status >= 500 && !isDeclined(path, status) && !isOwnFailure(text)
        ? [`status ${status}: ${text}`]
        : []),
      ...(text.includes(SECRET) || /\bat .+:\d+:\d+|node_modules|"stack"/.test(text)
        ? [`a leak: ${text}`]
        : []),
      ...(status >= 400 && !hasDetail(text) ? [`no detail: ${text}`] : []),
      ...(BEFORE_THE_ROUTE.includes(status) ? [] : described),
    ];
  }
});

/** What this server says it does not do. */
function isDeclined(path: string, status: number): boolean {
  return status === 501 && (path.endsWith('/continue') || path.startsWith('/eval-runs'));
}

/** The components `fail` and `leaky` fail: that is their answer, in words for clients. */
function isOwnFailure(text: string): boolean {
  return /"error_type":"(?:run_failed|hook_failed)"/.test(text);
}

function hasDetail(text: string): boolean {
  try {
    const { detail, code } = JSON.parse(text) as { detail?: unknown; code?: unknown };
    // Fastify answers a path that it cannot read itself, before anything of Nest is asked.
    if (code === 'FST_ERR_BAD_URL' || code === 'FST_ERR_MAX_PARAM_LENGTH') return true;
    if (typeof detail === 'string') return detail !== '';
    return Array.isArray(detail) && detail.length > 0 && detail.every(isProblem);
  } catch {
    return false;
  }
}

function isProblem(problem: unknown): boolean {
  const { type, loc, msg } = problem as Record<string, unknown>;
  return typeof type === 'string' && Array.isArray(loc) && typeof msg === 'string';
}
