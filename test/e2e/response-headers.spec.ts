import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { post } from '../support/http-client.js';
import { protocolRoutes } from '../support/protocol-routes.js';
import { startWithSessions, type SessionApp } from '../support/session-app.js';
import { ADAPTERS, closeApps, startApp } from '../support/test-app.js';

describe.each(ADAPTERS)('Answers on %s', (adapter) => {
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
    ['POST', '/eval-runs', 501],
  ])('to %s %s, %i, are kept by no cache and taken for nothing else', async (method, path, status) => {
    const reply = await fetch(served.url + path, { method });
    expect(reply.status).toBe(status);
    expect(protectionOf(reply)).toEqual(PROTECTED);
  });

  it.each(['false', 'true'])('with a run, background=%s, are, too', async (background) => {
    const reply = await post(served.url, '/agents/helper', { message: 'hi', stream: 'false', background });
    expect(reply.status).toBe(background === 'true' ? 202 : 200);
    expect(protectionOf(reply)).toEqual(PROTECTED);
  });

  it('with a stream of events are taken for nothing else', async () => {
    const reply = await post(served.url, '/agents/helper', { message: 'hi' });
    expect(reply.headers.get('x-content-type-options')).toBe('nosniff');
    await reply.text();
  });

  it('that refuse a request without its key are, too', async () => {
    const { url } = await startApp({ adapter, agentOs: { http: { securityKey: 'key' } } });
    for (const { method, path } of protocolRoutes()) {
      const reply = await fetch(url + path, { method });
      expect([path, ...protectionOf(reply)]).toEqual([path, ...PROTECTED]);
    }
  });
});
