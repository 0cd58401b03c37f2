import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { Agent, Team, type AgentOsOptions } from 'nestjs-agentos';

import { captured } from '../support/captures.js';
import { runJson } from '../support/http-client.js';
import { inBackground } from '../support/background-hook.js';
import { callJson } from '../support/json-client.js';
import { mockLab } from '../support/mock-lab.js';
import { structuralDifferences } from '../support/structure.js';
import { ADAPTERS, closeApps, startApp, type TestApp } from '../support/test-app.js';
import { userId } from '../support/users.js';

interface Span {
  readonly id: string;
  readonly name: string;
  readonly type: string;
  readonly status: string;
  readonly error?: string;
  readonly metadata: Record<string, unknown>;
  readonly spans?: readonly Span[];
}

interface Trace {
  readonly trace_id: string;
  readonly status: string;
  readonly total_spans: number;
  readonly error_count: number;
  readonly tree: readonly [Span];
}

interface Page {
  readonly data: readonly Trace[];
  readonly meta: { readonly total_count: number; readonly total_pages: number };
}

/** An agent whose answer a background hook notes, one that fails, one whose hook fails, and a team. */
function lab(): AgentOsOptions {
  const noted = new Agent({
    id: 'noted',
    name: 'Noted',
    engine: () => 'done',
    preHooks: [function check() {}],
    postHooks: [inBackground('note', () => undefined)],
  });
  const failing = new Agent({ id: 'failing', engine: () => Promise.reject(new Error('a secret')) });
  const flaky = new Agent({
    id: 'flaky',
    engine: () => 'done',
    postHooks: [inBackground('lose', () => Promise.reject(new RangeError('a secret')))],
  });
  const crew = new Team({
    id: 'crew',
    name: 'Crew',
    members: [noted],
    engine: ({ delegate, input }) => delegate('noted', input),
  });
  return { agents: [noted, failing, flaky], teams: [crew] };
}

