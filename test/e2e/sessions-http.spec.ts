import { afterEach, describe, expect, it, jest } from '@jest/globals';

import { runJson, runSse } from '../support/http-client.js';
import {
  problemsOf,
  sessionIdsOf,
  startSessionApp,
  startWithSessions,
  type Item,
} from '../support/session-app.js';
import { componentOf, CREATED_AT, keepRun, storedRunOf } from '../support/stored-data.js';
import { ADAPTERS, closeApps, shareApp } from '../support/test-app.js';

afterEach(closeApps);

describe.each(ADAPTERS)('Sessions over HTTP on %s', (adapter) => {
  const withSessions = shareApp(() => startWithSessions(adapter));
  const withoutSessions = shareApp(() => startSessionApp(adapter));

  describe('are listed', () => {
    it('as runs have created them', async () => {
      const { url, call } = await startSessionApp(adapter);
      expect(await call('GET', '/sessions')).toEqual({
        status: 200,
        body: {
          data: [],
          meta: { page: 1, limit: 20, total_pages: 0, total_count: 0, search_time_ms: expect.any(Number) },
        },
      });

      await runJson(url, '/agents/helper', 'hello', { session_id: 'mine', user_id: 'ann' });

      const { body } = await call('GET', '/sessions?type=agent&component_id=helper&db_id=agent-os');
      expect(body).toEqual({
        data: [
          {
            session_id: 'mine',
            session_name: 'hello',
            session_state: {},
            created_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/),
            updated_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/),
            session_type: 'agent',
            user_id: 'ann',
            agent_id: 'helper',
          },
        ],
        meta: { page: 1, limit: 20, total_pages: 1, total_count: 1, search_time_ms: expect.any(Number) },
      });
    });

    it.each<[string, string[]]>([
      ['', ['a1', 't1', 'w1']],
      ['type=agent', ['a1']],
      ['type=team', ['t1']],
      ['type=workflow', ['w1']],
      ['component_id=desk', ['t1']],
      ['component_id=desk&type=agent', []],
      ['user_id=ann', ['a1', 'w1']],
      ['session_name=ALPH', ['a1']],
      ['session_name=%25', []],
      ['db_id=&table=&type=', ['a1', 't1', 'w1']],
      ['table=agent_os_sessions&anything=else', ['a1', 't1', 'w1']],
      ['sort_order=desc', ['w1', 't1', 'a1']],
      ['limit=2', ['a1', 't1']],
      ['limit=2&page=0', ['a1', 't1']],
      ['limit=2&page=2', ['w1']],
      ['limit=2&page=1000000000', []],
    ])('in the order and with the filters of %p', async (query, ids) => {
      const { call } = withSessions();
      expect(
        sessionIdsOf(
          await call(
            'GET',
            `/sessions?sort_by=name&sort_order=asc&${query}`.replace(/sort_order=asc&(?=sort_order)/, ''),
          ),
        ),
      ).toEqual(ids);
    });

    it('page by page', async () => {
      const { call } = withSessions();
      const { body } = await call('GET', '/sessions?limit=2&page=2');
      expect(body).toMatchObject({ meta: { page: 2, limit: 2, total_pages: 2, total_count: 3 } });
    });
  });

  it.each([
    'limit=0',
    'limit=1001',
    'limit=x',
    'limit=1&limit=2',
    'page=-1',
    'page=1.5',
    'page=99999999999999',
    'type=robot',
    'type=agent&type=team',
    'component_id=a&component_id=b',
    'user_id=a&user_id=b',
    'session_name=a&session_name=b',
    'sort_by=password',
    'sort_order=up',
    'db_id=a&db_id=b',
    'table=a&table=b',
    'component_id=%00',
    `user_id=${'x'.repeat(256)}`,
  ])('are not listed for the malformed query %p', async (query) => {
    const { call, log } = withoutSessions();
    const reply = await call('GET', `/sessions?${query}`);
    expect([reply.status, problemsOf(reply)]).toEqual([422, [['query', query.slice(0, query.indexOf('='))]]]);
    expect(log.messages('error')).toEqual([]);
  });

  describe('are shown', () => {
    it('with the conversation and the served component', async () => {
      const { url, call } = await startSessionApp(adapter);
      await runJson(url, '/agents/helper', 'hello', { session_id: 's1' });

      const { status, body } = await call('GET', '/sessions/s1?type=agent&db_id=agent-os');

      expect(status).toBe(200);
      expect(body).toMatchObject({
        agent_session_id: 's1',
        session_id: 's1',
        session_name: 'hello',
        agent_id: 'helper',
        agent_data: {
          name: 'Helper',
          agent_id: 'helper',
          model: { name: 'Mock', provider: 'MockProvider', id: 'mock-1' },
        },
        chat_history: [
          { role: 'user', content: 'hello' },
          { role: 'assistant', content: 'hello' },
        ],
      });
      expect(body).not.toHaveProperty('user_id');
    });

    it('by their kind: a team without the turns of its members, a workflow with its data', async () => {
      const { url, call } = await startSessionApp(adapter);
      await runJson(url, '/teams/desk', 'hello', { session_id: 't1' });
      await runJson(url, '/workflows/flow', 'hello', { session_id: 'w1' });

      const { body: team } = await call('GET', '/sessions/t1');
      expect(team).toMatchObject({ team_id: 'desk', team_data: { name: 'Desk', team_id: 'desk' } });
      expect((team as Item)['chat_history']).toHaveLength(2);
      expect((await call('GET', '/sessions/w1')).body).toMatchObject({
        workflow_id: 'flow',
        workflow_name: 'Flow',
        workflow_data: { name: 'Flow', workflow_id: 'flow', description: 'Flows' },
      });
    });

    it('with the stored description of a component that is not served any more', async () => {
      const { call, store } = await startSessionApp(adapter);
      await keepRun(store, storedRunOf({ component: componentOf('gone') }));
      expect((await call('GET', '/sessions/s1')).body).toMatchObject({
        agent_id: 'gone',
        agent_data: { name: 'GONE', agent_id: 'gone' },
      });
    });

    it.each<[string, string]>([
      ['/sessions/nope', "Session with id 'nope' not found"],
      ['/sessions/a1?type=team', "Team Session with id 'a1' not found"],
      ['/sessions/nope?type=workflow', "Workflow Session with id 'nope' not found"],
      ['/sessions/a1?user_id=bob', "Session with id 'a1' not found"],
      ['/sessions/%00', "Session with id '\0' not found"],
      ['/sessions/%00?type=agent', "Agent Session with id '\0' not found"],
      ['/sessions/%00/runs', 'Session with ID \0 not found'],
      ['/sessions/nope/runs', 'Session with ID nope not found'],
      ['/sessions/a1/runs?type=team', 'Session with ID a1 not found'],
      ['/sessions/nope/runs/r1', 'Session with ID nope not found'],
      ['/sessions/a1/runs/nope', 'Run with ID nope not found in session a1'],
    ])('but never at %p', async (path, detail) => {
      const { call } = withSessions();
      expect(await call('GET', path)).toEqual({ status: 404, body: { detail } });
    });

    it('by ids of the greatest length, if the host accepts such paths', async () => {
      const fastify = { routerOptions: { maxParamLength: 1_000 } };
      const { url, call } = await startSessionApp(adapter, {}, { fastify });
      for (const character of ['x', 'é', '/', '%']) {
        const id = character.repeat(255);
        await runJson(url, '/agents/helper', 'hello', { session_id: id });
        expect(await call('GET', `/sessions/${encodeURIComponent(id)}`)).toMatchObject({
          status: 200,
          body: { session_id: id },
        });
      }
    });

    it('but never by an id that exceeds this length', async () => {
      const { call } = withoutSessions();
      // Fastify takes no parameter of more than 100 characters, unless the host says otherwise.
      expect((await call('GET', `/sessions/${'x'.repeat(256)}`)).status).toBe(
        adapter === 'fastify' ? 414 : 404,
      );
    });

    it.each([
      '/sessions/a1?type=x',
      '/sessions/a1/runs?created_after=x',
      '/sessions/a1/runs/r?type=a&type=b',
    ])('but never for the malformed %p', async (path) => {
      const { call } = withSessions();
      expect((await call('GET', path)).status).toBe(422);
    });
  });

  describe('show their runs', () => {
    it('of an agent, with the events of those that were streamed', async () => {
      const { url, call } = await startSessionApp(adapter);
      await runJson(url, '/agents/helper', 'one', { session_id: 's1' });
      await runSse(url, '/agents/helper', 'two', { session_id: 's1' });

      const { status, body } = await call('GET', '/sessions/s1/runs?type=agent&db_id=agent-os');

      expect([status, body]).toEqual([
        200,
        [
          expect.objectContaining({
            run_input: 'one',
            content: 'one',
            agent_id: 'helper',
            status: 'COMPLETED',
          }),
          expect.objectContaining({ run_input: 'two', content: 'two', parent_run_id: '', user_id: '' }),
        ],
      ]);
      const [inJson = {}, streamed] = body as Item[];
      expect(inJson).not.toHaveProperty('events');
      expect(Object.values(inJson)).not.toContain(null);
      expect((streamed?.['events'] as Item[])[0]).toMatchObject({ event: 'RunStarted' });
      expect(JSON.stringify(streamed?.['events'])).not.toContain('"RunContent"');
    });

    it('with the same events that were streamed, however slow the clock makes each step look', async () => {
      const { url, call } = await startSessionApp(adapter);
      let now = Date.now();
      jest.spyOn(Date, 'now').mockImplementation(() => (now += 1_000));
      const frames = await runSse(url, '/agents/helper', 'hello', { session_id: 's1' });
      jest.restoreAllMocks();

      const [run] = (await call('GET', '/sessions/s1/runs')).body as Item[];

      const shown = frames.filter(({ event }) => event !== 'RunContent').map(({ data }) => data);
      expect(run?.['events']).toEqual(shown);
      expect(new Set(shown.map((event) => event['created_at'])).size).toBe(shown.length);
    });

    it('of a team, those of its members first', async () => {
      const { url, call } = await startSessionApp(adapter);
      await runJson(url, '/teams/desk', 'hello', { session_id: 't1' });
      const [member, leader] = (await call('GET', '/sessions/t1/runs')).body as [Item, Item];
      expect(member).toMatchObject({ agent_id: 'helper', parent_run_id: leader['run_id'] });
      expect(leader).toMatchObject({ team_id: 'desk', parent_run_id: '', content: 'hello' });
    });

    it('of a workflow, with those of its steps inside', async () => {
      const { url, call } = await startSessionApp(adapter);
      await runJson(url, '/workflows/flow', 'hello', { session_id: 'w1' });
      const { body } = await call('GET', '/sessions/w1/runs');
      expect(body).toEqual([expect.objectContaining({ workflow_id: 'flow', run_input: 'hello' })]);
      expect((body as Item[])[0]).toMatchObject({ step_executor_runs: [{ agent_id: 'helper' }] });
    });

    it.each<[string, string[]]>([
      ['', ['r0', 'r1', 'r2']],
      [`created_after=${CREATED_AT + 1}`, ['r1', 'r2']],
      [`created_before=${CREATED_AT + 1}`, ['r0', 'r1']],
      [`created_after=${CREATED_AT + 1}&created_before=${CREATED_AT + 1}`, ['r1']],
      ['created_after=253402300799', []],
    ])('of a period: %p', async (query, ids) => {
      const { call, store } = await startSessionApp(adapter);
      for (const index of [0, 1, 2])
        await keepRun(store, storedRunOf({ runId: `r${index}`, createdAt: CREATED_AT + index }));
      const { body } = await call('GET', `/sessions/s1/runs?${query}`);
      expect((body as Item[]).map(({ run_id }) => run_id)).toEqual(ids);
    });

    it.each<[string, string[]]>([
      ['status=completed', ['COMPLETED']],
      ['status=ERROR&status=Cancelled', ['ERROR', 'CANCELLED']],
      ['status=RUNNING&status=PENDING', []],
      ['status=PAUSED', []],
      ['status=REGENERATED&status=ERROR', ['ERROR']],
    ])('with the wanted statuses: %s', async (query, statuses) => {
      const { call, store } = await startSessionApp(adapter);
      for (const status of ['COMPLETED', 'ERROR', 'CANCELLED'] as const)
        await keepRun(store, storedRunOf({ runId: status, status }));
      const { body } = await call('GET', `/sessions/s1/runs?${query}`);
      expect((body as Item[]).map(({ status }) => status)).toEqual(statuses);
    });

    it.each(['status=done', 'status=ERROR&status=done'])('but not with an unknown one: %s', async (query) => {
      const { call, store } = await startSessionApp(adapter);
      await keepRun(store, storedRunOf({}));
      const { status, body } = await call('GET', `/sessions/s1/runs?${query}`);
      const msg =
        'Input should be some of PENDING, RUNNING, COMPLETED, PAUSED, CANCELLED, ERROR, REGENERATED';
      expect([status, body]).toMatchObject([422, { detail: [{ loc: ['query', 'status'], msg }] }]);
    });

    it('one by one, with null for every unknown value', async () => {
      const { call, store } = await startSessionApp(adapter);
      await keepRun(store, storedRunOf({}, { events: [], sessionState: { seen: 1 } }));
      expect(await call('GET', '/sessions/s1/runs/r1')).toMatchObject({
        status: 200,
        body: { run_id: 'r1', events: null, citations: null, followups: null, session_state: { seen: 1 } },
      });
    });

    it('only if there are some', async () => {
      const { call } = await startSessionApp(adapter);
      await call('POST', '/sessions', { body: { session_id: 'new' } });
      expect(await call('GET', '/sessions/new/runs')).toEqual({ status: 200, body: [] });
      expect(await call('GET', '/sessions/new/runs/r1')).toEqual({
        status: 404,
        body: { detail: 'Session with ID new has no runs' },
      });
    });
  });
});
