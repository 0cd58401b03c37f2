import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { post } from '../support/http-client.js';
import { readBody } from '../support/json-client.js';
import { declaredRoutes, protocolRoutes } from '../support/protocol-routes.js';
import { startWithSessions, type SessionApp } from '../support/session-app.js';
import { ADAPTERS, closeApps, startApp } from '../support/test-app.js';

describe.each(ADAPTERS)('Responses on %s', (adapter) => {
  let served: SessionApp;
  beforeAll(async () => {
    served = await startWithSessions(adapter);
  });
  afterAll(closeApps);

  const protectionOf = ({ headers }: Response): unknown[] => [
    headers.get('cache-control'),
    headers.get('x-content-type-options'),
  ];
  const PROTECTED = ['no-store', 'nosniff'];

  it.each([
    ['GET', '/sessions', 200],
    ['GET', '/sessions/a1', 200],
    ['GET', '/sessions/a1/runs', 200],
    ['GET', '/sessions/a1/runs/run-a1', 200],
    ['GET', '/agents/helper/runs?session_id=a1', 200],
    ['GET', '/agents/helper/runs/run-a1?session_id=a1', 200],
    ['GET', '/eval-runs', 200],
    ['GET', '/hooks/executions', 200],
    ['GET', '/agents', 200],
    ['GET', '/', 200],
    ['POST', '/sessions', 201],
    ['DELETE', '/sessions/gone', 204],
    ['GET', '/sessions/gone', 404],
    ['GET', '/sessions?limit=x', 422],
    ['POST', '/agents/helper/runs', 422],
    ['POST', '/eval-runs', 422],
  ])(
    'to %s %s, with the status %i, are never cached, and their type is never guessed',
    async (method, path, status) => {
      const reply = await fetch(served.url + path, { method });
      expect(reply.status).toBe(status);
      expect(protectionOf(reply)).toEqual(PROTECTED);
    },
  );

  it.each(['false', 'true'])(
    'with a run, background=%s, are never cached, and their type is never guessed',
    async (background) => {
      const reply = await post(served.url, '/agents/helper', { message: 'hi', stream: 'false', background });
      expect(reply.status).toBe(background === 'true' ? 202 : 200);
      expect(protectionOf(reply)).toEqual(PROTECTED);
    },
  );

  /** Asks, and reads the answer to its end. */
  const ask = async (method: string, path: string, fields?: Record<string, string>): Promise<Response> => {
    const body = fields && new URLSearchParams(fields);
    const reply = await fetch(served.url + path, { method, ...(body ? { body } : {}) });
    await readBody(reply);
    return reply;
  };
  const expectProtected = (what: string, { headers }: Response): void => {
    const isStream = headers.get('content-type')?.startsWith('text/event-stream') === true;
    expect([what, headers.get('cache-control'), headers.get('x-content-type-options')]).toEqual([
      what,
      isStream ? 'no-cache, no-transform, no-store' : 'no-store',
      'nosniff',
    ]);
  };
  const IDS: Readonly<Record<string, string>> = {
    agent_id: 'helper',
    team_id: 'desk',
    workflow_id: 'flow',
    session_id: 'a1',
    run_id: 'run-a1',
  };
  const withIds = (path: string): string => path.replace(/:(\w+)/g, (_, name: string) => IDS[name] ?? 'x');

  it.each(
    declaredRoutes().filter(({ method, path }) => method !== 'DELETE' || !path.startsWith('/sessions')),
  )('of $method $path are never cached, and their type is never guessed', async ({ method, path }) => {
    const fields = { message: 'hi', session_name: 'name', name: 'name' };
    const bodies = method === 'GET' || method === 'DELETE' ? [undefined] : [undefined, fields];
    for (const body of bodies)
      for (const asked of [withIds(path), `${withIds(path)}?session_id=a1`, path.replace(/:\w+/g, 'x')])
        expectProtected(asked, await ask(method, asked, body));
  });

  const RUNS = ['/agents/helper/runs', '/teams/desk/runs', '/workflows/flow/runs'];
  const MODES: Readonly<Record<string, string>>[] = [
    { stream: 'true' },
    { stream: 'false' },
    { stream: 'true', background: 'true' },
    { stream: 'false', background: 'true' },
  ];

  it.each(RUNS.flatMap((path) => MODES.map((mode) => ({ path, mode }))))(
    'with a run of $path, $mode, are never cached, and their type is never guessed, resumed ones included',
    async ({ path, mode }) => {
      const started = await ask('POST', path, { message: 'hi', session_id: 'a2', ...mode });
      expect([200, 202]).toContain(started.status);
      expectProtected(path, started);
      if (mode['stream'] === 'true' || !('background' in mode)) return;
      const again = await fetch(served.url + path, {
        method: 'POST',
        body: new URLSearchParams({ message: 'hi', ...mode }),
      });
      const { run_id, session_id } = (await again.json()) as Record<string, string>;
      const resumed = await ask('POST', `${path}/${String(run_id)}/resume`, {
        session_id: String(session_id),
      });
      expect(resumed.headers.get('content-type')).toMatch('text/event-stream');
      expectProtected('resume', resumed);
      expectProtected('poll', await ask('GET', `${path}/${String(run_id)}?session_id=${String(session_id)}`));
      expectProtected('cancel', await ask('POST', `${path}/${String(run_id)}/cancel`));
    },
  );

  it('that refuse a request without its key are never cached, and their type is never guessed', async () => {
    const { url } = await startApp({ adapter, agentOs: { http: { securityKey: 'key' } } });
    for (const { method, path } of protocolRoutes()) {
      const reply = await fetch(url + path, { method });
      expect([path, ...protectionOf(reply)]).toEqual([path, ...PROTECTED]);
    }
  });
});
