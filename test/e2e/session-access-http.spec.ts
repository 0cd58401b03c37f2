import { Controller, Delete, Post } from '@nestjs/common';
import { afterEach, describe, expect, it } from '@jest/globals';

import type { JsonCall } from '../support/json-client.js';
import { JSON_TYPE, sessionIdsOf, startSessionApp, startWithSessions } from '../support/session-app.js';
import { strictValidation } from '../support/strict-validation.js';
import { ADAPTERS, closeApps, shareApp } from '../support/test-app.js';

afterEach(closeApps);

describe.each(ADAPTERS)('Sessions on %s', (adapter) => {
  const withSessions = shareApp(() => startWithSessions(adapter));

  describe('of another user, if the host names the user,', () => {
    const userId = (request: never): string | undefined =>
      (request as { headers: Record<string, string | undefined> }).headers['x-user'];
    const as = (user: string): JsonCall => ({ headers: { 'x-user': user } });

    it('are not listed, whatever user the query names', async () => {
      const { call } = await startWithSessions(adapter, { userId });
      const path = '/sessions?sort_by=name&sort_order=asc';
      expect(sessionIdsOf(await call('GET', `${path}&user_id=bob`, as('ann')))).toEqual(['a1', 'w1']);
      expect(sessionIdsOf(await call('GET', path, as('bob')))).toEqual(['t1']);
      expect(await call('GET', path, as('eve'))).toMatchObject({
        body: { data: [], meta: { total_count: 0 } },
      });
      expect(sessionIdsOf(await call('GET', `${path}&user_id=ann`))).toEqual([]);
    });

    it.each<[string, string, unknown]>([
      ['GET', '/sessions/a1', undefined],
      ['GET', '/sessions/a1/runs', undefined],
      ['GET', '/sessions/a1/runs/run-a1', undefined],
      ['POST', '/sessions/a1/rename', { session_name: 'x' }],
      ['PATCH', '/sessions/a1', { session_name: 'x' }],
    ])('are like sessions that do not exist: %s %s', async (method, path, body) => {
      const { call } = await startWithSessions(adapter, { userId });
      const unknown = await call(method, path.replace('a1', 'a9'), { body, ...as('ann') });
      expect(unknown.status).toBe(404);
      for (const asking of [as('bob'), {}]) {
        const reply = await call(method, `${path}?user_id=ann`, { body, ...asking });
        expect(JSON.stringify(reply)).toBe(JSON.stringify(unknown).replaceAll('a9', 'a1'));
      }
      expect((await call(method, path, { body, ...as('ann') })).status).toBe(200);
    });

    it('are not deleted, and the response does not tell', async () => {
      const { call, store } = await startWithSessions(adapter, { userId });
      const body = { session_ids: ['a1', 't1'], session_types: ['agent', 'team'] };
      expect((await call('DELETE', '/sessions/a1?user_id=ann', as('bob'))).status).toBe(204);
      expect((await call('DELETE', '/sessions/a1')).status).toBe(204);
      expect((await call('DELETE', '/sessions', { body, ...as('bob') })).status).toBe(204);
      const { sessions } = await store.list({ sortBy: 'name', sortOrder: 'asc' });
      expect(sessions.map(({ id }) => id)).toEqual(['a1', 'w1']);
    });

    it('are not created', async () => {
      const { call, store } = await startSessionApp(adapter, { userId });
      const body = { session_id: 's1', user_id: 'ann' };
      expect((await call('POST', '/sessions', { body, ...as('bob') })).body).toMatchObject({
        user_id: 'bob',
      });
      expect(await store.find('s1')).toMatchObject({ userId: 'bob' });
    });

    it('may have no user, and are seen by requests without a user', async () => {
      const { call } = await startSessionApp(adapter, { userId });
      await call('POST', '/sessions', { body: { session_id: 'nobodys', user_id: 'ann' } });
      expect((await call('GET', '/sessions/nobodys', as('ann'))).status).toBe(404);
      expect((await call('GET', '/sessions/nobodys')).status).toBe(200);
      expect(sessionIdsOf(await call('GET', '/sessions'))).toEqual(['nobodys']);
      expect(sessionIdsOf(await call('GET', '/sessions', as('ann')))).toEqual([]);
    });
  });

  it.each([
    ['GET', '/sessions'],
    ['POST', '/sessions'],
    ['DELETE', '/sessions'],
    ['GET', '/sessions/a1'],
    ['PATCH', '/sessions/a1'],
    ['DELETE', '/sessions/a1'],
    ['POST', '/sessions/a1/rename'],
    ['GET', '/sessions/a1/runs'],
    ['GET', '/sessions/a1/runs/run-a1'],
  ])('demand the security key: %s %s', async (method, path) => {
    const { call, store } = await startWithSessions(adapter, { securityKey: 'key' });
    expect(await call(method, path)).toEqual({
      status: 401,
      body: { detail: 'Authorization header required' },
    });
    expect((await store.list()).total).toBe(3);
    const body = { session_name: 'x', session_ids: ['a1'], session_types: ['agent'] };
    const headers = { authorization: 'Bearer key' };
    const { status } = await call(method, path, method === 'GET' ? { headers } : { headers, body });
    expect(status).toBeLessThan(300);
  });

  it.each([
    ['GET', '/sessions'],
    ['POST', '/sessions'],
    ['DELETE', '/sessions'],
    ['GET', '/sessions/a1'],
    ['PATCH', '/sessions/a1'],
    ['DELETE', '/sessions/a1'],
    ['POST', '/sessions/a1/rename'],
    ['GET', '/sessions/a1/runs'],
    ['GET', '/sessions/a1/runs/run-a1'],
  ])('exist in one database, and %s %s finds no other', async (method, path) => {
    const { call, store } = withSessions();
    const body = { session_name: 'x', session_ids: ['a1'], session_types: ['agent'] };
    const reply = await call(method, `${path}?db_id=other`, method === 'GET' ? {} : { body });
    expect(reply).toEqual({ status: 404, body: { detail: "No database found with id 'other'" } });
    expect((await store.list()).total).toBe(3);
    expect((await store.find('a1'))?.name).toBeUndefined();
  });

  it('are served beside the strictest pipe of the host, and leave its own routes unchanged', async () => {
    @Controller('own')
    class OwnController {
      @Delete()
      delete(): string {
        return 'deleted';
      }

      @Post()
      post(): string {
        return 'posted';
      }
    }
    const { call, url } = await startSessionApp(
      adapter,
      {},
      {
        controllers: [OwnController],
        beforeListen: (app) => app.useGlobalPipes(strictValidation()),
      },
    );
    expect((await call('POST', '/sessions', { body: { session_id: 's1' } })).status).toBe(201);
    expect((await call('GET', '/sessions?limit=5')).status).toBe(200);
    expect((await call('DELETE', '/sessions/s1', { body: {} })).status).toBe(204);
    const statuses = await Promise.all(
      ['DELETE', 'POST'].map(async (method) => {
        const response = await fetch(`${url}/own`, {
          method,
          headers: JSON_TYPE,
        });
        return response.status;
      }),
    );
    expect(statuses).toEqual(adapter === 'fastify' ? [400, 400] : [200, 201]);
  });
});
