import { afterEach, describe, expect, it } from '@jest/globals';

import { callJson, type JsonCall } from '../support/json-client.js';
import {
  JSON_TYPE,
  problemsOf,
  sessionIdsOf,
  startSessionApp,
  startWithSessions,
  type Item,
} from '../support/session-app.js';
import { ADAPTERS, closeApps, shareApp } from '../support/test-app.js';

afterEach(closeApps);

describe.each(ADAPTERS)('Sessions of clients on %s', (adapter) => {
  const withSessions = shareApp(() => startWithSessions(adapter));
  const withoutSessions = shareApp(() => startSessionApp(adapter));

  describe('are created', () => {
    it('without a body', async () => {
      const { call, url } = await startSessionApp(adapter);
      for (const headers of [{}, JSON_TYPE]) {
        const { status, body } = await callJson(url, 'POST', '/sessions', { headers });
        expect([status, body]).toEqual([
          201,
          {
            agent_session_id: expect.any(String),
            session_id: expect.stringMatching(/^[0-9a-f-]{36}$/),
            session_name: '',
            session_state: {},
            metrics: {},
            chat_history: [],
            created_at: expect.any(String),
            updated_at: expect.any(String),
          },
        ]);
      }
      expect(sessionIdsOf(await call('GET', '/sessions'))).toHaveLength(2);
    });

    it('as the body says', async () => {
      const { call } = await startSessionApp(adapter);
      const body = {
        session_id: 'Grüße 👋/1',
        session_name: 'Plans',
        metadata: { tags: ['x'] },
        user_id: 'ann',
        agent_id: 'helper',
        team_id: 'desk',
      };
      expect(await call('POST', '/sessions?type=team', { body })).toMatchObject({
        status: 201,
        body: {
          session_id: 'Grüße 👋/1',
          session_name: 'Plans',
          user_id: 'ann',
          team_id: 'desk',
          team_data: { name: 'Desk', team_id: 'desk' },
          metadata: { tags: ['x'] },
        },
      });
      const path = `/sessions/${encodeURIComponent(body.session_id)}`;
      expect(await call('GET', path)).toMatchObject({ status: 200, body: { session_name: 'Plans' } });
    });

    it.each<[string, Item, Item]>([
      ['', { agent_id: 'helper' }, { agent_id: 'helper', agent_data: { name: 'Helper' } }],
      ['', { workflow_id: 'flow' }, { workflow_id: 'flow', workflow_name: 'Flow' }],
      ['?type=agent', { agent_id: 'unknown' }, { agent_data: { name: 'unknown', agent_id: 'unknown' } }],
      ['?type=agent', { agent_id: 'desk' }, { agent_data: { name: 'desk', agent_id: 'desk' } }],
      ['?type=team', { agent_id: 'helper' }, { session_name: '', chat_history: [] }],
    ])('with the query %p and the body %p', async (query, body, shown) => {
      const { call } = await startSessionApp(adapter);
      expect(await call('POST', `/sessions${query}`, { body })).toMatchObject({ status: 201, body: shown });
    });

    it.each(['agent', 'team', 'workflow'])('with the type %s, also without a component', async (type) => {
      const { call } = await startSessionApp(adapter);
      const { body } = await call('POST', `/sessions?type=${type}`, { body: { session_id: 's1' } });
      expect((await call('GET', '/sessions/s1')).body).toEqual(body);
      expect((await call('GET', `/sessions/s1?type=${type}`)).status).toBe(200);
      expect((await call('GET', `/sessions/s1?type=${type === 'team' ? 'agent' : 'team'}`)).status).toBe(404);
      for (const asked of ['agent', 'team', 'workflow']) {
        const listed = await call('GET', `/sessions?type=${asked}`);
        expect(sessionIdsOf(listed)).toEqual(asked === type ? ['s1'] : []);
      }
      expect((await call('GET', '/sessions')).body).toMatchObject({ data: [{ session_type: type }] });
    });

    it('once for an id', async () => {
      const { call } = withSessions();
      expect(await call('POST', '/sessions', { body: { session_id: 'a1', session_name: 'Mine' } })).toEqual({
        status: 409,
        body: { detail: "Session with id 'a1' already exists. Use PATCH /sessions/a1 to update it." },
      });
      expect((await call('GET', '/sessions/a1')).body).toMatchObject({ session_name: 'Alpha' });
    });

    it.each<[unknown, string]>([
      [{ session_id: 'x'.repeat(256) }, 'session_id'],
      [{ session_id: 'a\0b' }, 'session_id'],
      [{ session_id: 5 }, 'session_id'],
      [{ session_name: ['a'] }, 'session_name'],
      [{ metadata: 'no' }, 'metadata'],
      [{ metadata: { 'a\0': 1 } }, 'metadata'],
      [{ user_id: {} }, 'user_id'],
      [{ agent_id: [] }, 'agent_id'],
    ])('but never from %j', async (body, field) => {
      const { call, store } = withoutSessions();
      const reply = await call('POST', '/sessions', { body });
      expect([reply.status, problemsOf(reply)]).toEqual([422, [['body', field]]]);
      expect((await store.list()).total).toBe(0);
    });

    it('but never from JSON that sets a prototype', async () => {
      const { call, store } = withoutSessions();
      const { status } = await call('POST', '/sessions', { body: '{"metadata":{"__proto__":{"a":1}}}' });
      // Fastify refuses it before anybody else sees it.
      expect(status).toBe(adapter === 'fastify' ? 400 : 422);
      expect((await store.list()).total).toBe(0);
    });

    it('but never from broken JSON', async () => {
      const { call, store } = withoutSessions();
      expect((await call('POST', '/sessions', { body: '{' })).status).toBe(400);
      expect((await store.list()).total).toBe(0);
    });
  });

  it.each([
    [undefined, {}],
    [false, {}],
    [true, { seen: 1 }],
  ])('accept state from clients if acceptClientContext is %p', async (acceptClientContext, state) => {
    const { call } = await startSessionApp(
      adapter,
      acceptClientContext === undefined ? {} : { acceptClientContext },
    );
    const body = { session_id: 's1', session_state: { seen: 1 } };
    expect((await call('POST', '/sessions', { body })).body).toMatchObject({ session_state: state });
    const changed = await call('PATCH', '/sessions/s1', { body: { session_state: { other: 2 } } });
    expect((changed.body as Item)['session_state']).toEqual(acceptClientContext ? { other: 2 } : {});
    const malformed = await call('PATCH', '/sessions/s1', { body: { session_state: 'no' } });
    expect(malformed.status).toBe(acceptClientContext ? 422 : 200);
  });

  describe('are renamed', () => {
    it('and shown with null for every unknown value', async () => {
      const { call } = await startWithSessions(adapter);
      expect(
        await call('POST', '/sessions/a1/rename?type=agent', { body: { session_name: 'New' } }),
      ).toMatchObject({
        status: 200,
        body: { session_id: 'a1', session_name: 'New', session_summary: null, metadata: null },
      });
      expect(sessionIdsOf(await call('GET', '/sessions?session_name=new'))).toEqual(['a1']);
    });

    it.each<[string, unknown, number]>([
      ['/sessions/nope/rename', { session_name: 'x' }, 404],
      ['/sessions/a1/rename?type=team', { session_name: 'x' }, 404],
      ['/sessions/a1/rename', {}, 422],
      ['/sessions/a1/rename', [], 422],
      ['/sessions/a1/rename', undefined, 422],
      ['/sessions/a1/rename', { session_name: '' }, 422],
      ['/sessions/a1/rename', { session_name: 5 }, 422],
      ['/sessions/a1/rename', { session_name: 'x'.repeat(256) }, 422],
      ['/sessions/a1/rename?type=x', { session_name: 'x' }, 422],
    ])('but not by %p with %j', async (path, body, status) => {
      const { call } = withSessions();
      const reply = await call('POST', path, { body, headers: JSON_TYPE });
      expect(reply.status).toBe(status);
      if (status === 404)
        expect(reply.body).toMatchObject({ detail: expect.stringMatching(/^Session with id/) });
      expect((await call('GET', '/sessions/a1')).body).toMatchObject({ session_name: 'Alpha' });
    });
  });

  describe('are changed', () => {
    it('in the fields of the body', async () => {
      const { call } = await startWithSessions(adapter);
      const first = { session_name: 'New', metadata: { a: 1, b: 2 }, summary: { topics: ['x'] } };
      expect(await call('PATCH', '/sessions/a1', { body: first })).toMatchObject({
        status: 200,
        body: {
          session_name: 'New',
          metadata: { a: 1, b: 2 },
          session_summary: { topics: ['x'] },
          user_id: 'ann',
        },
      });
      const { body } = await call('PATCH', '/sessions/a1', { body: { metadata: { b: 3 } } });
      expect(body).toMatchObject({ session_name: 'New', session_summary: { topics: ['x'] } });
      expect((body as Item)['metadata']).toEqual({ b: 3 });
      expect((await call('GET', '/sessions/a1')).body).toMatchObject({ metadata: { b: 3 } });
    });

    it('in no field by an empty object', async () => {
      const { url } = withSessions();
      const reply = await callJson(url, 'PATCH', '/sessions/a1', { body: {} });
      expect(reply).toMatchObject({ status: 200, body: { session_name: 'Alpha' } });
    });

    it.each<[string, unknown, number]>([
      ['/sessions/nope', {}, 404],
      ['/sessions/a1', { metadata: [] }, 422],
      ['/sessions/a1', { summary: 'no' }, 422],
      ['/sessions/a1', { session_name: 1 }, 422],
      ['/sessions/a1?user_id=a&user_id=b', {}, 422],
    ])('but not by %p with %j', async (path, body, status) => {
      const { call } = withSessions();
      expect((await call('PATCH', path, { body })).status).toBe(status);
    });
  });

  describe('are deleted', () => {
    it.each<[string, JsonCall]>([
      ['without a body', {}],
      ['without a body that is said to be JSON', { headers: JSON_TYPE }],
      ['with an empty object', { body: {} }],
    ])('by a request %s', async (_name, given) => {
      const { call } = await startWithSessions(adapter);
      expect(await call('DELETE', '/sessions/a1?db_id=agent-os', given)).toEqual({
        status: 204,
        body: undefined,
      });
      expect((await call('GET', '/sessions/a1')).status).toBe(404);
      expect((await call('GET', '/sessions/a1/runs')).status).toBe(404);
      expect(await call('DELETE', '/sessions/a1', given)).toEqual({ status: 204, body: undefined });
      expect((await call('GET', '/sessions')).body).toMatchObject({ meta: { total_count: 2 } });
    });

    it('with a response without content', async () => {
      const { url } = await startWithSessions(adapter);
      const { status, headers } = await fetch(`${url}/sessions/a1`, { method: 'DELETE', headers: JSON_TYPE });
      expect([status, headers.get('content-type'), headers.get('transfer-encoding')]).toEqual([
        204,
        null,
        null,
      ]);
    });

    it('several in one request', async () => {
      const { call } = await startWithSessions(adapter);
      const body = { session_ids: ['a1', 'nope', 'w1'], session_types: ['agent', 'agent', 'workflow'] };
      expect(await call('DELETE', '/sessions', { body })).toEqual({ status: 204, body: undefined });
      expect(sessionIdsOf(await call('GET', '/sessions'))).toEqual(['t1']);
    });

    it.each<[unknown, number]>([
      [{ session_ids: ['a1'], session_types: ['agent', 'team'] }, 400],
      [{ session_ids: [], session_types: [] }, 422],
      [{ session_ids: ['a1'] }, 422],
      [{ session_ids: 'a1', session_types: 'agent' }, 422],
      [{ session_ids: [1], session_types: ['agent'] }, 422],
      [{ session_ids: ['a1'], session_types: ['robot'] }, 422],
      [[], 422],
      [undefined, 422],
    ])('but not by %j', async (body, status) => {
      const { call } = withSessions();
      const reply = await call('DELETE', '/sessions', {
        body,
        headers: JSON_TYPE,
      });
      expect(reply.status).toBe(status);
      if (status === 400)
        expect(reply.body).toEqual({ detail: 'Session IDs and session types must have the same length' });
      expect((await call('GET', '/sessions')).body).toMatchObject({ meta: { total_count: 3 } });
    });

    it('by their user, if the client names one', async () => {
      const { call } = await startWithSessions(adapter);
      expect((await call('DELETE', '/sessions/a1?user_id=bob')).status).toBe(204);
      const body = { session_ids: ['a1', 't1'], session_types: ['agent', 'team'] };
      expect((await call('DELETE', '/sessions?user_id=bob', { body })).status).toBe(204);
      expect(sessionIdsOf(await call('GET', '/sessions?sort_by=name&sort_order=asc'))).toEqual(['a1', 'w1']);
    });
  });
});