describe.each(ADAPTERS)('The traces on %s', (adapter) => {
  afterEach(closeApps);

  async function start(options: Parameters<typeof startApp>[0]['agentOs'] = {}): Promise<TestApp> {
    return startApp({ adapter, agentOs: { ...lab(), ...options } });
  }
  const list = async (url: string, query = '', user?: string, path = '/traces'): Promise<Page> =>
    (await callJson(url, 'GET', path + query, user ? { headers: { 'x-user': user } } : {})).body as Page;
  const search = async (url: string, body: object = {}, user?: string): Promise<Page> =>
    (await callJson(url, 'POST', '/traces/search', { body, ...(user && { headers: { 'x-user': user } }) }))
      .body as Page;
  const show = async (url: string, id: unknown): Promise<Trace> =>
    (await callJson(url, 'GET', `/traces/${String(id)}`)).body as Trace;
  const outline = ({ type, name, status, spans = [] }: Span): string[] => [
    `${type} ${name} ${status}`,
    ...spans.flatMap((span) => outline(span).map((line) => `  ${line}`)),
  ];

  it('are run trees with their hooks', async () => {
    const { url, agentOs } = await start();
    const { body } = await runJson(url, '/teams/crew', 'hi', { session_id: 's1', user_id: 'ann' });
    await agentOs.drain();
    const trace = await show(url, body['run_id']);
    expect(outline(trace.tree[0])).toEqual([
      'TEAM Crew OK',
      '  AGENT Noted OK',
      expect.stringMatching(/^ {4}HOOK (check|note) OK$/),
      expect.stringMatching(/^ {4}HOOK (check|note) OK$/),
    ]);
    expect(trace).toMatchObject({
      trace_id: body['run_id'],
      name: 'Crew',
      status: 'OK',
      total_spans: 4,
      error_count: 0,
      session_id: 's1',
      user_id: 'ann',
      team_id: 'crew',
    });
  });

  it('show failures by their kind, never by their message', async () => {
    const { url, agentOs } = await start();
    await runJson(url, '/agents/failing', 'hi');
    await runJson(url, '/agents/flaky', 'hi');
    await agentOs.drain();
    const { data } = await list(url);
    expect(data.map(({ status, error_count }) => [status, error_count])).toEqual([
      ['OK', 1],
      ['ERROR', 1],
    ]);
    const [flaky, failing] = await Promise.all(data.map(({ trace_id }) => show(url, trace_id)));
    expect(failing?.tree[0]).toMatchObject({ status: 'ERROR', error: 'failed' });
    expect(flaky?.tree[0].spans).toEqual([
      expect.objectContaining({ type: 'HOOK', name: 'lose', status: 'ERROR', error: 'RangeError' }),
    ]);
    expect(JSON.stringify([data, failing, flaky])).not.toContain('a secret');
  });

  it('are narrowed by run, session, user, component, status and time, page by page', async () => {
    const { url } = await start();
    const { body } = await runJson(url, '/agents/noted', 'hi', { session_id: 's1', user_id: 'ann' });
    await runJson(url, '/teams/crew', 'hi', { session_id: 's2', user_id: 'bob' });
    await runJson(url, '/agents/failing', 'hi', { session_id: 's3' });
    const namesOf = async (query: string): Promise<unknown[]> =>
      (await list(url, query)).data.map((trace) => (trace as unknown as Span).name);
    expect(await namesOf('')).toEqual(['failing', 'Crew', 'Noted']);
    expect(await namesOf(`?run_id=${String(body['run_id'])}`)).toEqual(['Noted']);
    expect(await namesOf('?session_id=s2')).toEqual(['Crew']);
    expect(await namesOf('?user_id=ann')).toEqual(['Noted']);
    expect(await namesOf('?agent_id=noted')).toEqual(['Noted']);
    expect(await namesOf('?team_id=crew')).toEqual(['Crew']);
    expect(await namesOf('?team_id=crew&agent_id=noted')).toEqual([]);
    expect(await namesOf('?workflow_id=noted')).toEqual([]);
    expect(await namesOf('?status=error')).toEqual(['failing']);
    expect(await namesOf('?start_time=2999-01-01T00:00:00Z')).toEqual([]);
    expect(await namesOf('?end_time=2999-01-01T00:00:00Z')).toHaveLength(3);
    expect(await namesOf('?limit=1&page=2')).toEqual(['Crew']);
    expect((await list(url, '?limit=2')).meta).toMatchObject({ total_count: 3, total_pages: 2 });
  });

  it('are counted by session, the session with the latest trace first', async () => {
    const { url } = await start();
    await runJson(url, '/agents/noted', 'hi', { session_id: 's1', user_id: 'ann' });
    await runJson(url, '/teams/crew', 'hi', { session_id: 's2' });
    await runJson(url, '/agents/failing', 'hi', { session_id: 's1', user_id: 'ann' });
    const statsOf = async (query = ''): Promise<unknown[]> =>
      (await list(url, query, undefined, '/trace_session_stats')).data as unknown[];
    const time = expect.stringMatching(/^\d{4}-.*Z$/);
    expect(await statsOf()).toEqual([
      {
        session_id: 's1',
        user_id: 'ann',
        agent_id: 'failing',
        total_traces: 2,
        first_trace_at: time,
        last_trace_at: time,
      },
      { session_id: 's2', team_id: 'crew', total_traces: 1, first_trace_at: time, last_trace_at: time },
    ]);
    expect(await statsOf('?agent_id=noted')).toMatchObject([{ session_id: 's1', total_traces: 1 }]);
    expect(await statsOf('?user_id=bob')).toEqual([]);
    expect(await statsOf('?end_time=2020-01-01T00:00:00Z')).toEqual([]);
    expect(await statsOf('?start_time=2999-01-01T00:00:00Z')).toEqual([]);
    expect(await statsOf('?limit=1&page=2')).toMatchObject([{ session_id: 's2' }]);
    const { meta } = await list(url, '?limit=1', undefined, '/trace_session_stats');
    expect(meta).toMatchObject({ total_count: 2, total_pages: 2 });
  });

  it('are found by a filter, whole or by session', async () => {
    const { url, agentOs } = await start();
    await runJson(url, '/teams/crew', 'hi', { session_id: 's1', user_id: 'ann' });
    await runJson(url, '/agents/failing', 'hi', { session_id: 's2' });
    await agentOs.drain();
    const [all, failed] = await Promise.all([
      search(url),
      search(url, { filter: { op: 'NEQ', key: 'status', value: 'OK' } }),
    ]);
    expect(all.data.map(({ tree: [{ name }] }) => name)).toEqual(['failing', 'Crew']);
    expect(all.data[1] && outline(all.data[1].tree[0])).toHaveLength(4);
    expect(all.data[1]).toEqual(await show(url, all.data[1]?.trace_id));
    expect(failed.data.map(({ trace_id }) => trace_id)).toEqual([all.data[0]?.trace_id]);
    expect((await search(url, { page: 2, limit: 1 })).data.map(({ trace_id }) => trace_id)).toEqual([
      all.data[1]?.trace_id,
    ]);
    const filter = { op: 'STARTSWITH', key: 'team_id', value: 'cr' };
    const bySession = await search(url, { filter, group_by: 'session' });
    expect(bySession).toMatchObject({
      data: [{ session_id: 's1', user_id: 'ann', team_id: 'crew', total_traces: 1 }],
      meta: { page: 1, limit: 20, total_count: 1 },
    });
  });

  it('are not searched with a filter for what they do not have', async () => {
    const { url } = await start();
    const filter = { op: 'CONTAINS', key: 'input', value: 'hi' };
    const { status, body } = await callJson(url, 'POST', '/traces/search', { body: { filter } });
    expect([status, body]).toEqual([
      400,
      { detail: expect.stringContaining('traces have no field "input": use status, user_id') },
    ]);
  });

  it('show a single span, without those inside it', async () => {
    const { url, agentOs } = await start();
    const { body } = await runJson(url, '/teams/crew', 'hi');
    await agentOs.drain();
    const trace = await show(url, body['run_id']);
    const { spans: [noted] = [], ...root } = trace.tree[0];
    const spanOf = async (id: unknown): Promise<unknown> =>
      (await callJson(url, 'GET', `/traces/${trace.trace_id}?span_id=${String(id)}`)).body;
    const { spans: [hook] = [], ...member } = noted as Span;
    expect(await spanOf(noted?.id)).toEqual(member);
    expect(await spanOf(hook?.id)).toEqual(hook);
    expect(await spanOf(root.id)).toMatchObject({ type: 'TEAM', name: 'Crew' });
    expect(await spanOf('nope')).toEqual({ detail: 'Span not found' });
    expect((await callJson(url, 'GET', `/traces/${String(noted?.id)}`)).status).toBe(404);
  });

  it.each([
    ['/traces/nope', 404],
    ['/trace_session_stats?db_id=other', 404],
    ['/trace_session_stats?end_time=x', 422],
    ['/traces/filter-schema?db_id=other', 404],
    ['/metrics/refresh/status?db_id=other', 404],
    ['/traces?db_id=other', 404],
    ['/traces?status=fine', 422],
    ['/traces?start_time=x', 422],
    ['/metrics?db_id=other', 404],
    ['/metrics?starting_date=x', 422],
    ['/metrics?ending_date=2026-13-01', 422],
  ])('are refused at %s: %i', async (path, status) => {
    const { url } = await start();
    expect((await callJson(url, 'GET', path)).status).toBe(status);
  });

  it.each([
    ['/traces/search?db_id=other', {}, 404],
    ['/traces/search', { group_by: 'user' }, 422],
    ['/traces/search', { page: 0 }, 422],
    ['/traces/search', { limit: 101 }, 422],
    ['/traces/search', { filter: 'x' }, 422],
    ['/metrics/refresh?db_id=other', {}, 404],
    ['/metrics/refresh?background=perhaps', {}, 422],
  ])('are refused at %s with %j: %i', async (path, body, status) => {
    const { url } = await start();
    expect((await callJson(url, 'POST', path, { body })).status).toBe(status);
  });

  it('are counted anew by a refresh, which has nothing to do', async () => {
    const { url } = await start();
    await runJson(url, '/agents/noted', 'hi', { user_id: 'ann' });
    const { body } = (await callJson(url, 'GET', '/metrics')) as { body: { metrics: unknown } };
    expect(await callJson(url, 'POST', '/metrics/refresh')).toEqual({ status: 200, body: body.metrics });
    expect(await callJson(url, 'POST', '/metrics/refresh?user_id=bob')).toEqual({ status: 200, body: [] });
    expect(await callJson(url, 'POST', '/metrics/refresh?background=true')).toMatchObject({
      status: 202,
      body: { status: 'started' },
    });
    expect(await callJson(url, 'GET', '/metrics/refresh/status')).toMatchObject({
      status: 200,
      body: { status: 'completed', error: null },
    });
  });

  it('and the metrics show a user only runs of its own', async () => {
    const { url } = await start({ http: { userId } });
    const { body } = await runJson(url, '/agents/noted', 'hi', {}, { 'x-user': 'ann' });
    const traceFor = async (user: string): Promise<number> =>
      (await callJson(url, 'GET', `/traces/${String(body['run_id'])}`, { headers: { 'x-user': user } }))
        .status;
    expect([await traceFor('ann'), await traceFor('bob')]).toEqual([200, 404]);
    expect((await list(url, '?user_id=ann', 'bob')).data).toEqual([]);
    expect((await list(url, '', 'ann')).data).toHaveLength(1);
    const sessionsFor = async (user: string): Promise<unknown> =>
      (await list(url, '?user_id=ann', user, '/trace_session_stats')).data.length;
    expect([await sessionsFor('ann'), await sessionsFor('bob')]).toEqual([1, 0]);
    const foundFor = async (user: string, group_by: string): Promise<unknown> =>
      (await search(url, { filter: { op: 'EQ', key: 'user_id', value: 'ann' }, group_by }, user)).data.length;
    expect([await foundFor('ann', 'run'), await foundFor('bob', 'run')]).toEqual([1, 0]);
    expect([await foundFor('ann', 'session'), await foundFor('bob', 'session')]).toEqual([1, 0]);
    const refreshedFor = async (user: string): Promise<unknown> =>
      (await callJson(url, 'POST', '/metrics/refresh?user_id=ann', { headers: { 'x-user': user } })).body;
    expect(await refreshedFor('bob')).toEqual([]);
    expect(await refreshedFor('ann')).toHaveLength(1);
    const daysFor = async (user: string): Promise<unknown> =>
      (await callJson(url, 'GET', '/metrics?user_id=ann', { headers: { 'x-user': user } })).body;
    expect(await daysFor('bob')).toEqual({ metrics: [], updated_at: null });
    expect(await daysFor('ann')).toMatchObject({ metrics: [{ agent_runs_count: 1, users_count: 1 }] });
  });
});

