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
  const list = async (url: string, query = '', user?: string): Promise<Page> =>
    (await callJson(url, 'GET', `/traces${query}`, user ? { headers: { 'x-user': user } } : {})).body as Page;
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

  it.each([
    ['/traces/nope', 404],
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

  it('and the metrics show a user only runs of its own', async () => {
    const { url } = await start({ http: { userId } });
    const { body } = await runJson(url, '/agents/noted', 'hi', {}, { 'x-user': 'ann' });
    const traceFor = async (user: string): Promise<number> =>
      (await callJson(url, 'GET', `/traces/${String(body['run_id'])}`, { headers: { 'x-user': user } }))
        .status;
    expect([await traceFor('ann'), await traceFor('bob')]).toEqual([200, 404]);
    expect((await list(url, '?user_id=ann', 'bob')).data).toEqual([]);
    expect((await list(url, '', 'ann')).data).toHaveLength(1);
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
