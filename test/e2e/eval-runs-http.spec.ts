import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { Agent, agentAsJudge, Team, type AgentOsOptions } from 'nestjs-agentos';
import { EvalStore, type Evaluation } from 'nestjs-agentos/stores';
import { createGate, type Gate } from 'nestjs-agentos/testing';

import { callJson, type JsonCall, type Reply } from '../support/json-client.js';
import { runJson } from '../support/http-client.js';
import { Shutdown } from '../support/shutdown.js';
import { someTurns } from '../support/turns.js';
import { JSON_TYPE, type HttpOptions, type Item } from '../support/session-app.js';
import { componentOf, CREATED_AT, evaluationOf } from '../support/stored-data.js';
import { ADAPTERS, closeApps, shareApp, startApp, type TestApp } from '../support/test-app.js';
import { userId } from '../support/users.js';

afterEach(closeApps);

const polite = new Agent({
  id: 'polite',
  name: 'Polite',
  engine: ({ input }) => `${input}, please`,
  postHooks: [
    agentAsJudge({
      name: 'politeness',
      criteria: 'It is polite.',
      engine: () => '{ "score": 8, "reason": "It says please." }',
    }),
  ],
});

const later = { createdAt: (CREATED_AT + 1) * 1_000 };
const latest = { createdAt: (CREATED_AT + 2) * 1_000, updatedAt: (CREATED_AT + 9) * 1_000 };
const KEPT: readonly Evaluation[] = [
  evaluationOf({ id: 'e1', name: 'b', userId: 'ann' }),
  evaluationOf({ id: 'e2', name: 'c', userId: 'bob', component: componentOf('desk', 'team'), ...latest }),
  evaluationOf({
    id: 'e3',
    name: 'a',
    component: componentOf('flow', 'workflow'),
    model: { id: 'other', provider: 'P' },
    ...later,
  }),
];

interface SlowJudge {
  readonly begun: Gate;
  readonly verdict: Gate;
}

interface Served extends TestApp {
  readonly store: EvalStore;
  call(method: string, path: string, call?: JsonCall): Promise<Reply>;
}

const idsOf = ({ body }: Reply): unknown[] => (body as { data: Item[] }).data.map(({ id }) => id);

const isObject = (body: unknown): boolean => body !== undefined && !Array.isArray(body);