describe.each(ADAPTERS)('Compared with the recorded answers of agno 3.1, on %s,', (adapter) => {
  let url: string;
  beforeAll(async () => {
    const app = await startApp({ adapter, agentOs: mockLab() });
    ({ url } = app);
    await runJson(url, '/agents/tool', 'hi', { session_id: 's1', user_id: 'u1' });
    await runJson(url, '/teams/t1', 'hi', { session_id: 's2', user_id: 'u1' });
    await runJson(url, '/workflows/w1', 'hi', { session_id: 's2' });
    await app.agentOs.drain();
  });
  afterAll(closeApps);
  const get = async (path: string): Promise<unknown> => (await fetch(url + path)).json();

  it('the list of traces has the same fields, without the input', async () => {
    const own = await get('/traces?agent_id=tool');
    expect(structuralDifferences(captured('3.1/traces.json'), own)).toEqual(['data[0].input: missing']);
  });

  it('a trace has the same fields, without content', async () => {
    const { data } = (await get('/traces?agent_id=tool')) as { data: { trace_id: string }[] };
    const own = (await get(`/traces/${data[0]?.trace_id ?? ''}`)) as Trace;
    const tool = own.tree[0].spans?.find(({ type }) => type === 'TOOL');
    const shortened = { ...own, tree: [{ ...own.tree[0], spans: [tool] }] };
    expect(structuralDifferences(captured('3.1/trace_agent.json'), shortened)).toEqual([
      'input: missing',
      'output: missing',
      'tree[0].metadata: not in the protocol',
      'tree[0].spans[0].input: missing',
      'tree[0].spans[0].output: missing',
      'tree[0].spans[0].metadata.parameters: missing',
    ]);
    expect(own.tree[0].metadata).toMatchObject({ total_input_tokens: 20, total_output_tokens: 6 });
    expect(own.tree[0].spans?.map(({ type }) => type)).toEqual(['LLM', 'TOOL', 'LLM']);
  });

  it('the sessions of traces have the same fields', async () => {
    const own = await get('/trace_session_stats?agent_id=tool');
    expect(structuralDifferences(captured('3.1/trace_session_stats.json'), own)).toEqual([]);
  });

  it('the filters of traces are the same, and names may be among several', async () => {
    const own = await get('/traces/filter-schema');
    expect(structuralDifferences(captured('3.1/trace_filter_schema.json'), own)).toEqual([
      'fields[7].operators: expected 4 items, got 5',
    ]);
  });

  it('a search answers with the same fields, without content', async () => {
    const search = async (group_by: string): Promise<unknown> => {
      const filter = { op: 'EQ', key: 'agent_id', value: 'tool' };
      return (await callJson(url, 'POST', '/traces/search', { body: { filter, group_by, limit: 4 } })).body;
    };
    expect(structuralDifferences(captured('3.1/trace_search_session.json'), await search('session'))).toEqual(
      [],
    );
    const { data, ...page } = (await search('run')) as { data: [Trace] };
    const [{ tree, ...trace }] = data;
    const expected = captured('3.1/trace_search_run.json') as { data: [Trace] };
    const withoutTree = { ...expected, data: [{ ...expected.data[0], tree: undefined }] };
    expect(tree).toHaveLength(1);
    expect(structuralDifferences(withoutTree, { ...page, data: [{ ...trace, tree: undefined }] })).toEqual([
      'data[0].input: missing',
      'data[0].output: missing',
    ]);
  });

  it('a refresh of the metrics answers with the same fields, at once and later', async () => {
    const refresh = async (query = ''): Promise<unknown> =>
      (await callJson(url, 'POST', `/metrics/refresh${query}`)).body;
    expect(structuralDifferences(captured('3.1/metrics_refresh.json'), await refresh())).toEqual([]);
    expect(
      structuralDifferences(
        captured('3.1/metrics_refresh_background.json'),
        await refresh('?background=true'),
      ),
    ).toEqual([]);
    const state = await get('/metrics/refresh/status');
    expect(structuralDifferences(captured('3.1/metrics_refresh_status.json'), state)).toEqual([]);
  });

  it('the metrics of a day have the same fields', async () => {
    const own = (await get('/metrics')) as { metrics: Record<string, unknown>[] };
    expect(structuralDifferences(captured('3.1/metrics.json'), own)).toEqual([]);
    expect(own.metrics[0]).toMatchObject({
      agent_runs_count: 1,
      team_runs_count: 1,
      workflow_runs_count: 1,
      agent_sessions_count: 1,
      users_count: 1,
      model_metrics: [{ model_id: 'mock-1', model_provider: 'MockProvider', count: 2 }],
    });
    const [today] = own.metrics as { date: string }[];
    const day = today?.date.slice(0, 10) ?? '';
    expect(await get(`/metrics?starting_date=${day}&ending_date=${day}`)).toEqual(own);
    expect(await get('/metrics?ending_date=2020-01-01')).toEqual({ metrics: [], updated_at: null });
  });
});
