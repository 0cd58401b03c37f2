import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Agent, defineHook, InputCheckError, Team } from 'nestjs-agentos';

import { AgentOsRuntime } from '../../src/agent-os.runtime.js';
import { inBackground } from '../support/background-hook.js';
import { runJson } from '../support/http-client.js';
import { callJson, type Reply } from '../support/json-client.js';
import { raise } from '../support/raise.js';
import { closeApps, startApp, type TestApp } from '../support/test-app.js';
import { as, userId } from '../support/users.js';

describe('The record of runs', () => {
  let app: TestApp;

  beforeAll(async () => {
    const member = new Agent({
      id: 'member',
      engine: () => ({ content: 'SECRET answer', metrics: { inputTokens: 3, outputTokens: 4 } }),
      postHooks: [inBackground('audit', () => undefined)],
    });
    const team = new Team({
      id: 'team',
      members: [member],
      engine: ({ delegate }) => delegate('member', 'SECRET task'),
      preHooks: [defineHook(() => undefined, { name: 'inline', runInBackground: false })],
      postHooks: [inBackground('broken', () => raise(new Error('SECRET error')))],
    });
    const strict = new Agent({
      id: 'strict',
      engine: () => 'never',
      preHooks: [
        defineHook(() => raise(new InputCheckError('SECRET')), { name: 'refuse', runInBackground: false }),
      ],
    });
    app = await startApp({ agentOs: { agents: [strict], teams: [team], http: { userId } } });
    await runJson(app.url, '/teams/team', 'SECRET question', {}, as('ann'));
    await runJson(app.url, '/agents/strict', 'SECRET question', {}, as('ann'));
    await runJson(app.url, '/agents/strict', 'SECRET question', {}, as('bob'));
    await app.agentOs.drain();
  });

  afterAll(closeApps);

  function get(path: string, user: string): Promise<Reply> {
    return callJson(app.url, 'GET', `/hooks/${path}`, { headers: as(user) });
  }

  async function list(query: string, user = 'ann'): Promise<Record<string, unknown>[]> {
    const { body } = await get(`runs${query}`, user);
    return (body as { data: Record<string, unknown>[] }).data;
  }

  it('lists the settled runs of the user of the request, the latest first', async () => {
    const time = expect.stringMatching(/^\d{4}-.*Z$/);
    const common = {
      run_id: expect.any(String),
      session_id: expect.any(String),
      user_id: 'ann',
      state: 'settled',
      started_at: time,
      settled_at: time,
    };
    const closed = { response_closed_at: time, delivered: true };
    expect(await list('')).toEqual([
      {
        ...common,
        ...closed,
        component: { kind: 'agent', id: 'strict', name: 'strict' },
        position: 'root',
        outcome: 'rejected',
        usage: {},
        hooks: { succeeded: 1 },
      },
      {
        ...common,
        ...closed,
        component: { kind: 'team', id: 'team', name: 'team' },
        position: 'root',
        outcome: 'completed',
        usage: expect.any(Object),
        hooks: { succeeded: 1, failed: 1 },
      },
      {
        ...common,
        component: { kind: 'agent', id: 'member', name: 'member' },
        parent_run_id: expect.any(String),
        position: 'member',
        outcome: 'completed',
        usage: { input_tokens: 3, output_tokens: 4, total_tokens: 7 },
        hooks: { succeeded: 1 },
      },
    ]);
    expect([await list('', 'bob'), await list('', 'eve')]).toMatchObject([[{ user_id: 'bob' }], []]);
  });

  it.each([
    ['?state=running', []],
    ['?state=settled&limit=1', ['strict']],
    ['?limit=1&page=2', ['team']],
    ['?limit=2&page=2', ['member']],
    ['?limit=2&page=3', []],
    ['?outcome=completed', ['team', 'member']],
    ['?outcome=rejected', ['strict']],
    ['?component=member', ['member']],
    ['?component=member&outcome=failed', []],
  ])('is narrowed by %s', async (query, ids) => {
    expect((await list(query)).map(({ component }) => (component as { id: string }).id)).toEqual(ids);
  });

  it.each(['runs?state=ended', 'runs?outcome=lost', 'runs?limit=0', 'runs?page=0'])(
    'refuses the query %s',
    async (path) => {
      expect((await get(path, 'ann')).status).toBe(422);
    },
  );

  it('shows a run with its parts and the executions of their hooks, in the order of time', async () => {
    // The counts of its hooks are in the list only.
    const [{ hooks: _, ...run } = {}] = await list('?component=team');
    const { status, body } = await get(`runs/${String(run['run_id'])}`, 'ann');
    expect([status, body]).toMatchObject([
      200,
      {
        run,
        parts: [{ component: { id: 'member' }, parent_run_id: run['run_id'] }],
        activities: [
          { run_id: run['run_id'], kind: 'attempt', failed: false },
          { kind: 'attempt', ended_at: expect.any(String) },
        ],
        executions: expect.arrayContaining([
          expect.objectContaining({ hook: 'inline', mode: 'inline', state: 'succeeded' }),
          expect.objectContaining({ hook: 'audit', position: 'member', state: 'succeeded' }),
          expect.objectContaining({ hook: 'broken', state: 'failed', error_name: 'Error' }),
        ]),
        omitted: 0,
      },
    ]);
    const times = (body as { executions: { scheduled_at: string }[] }).executions.map(
      ({ scheduled_at }) => scheduled_at,
    );
    expect(times).toEqual([...times].sort());
  });

  it('answers 404 for a run that does not exist or belongs to another user', async () => {
    const [run] = await list('?component=team');
    expect((await get('runs/unknown', 'ann')).status).toBe(404);
    expect((await get(`runs/${String(run?.['run_id'])}`, 'bob')).status).toBe(404);
  });

  it('shows a bounded part of a large tree, and says how much it leaves out', async () => {
    const { index, ledger } = app.app.get(AgentOsRuntime);
    const identity = { kind: 'agent', id: 'many', name: 'many' } as const;
    const activities = Array.from({ length: 6 }, () => ({ kind: 'attempt', startedAt: 0 }));
    for (let number = 0; number <= 210; number++) {
      const runId = `many-${number}`;
      const context = number === 0 ? {} : { parentRunId: 'many-0' };
      const position = number === 0 ? 'root' : 'member';
      index.add({
        ...{ runId, context, session: { id: 's' }, userId: 'max', identity, position, activities },
        ...{ startedAt: performance.now(), output: { metrics: {} }, outcome: 'completed' },
      } as never);
      for (let hook = 0; hook < 6; hook++)
        ledger.schedule({
          ...{ id: `${runId}:${hook}`, hook: 'h', phase: 'post', mode: 'background', component: identity },
          ...{ position, attachedBy: 'component', runId, userId: 'max', state: 'scheduled' },
          ...{ attempts: 0, scheduledAt: 0 },
        });
    }
    const { body } = await get('runs/many-0', 'max');
    const { parts, activities: shown, executions, omitted } = body as Record<string, unknown[]>;
    expect([parts?.length, shown?.length, executions?.length]).toEqual([200, 1_000, 1_000]);
    // Of 201 runs that are shown, 1,206 activities and as many executions.
    expect(omitted).toBe(10 + 206 + 206);
  });

  it('counts the executions and runs of the user of the request', async () => {
    const { body } = await get('stats', 'ann');
    const took = { p50: expect.any(Number), p95: expect.any(Number) };
    expect(body).toMatchObject({
      waiting: 0,
      running: 0,
      failed: 1,
      oldest_waiting: null,
      hooks: [
        { hook: 'audit', component: { id: 'member' }, ran: 1, failed: 0, ...took },
        { hook: 'broken', component: { id: 'team' }, ran: 1, failed: 1, ...took },
        { hook: 'inline', mode: 'inline', ran: 1, ...took },
        { hook: 'refuse', ran: 1, ...took },
      ],
      runs: { running: 0, completed: 2, rejected: 1, failed: 0, cancelled: 0 },
    });
    expect((await get('stats', 'eve')).body).toMatchObject({ failed: 0, hooks: [], runs: { completed: 0 } });
  });

  it('contains no texts of runs', async () => {
    const [run] = await list('?component=team');
    const bodies = await Promise.all(
      ['runs', `runs/${String(run?.['run_id'])}`, 'stats'].map((path) => get(path, 'ann')),
    );
    expect(JSON.stringify(bodies)).not.toContain('SECRET');
  });

  it('is behind the guards of the routes', async () => {
    const locked = await startApp({ agentOs: { http: { securityKey: 'key' } } });
    const statuses = await Promise.all(
      ['runs', 'runs/any', 'stats'].map(async (path) => (await fetch(`${locked.url}/hooks/${path}`)).status),
    );
    expect(statuses).toEqual([401, 401, 401]);
  });
});