describe.each(ADAPTERS)('Evaluations over HTTP on %s', (adapter) => {
  async function start(http: HttpOptions = {}, kept = KEPT): Promise<Served> {
    const served = await startApp({ adapter, agentOs: { agents: [polite], http } });
    const store = served.app.get(EvalStore);
    for (const evaluation of kept) await store.save(evaluation);
    return { ...served, store, call: (method, path, call) => callJson(served.url, method, path, call) };
  }

  const shared = shareApp(() => start());
  const locked = shareApp(() => start({ securityKey: 'key' }));

  it('are the evaluations of judges', async () => {
    const { url, call } = await start({}, []);
    const meta = { page: 1, limit: 20, search_time_ms: expect.any(Number) };
    expect(await call('GET', '/eval-runs')).toEqual({
      status: 200,
      body: { data: [], meta: { ...meta, total_pages: 0, total_count: 0 } },
    });

    const { body: run } = await runJson(url, '/agents/polite', 'tea', { session_id: 's1' });

    const { body } = await call('GET', '/eval-runs?db_id=agent-os&table=agent_os_evaluations');
    const evaluation = {
      id: expect.any(String),
      agent_id: 'polite',
      model_id: null,
      model_provider: null,
      team_id: null,
      workflow_id: null,
      name: 'politeness',
      evaluated_component_name: 'Polite',
      eval_type: 'agent_as_judge',
      eval_data: {
        run_id: expect.any(String),
        results: [
          {
            input: 'tea',
            output: 'tea, please',
            criteria: 'It is polite.',
            score: 8,
            reason: 'It says please.',
            passed: true,
          },
        ],
        avg_score: 8,
        min_score: 8,
        max_score: 8,
        std_dev_score: 0,
        pass_rate: 100,
      },
      eval_input: {
        criteria: 'It is polite.',
        scoring_strategy: 'numeric',
        threshold: 7,
        additional_guidelines: null,
        run_id: run['run_id'],
        session_id: 's1',
      },
      created_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/),
      updated_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/),
    };
    expect(body).toEqual({ data: [evaluation], meta: { ...meta, total_pages: 1, total_count: 1 } });
    const [shown] = (body as { data: Item[] }).data;
    expect(await call('GET', `/eval-runs/${String(shown?.['id'])}`)).toEqual({ status: 200, body: shown });
  });

  it.each<[string, string[]]>([
    ['', ['e2', 'e3', 'e1']],
    ['sort_order=asc', ['e1', 'e3', 'e2']],
    ['sort_by=name&sort_order=asc', ['e3', 'e1', 'e2']],
    ['sort_by=updated_at', ['e2', 'e3', 'e1']],
    ['limit=2', ['e2', 'e3']],
    ['limit=2&page=0', ['e2', 'e3']],
    ['limit=2&page=2', ['e1']],
    ['agent_id=helper', ['e1']],
    ['team_id=desk', ['e2']],
    ['workflow_id=flow', ['e3']],
    ['agent_id=desk', []],
    ['agent_id=helper&team_id=desk', []],
    ['type=team', ['e2']],
    ['type=team&team_id=desk', ['e2']],
    ['type=agent&team_id=desk', []],
    ['model_id=mock-1', ['e2', 'e1']],
    ['model_id=other&type=workflow', ['e3']],
    ['eval_types=agent_as_judge', ['e2', 'e3', 'e1']],
    ['eval_types=accuracy,agent_as_judge', ['e2', 'e3', 'e1']],
    ['eval_types=accuracy,reliability', []],
    ['eval_types=&db_id=&type=', ['e2', 'e3', 'e1']],
  ])('are listed as the query %p asks', async (query, ids) => {
    const { call } = shared();
    expect(idsOf(await call('GET', `/eval-runs?${query}`))).toEqual(ids);
  });

  it('are counted with the filters of the query', async () => {
    const { call } = shared();
    expect((await call('GET', '/eval-runs?limit=1&page=2&model_id=mock-1')).body).toMatchObject({
      data: [{ id: 'e1' }],
      meta: { page: 2, limit: 1, total_pages: 2, total_count: 2 },
    });
    expect((await call('GET', '/eval-runs?eval_types=accuracy')).body).toMatchObject({
      meta: { total_pages: 0, total_count: 0 },
    });
  });

  it.each([
    'type=model',
    'limit=0',
    'limit=1001',
    'page=-1',
    'sort_by=score',
    'sort_order=up',
    'agent_id=a&agent_id=b',
    'team_id=%00',
    'model_id=a&model_id=b',
    'eval_types=a&eval_types=b',
    'db_id=a&db_id=b',
  ])('are not listed for the malformed query %p', async (query) => {
    const { call } = shared();
    expect(await call('GET', `/eval-runs?${query}`)).toMatchObject({
      status: 422,
      body: { detail: [{ loc: ['query', query.slice(0, query.indexOf('='))] }] },
    });
  });

  it('have no score if the judge gives none', async () => {
    const { score: _, threshold: __, ...binary } = evaluationOf({ scoring: 'binary', passed: false });
    const { call } = await start({}, [binary]);
    expect((await call('GET', '/eval-runs/e1')).body).toMatchObject({
      eval_data: {
        results: [{ score: null, passed: false }],
        avg_score: null,
        std_dev_score: null,
        pass_rate: 0,
      },
      eval_input: { scoring_strategy: 'binary', threshold: null },
    });
  });

  it('have the time of their last change', async () => {
    const { call } = shared();
    expect((await call('GET', '/eval-runs/e2')).body).toMatchObject({
      model_id: 'mock-1',
      model_provider: 'MockProvider',
      created_at: '2026-11-22T10:11:28Z',
      updated_at: '2026-11-22T10:11:35Z',
    });
  });

  it.each([
    ['GET', '/eval-runs/nope'],
    ['GET', '/eval-runs/%00'],
    ['PATCH', '/eval-runs/nope'],
  ])('that do not exist are not found: %s %s', async (method, path) => {
    const { call } = shared();
    const id = decodeURIComponent(path.slice('/eval-runs/'.length));
    expect(await call(method, path, method === 'GET' ? {} : { body: { name: 'x' } })).toEqual({
      status: 404,
      body: { detail: `Eval run with id '${id}' not found` },
    });
  });

  it('can be renamed by their id', async () => {
    const { call } = await start();
    expect(await call('PATCH', '/eval-runs/e1', { body: { name: 'New' } })).toMatchObject({
      status: 200,
      body: { id: 'e1', name: 'New', agent_id: 'helper' },
    });
    expect((await call('GET', '/eval-runs/e1')).body).toMatchObject({ name: 'New' });
  });

  it.each([undefined, {}, [], { name: '' }, { name: 5 }, { name: 'x'.repeat(256) }])(
    'are not renamed by %j',
    async (body) => {
      const { call } = shared();
      expect(await call('PATCH', '/eval-runs/e1', { body, headers: JSON_TYPE })).toMatchObject({
        status: 422,
        body: { detail: [{ loc: isObject(body) ? ['body', 'name'] : ['body'] }] },
      });
      expect((await call('GET', '/eval-runs/e1')).body).toMatchObject({ name: 'b' });
    },
  );

  it('can be deleted by their ids', async () => {
    const { call } = await start();
    const body = { eval_run_ids: ['e1', 'nope', 'e3'] };
    expect(await call('DELETE', '/eval-runs', { body })).toEqual({ status: 204, body: undefined });
    expect(idsOf(await call('GET', '/eval-runs'))).toEqual(['e2']);
  });

  it('are deleted with a single call of the store, however many they are', async () => {
    const { call, store } = await start({ userId: () => 'ann' });
    const [find, deletion] = [jest.spyOn(store, 'find'), jest.spyOn(store, 'delete')];
    const ids = Array.from({ length: 1_000 }, (_, index) => `e${index}`);
    const body = { eval_run_ids: [...ids, 'no database \0 takes it', ''] };
    expect((await call('DELETE', '/eval-runs', { body })).status).toBe(204);
    expect([find.mock.calls, deletion.mock.calls]).toEqual([[], [[ids, 'ann']]]);
    expect((await store.list()).map(({ id }) => id)).toEqual(['e2', 'e3']);
  });

  it.each([undefined, {}, [], { eval_run_ids: [] }, { eval_run_ids: 'e1' }, { eval_run_ids: [1] }])(
    'are not deleted by %j',
    async (body) => {
      const { call, store } = shared();
      expect(await call('DELETE', '/eval-runs', { body, headers: JSON_TYPE })).toMatchObject({
        status: 422,
        body: { detail: [{ loc: isObject(body) ? ['body', 'eval_run_ids'] : ['body'] }] },
      });
      expect(await store.count()).toBe(3);
    },
  );

  describe('run on request', () => {
    const prompts: string[] = [];
    const judge = agentAsJudge({
      name: 'politeness',
      criteria: 'It is polite.',
      engine: ({ input }) => {
        prompts.push(input);
        if (input.includes('"passed"')) return '{"passed": true, "reason": "It is."}';
        return input.includes('unreadable') ? 'no verdict' : '{"score": 6, "reason": "It is."}';
      },
    });
    const judged = new Agent({
      id: 'judged',
      name: 'Judged',
      engine: ({ input }) => `${input}!`,
      postHooks: [judge],
    });
    const failing = new Agent({
      id: 'failing',
      engine: () => Promise.reject(new Error('a secret')),
      postHooks: [judge],
    });
    const alone = new Agent({ id: 'alone', engine: () => 'Hello' });
    const crew = new Team({
      id: 'crew',
      members: [alone],
      engine: ({ delegate, input }) => delegate('alone', input),
      postHooks: [judge],
    });
    const asked = { eval_type: 'agent_as_judge', input: 'hi', criteria: 'It is short.' };

    async function startJudged(
      http: HttpOptions = {},
      options: Partial<AgentOsOptions> = {},
    ): Promise<Served> {
      prompts.length = 0;
      const agentOs = { agents: [judged, failing, alone], teams: [crew], http, ...options };
      const served = await startApp({ adapter, agentOs });
      const store = served.app.get(EvalStore);
      return { ...served, store, call: (method, path, call) => callJson(served.url, method, path, call) };
    }

    it('the component, and its judge by the criteria of the request', async () => {
      const { call } = await startJudged();
      const body = {
        ...asked,
        agent_id: 'judged',
        name: 'shortness',
        scoring_strategy: 'numeric',
        threshold: 7,
        additional_guidelines: 'Count words.',
      };
      const answer = await call('POST', '/eval-runs', { body });
      expect(answer).toMatchObject({
        status: 200,
        body: {
          agent_id: 'judged',
          team_id: null,
          name: 'shortness',
          evaluated_component_name: 'Judged',
          eval_type: 'agent_as_judge',
          eval_data: {
            results: [{ input: 'hi', output: 'hi!', criteria: 'It is short.', score: 6, passed: false }],
            avg_score: 6,
            pass_rate: 0,
          },
          eval_input: { criteria: 'It is short.', scoring_strategy: 'numeric', threshold: 7 },
        },
      });
      const prompt = prompts.find((text) => text.includes('It is short.'));
      expect(prompt).toContain('- Count words.');
      const { id } = answer.body as { id: string };
      expect(await call('GET', `/eval-runs/${id}`)).toEqual(answer);
      expect((await call('GET', '/traces')).body).toMatchObject({ data: [{ agent_id: 'judged' }] });
    });

    it('with passed and not passed unless a score is asked for, also of a team', async () => {
      const { call } = await startJudged();
      expect(await call('POST', '/eval-runs', { body: { ...asked, team_id: 'crew' } })).toMatchObject({
        status: 200,
        body: {
          team_id: 'crew',
          name: 'politeness',
          eval_data: { results: [{ output: 'Hello', score: null, passed: true }], pass_rate: 100 },
          eval_input: { scoring_strategy: 'binary', threshold: null },
        },
      });
    });

    it('with the judge of the module, if the component has none', async () => {
      const { call } = await startJudged({}, { postHooks: [judge] });
      expect((await call('POST', '/eval-runs', { body: { ...asked, agent_id: 'alone' } })).status).toBe(200);
    });

    it.each<[string, object, number, string]>([
      ['no component', asked, 400, 'One of agent_id or team_id must be provided'],
      ['two components', { ...asked, agent_id: 'judged', team_id: 'crew' }, 400, 'Only one of agent_id'],
      ['an unknown agent', { ...asked, agent_id: 'nope' }, 404, "Agent with id 'nope' not found"],
      ['an agent as a team', { ...asked, team_id: 'judged' }, 404, "Team with id 'judged' not found"],
      ['no criteria', { ...asked, criteria: undefined, agent_id: 'judged' }, 400, 'criteria is required'],
      ['another type', { ...asked, eval_type: 'accuracy', agent_id: 'judged' }, 501, 'agent_as_judge'],
      ['a component without a judge', { ...asked, agent_id: 'alone' }, 501, 'agentAsJudge()'],
      ['a run that fails', { ...asked, agent_id: 'failing' }, 500, 'The run failed.'],
      [
        'a judge without a verdict',
        { ...asked, input: 'unreadable', scoring_strategy: 'numeric', agent_id: 'judged' },
        502,
        'The judge gave no verdict.',
      ],
    ])('but not for %s', async (_what, body, status, detail) => {
      const { call, store, agentOs } = await startJudged();
      expect(await call('POST', '/eval-runs', { body })).toEqual({
        status,
        body: expect.objectContaining({ detail: expect.stringContaining(detail) }),
      });
      await agentOs.drain();
      expect(await store.list({ name: asked.criteria })).toEqual([]);
    });

    it.each([
      [{}],
      [{ ...asked, eval_type: 'nope' }],
      [{ ...asked, input: '' }],
      [{ ...asked, threshold: 11 }],
    ])('only with fields that are right: %j', async (body) => {
      const { call } = await startJudged();
      expect((await call('POST', '/eval-runs', { body: { agent_id: 'judged', ...body } })).status).toBe(422);
    });

    /** An agent whose judge has begun, and gives its verdict once it may. */
    async function startSlowJudge(options: Partial<AgentOsOptions> = {}): Promise<Served & SlowJudge> {
      const begun = createGate();
      const verdict = createGate();
      const engine = async (): Promise<string> => {
        begun.open();
        await verdict.opened;
        return '{"passed": true, "reason": "It is."}';
      };
      const slow = agentAsJudge({ criteria: 'It is polite.', engine, when: () => false });
      const agent = new Agent({ id: 'slow', engine: () => 'Hello', postHooks: [slow] });
      return { ...(await startJudged({}, { agents: [agent], teams: [], ...options })), begun, verdict };
    }
    const body = { ...asked, agent_id: 'slow' };

    it('and shutdown waits for the judge, also if its client has left', async () => {
      const served = await startSlowJudge();
      const { store, begun, verdict } = served;
      const steps: string[] = [];
      const save = store.save.bind(store);
      jest.spyOn(store, 'save').mockImplementation(async (evaluation) => {
        steps.push('saved');
        await save(evaluation);
      });
      const client = new AbortController();
      const asking = fetch(`${served.url}/eval-runs`, {
        method: 'POST',
        headers: JSON_TYPE,
        body: JSON.stringify(body),
        signal: client.signal,
      });
      await begun.opened;
      client.abort();
      await expect(asking).rejects.toThrow();

      const shutdown = await Shutdown.begin(served, () => steps.push('closed'));
      // A shutdown that did not wait would end now.
      await someTurns();
      steps.push('verdict');
      verdict.open();
      await shutdown.ended;

      expect(steps).toEqual(['verdict', 'saved', 'closed']);
      expect(served.log.messages('log').join()).toContain('for 1 evaluation ("slow": 1)');
    });

    it('until shutdownTimeout: then the request is answered, and nothing is kept', async () => {
      const { store, url, begun, close } = await startSlowJudge({ shutdownTimeout: 50 });
      const asking = fetch(`${url}/eval-runs`, {
        method: 'POST',
        headers: JSON_TYPE,
        body: JSON.stringify(body),
      });
      await begun.opened;

      await close();

      const answer = await asking;
      expect([answer.status, answer.headers.get('retry-after'), await answer.json()]).toEqual([
        503,
        '5',
        { detail: 'The server is shutting down, so the run was stopped.' },
      ]);
      expect(await store.count()).toBe(0);
    });

    it('as long as the judge may take: then the answer is 504, and nothing is kept', async () => {
      const limit = new AbortController();
      jest.spyOn(AbortSignal, 'timeout').mockReturnValueOnce(limit.signal);
      const { call, store, begun } = await startSlowJudge();
      const asking = call('POST', '/eval-runs', { body });
      await begun.opened;
      limit.abort();
      expect(await asking).toEqual({ status: 504, body: { detail: 'The judge has taken too long.' } });
      expect(await store.count()).toBe(0);
    });

    it('for the user that the host identifies, who alone sees it', async () => {
      const { call } = await startJudged({ userId });
      const as = (user: string): JsonCall => ({ headers: { 'x-user': user } });
      const body = { ...asked, agent_id: 'judged', name: 'mine' };
      const answer = await call('POST', '/eval-runs', { body, ...as('ann') });
      const { id } = answer.body as { id: string };
      expect((await call('GET', `/eval-runs/${id}`, as('ann'))).status).toBe(200);
      expect((await call('GET', `/eval-runs/${id}`, as('bob'))).status).toBe(404);
    });
  });

  it.each([
    ['GET', '/eval-runs'],
    ['DELETE', '/eval-runs'],
    ['GET', '/eval-runs/e1'],
    ['PATCH', '/eval-runs/e1'],
  ])('exist in one database, and %s %s finds no other', async (method, path) => {
    const { call, store } = shared();
    const body = { name: 'x', eval_run_ids: ['e1'] };
    expect(await call(method, `${path}?db_id=other`, method === 'GET' ? {} : { body })).toEqual({
      status: 404,
      body: { detail: "No database found with id 'other'" },
    });
    expect(await store.find('e1')).toMatchObject({ name: 'b' });
  });

  describe('of other users’ runs, if the host names the user,', () => {
    const userId = (request: never): string | undefined =>
      (request as { headers: Record<string, string | undefined> }).headers['x-user'];
    const as = (user: string): JsonCall => ({ headers: { 'x-user': user } });

    it('are not listed', async () => {
      const { call } = await start({ userId });
      expect(idsOf(await call('GET', '/eval-runs', as('ann')))).toEqual(['e1']);
      expect(idsOf(await call('GET', '/eval-runs', as('bob')))).toEqual(['e2']);
      expect(idsOf(await call('GET', '/eval-runs'))).toEqual(['e3']);
      expect((await call('GET', '/eval-runs', as('eve'))).body).toMatchObject({ meta: { total_count: 0 } });
    });

    it('are renamed by one call of the store, which checks the owner', async () => {
      const { call, store } = await start({ userId });
      const [find, rename] = [jest.spyOn(store, 'find'), jest.spyOn(store, 'rename')];
      await call('PATCH', '/eval-runs/e1', { body: { name: 'x' }, ...as('ann') });
      await call('PATCH', '/eval-runs/e3', { body: { name: 'x' } });
      expect(rename.mock.calls).toEqual([
        ['e1', 'x', 'ann'],
        ['e3', 'x', null],
      ]);
      expect(find).not.toHaveBeenCalled();
    });

    it('are neither shown nor renamed nor deleted', async () => {
      const { call, store } = await start({ userId });
      for (const asking of [as('bob'), {}]) {
        expect((await call('GET', '/eval-runs/e1', asking)).status).toBe(404);
        expect((await call('PATCH', '/eval-runs/e1', { body: { name: 'x' }, ...asking })).status).toBe(404);
        const body = { eval_run_ids: ['e1'] };
        expect((await call('DELETE', '/eval-runs', { body, ...asking })).status).toBe(204);
      }
      expect(await store.find('e1')).toMatchObject({ name: 'b' });
      expect((await call('GET', '/eval-runs/e1', as('ann'))).status).toBe(200);
      expect((await call('PATCH', '/eval-runs/e1', { body: { name: 'x' }, ...as('ann') })).status).toBe(200);
      await call('DELETE', '/eval-runs', { body: { eval_run_ids: ['e1', 'e2'] }, ...as('ann') });
      expect((await store.list()).map(({ id }) => id)).toEqual(['e2', 'e3']);
    });
  });

  it.each([
    ['GET', '/eval-runs'],
    ['POST', '/eval-runs'],
    ['DELETE', '/eval-runs'],
    ['GET', '/eval-runs/e1'],
    ['PATCH', '/eval-runs/e1'],
  ])('demand the security key: %s %s', async (method, path) => {
    const { call, store } = locked();
    expect(await call(method, path)).toEqual({
      status: 401,
      body: { detail: 'Authorization header required' },
    });
    expect(await store.count()).toBe(3);
  });
});
