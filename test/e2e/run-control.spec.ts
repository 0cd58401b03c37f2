import { afterEach, describe, expect, it } from '@jest/globals';
import {
  Agent,
  defineGuardrail,
  OutputCheckError,
  Team,
  Workflow,
  type AgentOsExtras,
  type AgentOsOptions,
  type PostHookContext,
} from 'nestjs-agentos';
import { SessionStore } from 'nestjs-agentos/stores';
import { scriptedEngine, type ScriptedEngine } from 'nestjs-agentos/testing';

import { AgentOsRuntime } from '../../src/agent-os.runtime.js';
import { RunRecordings } from '../../src/http/runs/run.recordings.js';
import { inBackground } from '../support/background-hook.js';
import { namesOf, parseFrames, runJson, runSse, type Frame } from '../support/http-client.js';
import { ADAPTERS, closeApps, startApp, type TestApp } from '../support/test-app.js';

afterEach(closeApps);

interface Slow {
  readonly agent: Agent;
  /** Hangs between its two pieces. */
  readonly engine: ScriptedEngine;
}

/** Says one piece, hangs, says another. */
function slowAgent(options: Partial<ConstructorParameters<typeof Agent>[0]> = {}): Slow {
  const engine = scriptedEngine().text('one ').hang().text('two').repeat();
  return { engine, agent: new Agent({ id: 'slow', engine, ...options }) };
}

/** Says the same without a pause. */
function quickAgent(): Agent {
  return new Agent({ id: 'slow', engine: scriptedEngine().text('one ', 'two').repeat() });
}

describe.each(ADAPTERS)('A run in the background of the server, on %s,', (adapter) => {
  const start = (agentOs: AgentOsOptions & AgentOsExtras): Promise<TestApp> => startApp({ adapter, agentOs });
  const find = async (url: string, runId: unknown, session: unknown): Promise<Record<string, unknown>> =>
    (await (
      await fetch(`${url}/agents/slow/runs/${String(runId)}?session_id=${String(session)}`)
    ).json()) as Record<string, unknown>;

  it('is accepted with its id, can be fetched while it runs, and has its answer at the end', async () => {
    const { agent, engine } = slowAgent();
    const app = await start({ agents: [agent] });
    const { url } = app;

    const { status, body } = await runJson(url, '/agents/slow', 'hi', { background: 'true' });
    await engine.hanging();
    const running = await find(url, body['run_id'], body['session_id']);
    engine.proceed(await engine.hanging());
    await settled(app);
    const completed = await find(url, body['run_id'], body['session_id']);

    expect([status, body]).toEqual([
      202,
      { run_id: expect.any(String), session_id: expect.any(String), status: 'PENDING' },
    ]);
    expect(running).toMatchObject({ run_id: body['run_id'], status: 'RUNNING', content: '' });
    expect(completed).toMatchObject({ run_id: body['run_id'], status: 'COMPLETED', content: 'one two' });
  });

  it('is listed with the runs of its session, running and settled', async () => {
    const { agent, engine } = slowAgent();
    const app = await start({ agents: [agent] });
    const { url } = app;
    const list = async (query = ''): Promise<unknown[]> => {
      const response = await fetch(`${url}/agents/slow/runs?session_id=s1${query}`);
      const runs = (await response.json()) as { status: string }[];
      return [response.status, Array.isArray(runs) ? runs.map(({ status }) => status) : runs];
    };

    await runJson(url, '/agents/slow', 'hi', { background: 'true', session_id: 's1' });
    await engine.hanging();
    const early = [await list(), await list('&status=COMPLETED'), await list('&status=RUNNING')];
    engine.proceed(await engine.hanging());
    await settled(app);
    const late = [await list(), await list('&status=COMPLETED'), await list('&status=RUNNING')];

    expect(early).toEqual([
      [200, ['RUNNING']],
      [404, { detail: 'Session not found' }],
      [200, ['RUNNING']],
    ]);
    expect(late).toEqual([
      [200, ['COMPLETED']],
      [200, ['COMPLETED']],
      [200, []],
    ]);
  });

  it('is listed by every status of the protocol, in upper and lower case', async () => {
    const { agent, engine } = slowAgent();
    const app = await start({ agents: [agent] });
    const { url } = app;
    const counts = async (): Promise<Record<string, unknown>> => {
      const statuses = ['PENDING', 'running', 'Completed', 'PAUSED', 'cancelled', 'ERROR', 'REGENERATED'];
      const answers = statuses.map(async (status) => {
        const response = await fetch(`${url}/agents/slow/runs?session_id=s1&status=${status}`);
        return [status, response.status === 200 ? ((await response.json()) as unknown[]).length : 'error'];
      });
      return Object.fromEntries((await Promise.all(answers)) as [string, unknown][]);
    };
    const none = { PENDING: 0, running: 0, Completed: 0, PAUSED: 0, cancelled: 0, ERROR: 0, REGENERATED: 0 };

    await app.app.get(SessionStore).create({ id: 's1' });
    await runJson(url, '/agents/slow', 'hi', { background: 'true', session_id: 's1' });
    await engine.hanging();
    expect(await counts()).toEqual({ ...none, PENDING: 1, running: 1 });
    engine.proceed(await engine.hanging());
    await settled(app);
    expect(await counts()).toEqual({ ...none, Completed: 1 });

    const statusOf = async (path: string): Promise<number> => (await fetch(`${url}${path}`)).status;
    expect(await statusOf('/agents/slow/runs?session_id=s1&status=done')).toBe(422);
    expect(await statusOf('/agents/slow/runs?session_id=s2&status=PAUSED')).toBe(404);
  });

  it('is found whatever status its query names, since the status is for lists only', async () => {
    const agent = quickAgent();
    const { url } = await start({ agents: [agent] });
    const { body } = await runJson(url, '/agents/slow', 'hi', { session_id: 's1' });
    const path = `/agents/slow/runs/${String(body['run_id'])}?session_id=s1`;
    for (const query of ['&status=ERROR', '&status=done'])
      expect((await fetch(`${url}${path}${query}`)).status).toBe(200);
  });

  it('runs its hooks after it has settled, once, in both forms', async () => {
    const order: string[] = [];
    const { agent, engine } = slowAgent({
      postHooks: [inBackground('audit', ({ hook }) => void order.push(`audit ${String(hook.delivered)}`))],
    });
    const app = await start({ agents: [agent] });
    const { url } = app;

    await runJson(url, '/agents/slow', 'hi', { background: 'true' });
    await engine.hanging();
    order.push('answered');
    engine.proceed(await engine.hanging());
    await settled(app);
    const streaming = runSse(url, '/agents/slow', 'hi', { background: 'true' });
    engine.proceed(await engine.hanging());
    await streaming;
    await settled(app);

    expect(order).toEqual(['answered', 'audit undefined', 'audit true']);
  });

  it('continues when the reader of its stream leaves, even if other runs would be cancelled', async () => {
    const outcomes: string[] = [];
    const { agent, engine } = slowAgent({
      postHooks: [
        inBackground(
          'audit',
          ({ runOutput, hook }) => void outcomes.push(`${runOutput.status} ${String(hook.delivered)}`),
        ),
      ],
    });
    const app = await start({ agents: [agent], onDisconnect: 'cancel' });

    const client = app.client.stream('slow', 'hi', { fields: { background: 'true' } });
    await client.until('RunContent');
    await engine.hanging();
    await client.leave();
    engine.proceed(await engine.hanging());
    await settled(app);

    expect(outcomes).toEqual(['COMPLETED false']);
  });

  it('shows nothing of its answer before its guardrail has passed', async () => {
    const refuse = defineGuardrail<PostHookContext>(() => {
      throw new OutputCheckError('Not for you.');
    });
    const { agent, engine } = slowAgent({ postHooks: [refuse] });
    const app = await start({ agents: [agent] });
    const { url } = app;

    const { body } = await runJson(url, '/agents/slow', 'hi', { background: 'true' });
    await engine.hanging();
    const running = await find(url, body['run_id'], body['session_id']);
    engine.proceed(await engine.hanging());
    await settled(app);
    const rejected = await find(url, body['run_id'], body['session_id']);
    const replayed = await (await resume(url, '/agents/slow', body['run_id'])).text();

    expect(JSON.stringify([running, rejected, replayed])).not.toContain('one ');
    expect(rejected).toMatchObject({ status: 'ERROR', content: 'Not for you.' });
  });

  it.each([['that does not exist', 'r1', 404, { detail: 'Run not found' }]])(
    '%s is not found',
    async (_what, runId, status, body) => {
      const { url } = await start({ agents: [slowAgent().agent] });
      const response = await fetch(`${url}/agents/slow/runs/${runId}?session_id=s1`);
      expect([response.status, await response.json()]).toEqual([status, body]);
    },
  );

  it('can be fetched with its session only: 422 without it', async () => {
    const { url } = await start({ agents: [slowAgent().agent] });
    for (const path of ['/agents/slow/runs/r1', '/agents/slow/runs']) {
      const response = await fetch(url + path);
      expect([response.status, await response.json()]).toEqual([
        422,
        { detail: [{ type: 'missing', loc: ['query', 'session_id'], msg: 'Field required', input: null }] },
      ]);
    }
  });

  it('is not found under another component', async () => {
    const { agent, engine } = slowAgent();
    const other = new Agent({ id: 'other', engine: () => 'x' });
    const app = await start({ agents: [agent, other] });
    const { url } = app;
    const { body } = await runJson(url, '/agents/slow', 'hi', { background: 'true' });
    engine.proceed(await engine.hanging());
    await settled(app);
    const path = `/agents/other/runs/${String(body['run_id'])}?session_id=${String(body['session_id'])}`;
    expect((await fetch(url + path)).status).toBe(404);
  });
});

describe.each(ADAPTERS)('Cancelling a run on %s', (adapter) => {
  const cancel = (url: string, path: string, runId: unknown): Promise<Response> =>
    fetch(`${url}${path}/runs/${String(runId)}/cancel`, { method: 'POST' });

  it('ends it with its text so far, in its stream and in its session', async () => {
    const { agent, engine } = slowAgent();
    const app = await startApp({ adapter, agentOs: { agents: [agent] } });
    const client = app.client.stream('slow', 'hi', { sessionId: 's1' });
    await client.until('RunContent');
    await engine.hanging();
    const runId = await runningId(app.url);
    const answer = await cancel(app.url, '/agents/slow', runId);
    const events = await client.rest();

    expect([answer.status, await answer.json()]).toEqual([200, {}]);
    expect(events.map(({ event }) => event).slice(-2)).toEqual(['RunCancelled', 'RunCompleted']);
    expect(events.at(-2)).toMatchObject({ content: 'one ', reason: `Run ${runId} was cancelled` });
    const stored = await fetch(`${app.url}/agents/slow/runs/${runId}?session_id=s1`);
    expect(await stored.json()).toMatchObject({ status: 'CANCELLED', content: 'one ' });
  });

  it('ends it once, however many requests arrive at the same time, and runs its hooks once', async () => {
    const seen: string[] = [];
    const { agent, engine } = slowAgent({
      postHooks: [
        inBackground('audit', ({ runOutput }) => void seen.push(runOutput.status), { on: ['cancelled'] }),
      ],
    });
    const app = await startApp({ adapter, agentOs: { agents: [agent] } });
    const { url, agentOs } = app;
    const answering = runJson(url, '/agents/slow', 'hi', { session_id: 's1' });
    await engine.hanging();
    const runId = await runningId(url);

    const answers = await Promise.all(Array.from({ length: 10 }, () => cancel(url, '/agents/slow', runId)));
    const { status, body } = await answering;
    await agentOs.drain();

    expect(answers.map((answer) => answer.status)).toEqual(Array(10).fill(200));
    expect([status, body['status']]).toEqual([200, 'CANCELLED']);
    expect(seen).toEqual(['CANCELLED']);
  });

  it('ends the members of a team, and the steps of a workflow', async () => {
    for (const [path, of] of [
      [
        '/teams/desk',
        (slow: Agent) => ({
          teams: [new Team({ id: 'desk', members: [slow], engine: ({ delegate }) => delegate('slow', 'x') })],
        }),
      ],
      ['/workflows/flow', (slow: Agent) => ({ workflows: [new Workflow({ id: 'flow', steps: [slow] })] })],
    ] as const) {
      const { agent, engine } = slowAgent();
      const app = await startApp({ adapter, agentOs: of(agent) });
      const client = app.client.stream(path.split('/')[2] as string, 'hi', { sessionId: 's1' });
      await client.until('RunContent');
      await engine.hanging();
      await cancel(app.url, path, await runningId(app.url, path));
      const names = (await client.rest()).map(({ event }) => event);
      const kind = path.startsWith('/teams')
        ? ['TeamRunCancelled', 'TeamRunCompleted']
        : ['WorkflowCancelled', 'WorkflowCompleted'];
      expect(names.filter((name) => /Cancelled|RunCompleted|WorkflowCompleted/.test(name))).toEqual([
        'RunCancelled',
        'RunCompleted',
        ...kind,
      ]);
    }
  });

  it('that does not exist is no error, and of another component has no effect', async () => {
    const { agent, engine } = slowAgent();
    const other = new Agent({ id: 'other', engine: () => 'x' });
    const { url } = await startApp({ adapter, agentOs: { agents: [agent, other] } });
    const answering = runJson(url, '/agents/slow', 'hi', { session_id: 's1' });
    await engine.hanging();
    const runId = await runningId(url);

    const answers = [await cancel(url, '/agents/slow', 'nothing'), await cancel(url, '/agents/other', runId)];
    engine.proceed(await engine.hanging());

    expect(answers.map(({ status }) => status)).toEqual([200, 200]);
    expect((await answering).body['status']).toBe('COMPLETED');
    expect((await cancel(url, '/agents/nobody', runId)).status).toBe(404);
  });
});

describe.each(ADAPTERS)('Resuming a run on %s', (adapter) => {
  it('replays the missed events, then follows the run to its end', async () => {
    const { agent, engine } = slowAgent();
    const { url } = await startApp({ adapter, agentOs: { agents: [agent] } });
    const { body } = await runJson(url, '/agents/slow', 'hi', { background: 'true' });
    await engine.hanging();

    const [fromStart, fromFirst] = await Promise.all([
      resume(url, '/agents/slow', body['run_id']),
      resume(url, '/agents/slow', body['run_id'], { last_event_index: '0' }),
    ]);
    engine.proceed(await engine.hanging());
    const [all, rest] = [parseFrames(await fromStart.text()), parseFrames(await fromFirst.text())];

    expect(namesOf(all)).toEqual([
      'catch_up',
      'RunStarted',
      'RunContent',
      'subscribed',
      'RunContent',
      'RunContentCompleted',
      'RunCompleted',
    ]);
    expect(all[0]?.data).toEqual({
      event: 'catch_up',
      run_id: body['run_id'],
      status: 'running',
      missed_events: 2,
      current_event_count: 2,
      message: expect.any(String),
    });
    expect(indexesOf(all)).toEqual([0, 1, 2, 3, 4]);
    expect(namesOf(rest).slice(0, 3)).toEqual(['catch_up', 'RunContent', 'subscribed']);
    expect(indexesOf(rest)).toEqual([1, 2, 3, 4]);
  });

  it('only confirms the subscription if no event was missed', async () => {
    const { agent, engine } = slowAgent();
    const { url } = await startApp({ adapter, agentOs: { agents: [agent] } });
    const { body } = await runJson(url, '/agents/slow', 'hi', { background: 'true' });
    await engine.hanging();
    const response = await resume(url, '/agents/slow', body['run_id'], { last_event_index: '1' });
    engine.proceed(await engine.hanging());
    const frames = parseFrames(await response.text());
    expect(namesOf(frames).slice(0, 2)).toEqual(['subscribed', 'RunContent']);
    expect(frames[0]?.data).toMatchObject({ status: 'running', current_event_count: 2 });
  });

  it('counts the events for a client that has missed none of more', async () => {
    const { agent, engine } = slowAgent();
    const { url } = await startApp({ adapter, agentOs: { agents: [agent] } });
    const { body } = await runJson(url, '/agents/slow', 'hi', { background: 'true' });
    await engine.hanging();
    const response = await resume(url, '/agents/slow', body['run_id'], { last_event_index: '500' });
    engine.proceed(await engine.hanging());
    const frames = parseFrames(await response.text());
    expect(frames[0]?.data).toMatchObject({ event: 'subscribed', current_event_count: 2 });
    expect(namesOf(frames).slice(1)).toEqual(['RunContent', 'RunContentCompleted', 'RunCompleted']);
  });

  it('that has ended replays the events after the last one of the client', async () => {
    const agent = quickAgent();
    const { url } = await startApp({ adapter, agentOs: { agents: [agent] } });
    const first = await runSse(url, '/agents/slow', 'hi', { background: 'true' });
    const runId = first[0]?.data['run_id'];
    const all = parseFrames(await (await resume(url, '/agents/slow', runId)).text());
    const rest = parseFrames(
      await (await resume(url, '/agents/slow', runId, { last_event_index: '2' })).text(),
    );
    const nothing = parseFrames(
      await (await resume(url, '/agents/slow', runId, { last_event_index: '99' })).text(),
    );

    expect(all[0]?.data).toEqual({
      event: 'replay',
      run_id: runId,
      status: 'COMPLETED',
      total_events: first.length,
      total_buffered: first.length,
      last_event_index_requested: -1,
      message: expect.any(String),
    });
    expect(all.slice(1)).toEqual(first);
    expect(rest.slice(1)).toEqual(first.slice(3));
    expect(namesOf(nothing)).toEqual(['replay']);
  });

  it('that is not recorded any more replays it from its session', async () => {
    const agent = quickAgent();
    const { url, app } = await startApp({ adapter, agentOs: { agents: [agent] } });
    const streamed = await runSse(url, '/agents/slow', 'hi', { session_id: 's1' });
    const { body } = await runJson(url, '/agents/slow', 'hi', { session_id: 's1' });
    app.get(RunRecordings).forget(() => true);
    const replay = async (runId: unknown): Promise<Frame[]> =>
      parseFrames(await (await resume(url, '/agents/slow', runId, { session_id: 's1' })).text());

    const [ofStream, ofJson] = [await replay(streamed[0]?.data['run_id']), await replay(body['run_id'])];

    expect(namesOf(ofStream)).toEqual(['replay', 'RunStarted', 'RunContentCompleted', 'RunCompleted']);
    expect(ofStream.at(-1)?.data).toMatchObject({ content: 'one two' });
    expect(namesOf(ofJson)).toEqual(['replay', 'RunCompleted']);
    expect(ofJson[0]?.data).toMatchObject({ status: 'COMPLETED', total_events: 1, total_buffered: 0 });
  });

  it('that is not known ends with an error in the stream', async () => {
    const { url } = await startApp({ adapter, agentOs: { agents: [slowAgent().agent] } });
    const response = await resume(url, '/agents/slow', 'zzz');
    expect([response.status, await response.text()]).toEqual([
      200,
      'event: error\ndata: {"event": "error", "error": "Run zzz not found in buffer or database"}\n\n',
    ]);
    expect((await resume(url, '/agents/nobody', 'zzz')).status).toBe(404);
    expect((await resume(url, '/agents/slow', 'zzz', { last_event_index: 'last' })).status).toBe(422);
  });

  it('has no effect on the run when its reader leaves', async () => {
    const seen: string[] = [];
    const { agent, engine } = slowAgent({
      postHooks: [inBackground('audit', ({ runOutput }) => void seen.push(runOutput.status))],
    });
    const app = await startApp({ adapter, agentOs: { agents: [agent], onDisconnect: 'cancel' } });
    const { body } = await runJson(app.url, '/agents/slow', 'hi', { background: 'true' });
    await engine.hanging();
    const reader = new AbortController();
    const response = await resume(app.url, '/agents/slow', body['run_id'], {}, reader.signal);
    await response.body?.getReader().read();
    reader.abort();
    engine.proceed(await engine.hanging());
    await settled(app);
    expect(seen).toEqual(['COMPLETED']);
  });
});

describe.each(ADAPTERS)('Continuing a run on %s', (adapter) => {
  const proceed = (url: string, runId: unknown, fields: Record<string, string>): Promise<Response> =>
    fetch(`${url}/agents/slow/runs/${String(runId)}/continue`, {
      method: 'POST',
      body: new URLSearchParams(fields),
    });

  it('is not supported, and the response says so', async () => {
    const agent = quickAgent();
    const { url } = await startApp({ adapter, agentOs: { agents: [agent] } });
    const { body } = await runJson(url, '/agents/slow', 'hi', { session_id: 's1' });
    const answers = [
      await proceed(url, body['run_id'], { session_id: 's1', tools: '[]' }),
      await proceed(url, 'zzz', { session_id: 's1' }),
      await proceed(url, body['run_id'], {}),
    ];
    expect(await Promise.all(answers.map(async (answer) => [answer.status, await answer.json()]))).toEqual([
      [
        501,
        {
          detail: 'Continuing a run is not supported: runs do not pause for a confirmation in this version.',
        },
      ],
      [404, { detail: 'Run not found' }],
      [400, { detail: 'session_id is required to continue a run' }],
    ]);
  });
});

describe.each(ADAPTERS)('With http.userId, on %s,', (adapter) => {
  it('runs of other users are treated like runs that do not exist', async () => {
    const { agent, engine } = slowAgent();
    const app = await startApp({
      adapter,
      agentOs: {
        agents: [agent],
        http: { userId: (request: { headers: Record<string, string> }) => request.headers['x-user'] },
      },
    });
    const { url } = app;
    const as = (user: string, path: string, init: RequestInit = {}): Promise<Response> =>
      fetch(`${url}/agents/slow${path}`, { ...init, headers: { 'x-user': user } });
    const form = new URLSearchParams({
      message: 'hi',
      session_id: 's1',
      background: 'true',
      stream: 'false',
    });
    const accepted = await as('ann', '/runs', { method: 'POST', body: form });
    const { run_id: runId } = (await accepted.json()) as { run_id: string };
    await engine.hanging();
    const every = async (user: string): Promise<number[]> => {
      const posts = ['cancel', 'continue', 'resume'].map((action) =>
        as(user, `/runs/${runId}/${action}`, {
          method: 'POST',
          body: new URLSearchParams({ session_id: 's1' }),
        }),
      );
      const gets = [`/runs/${runId}?session_id=s1`, '/runs?session_id=s1'].map((path) => as(user, path));
      return (await Promise.all([...posts, ...gets])).map(({ status }) => status);
    };

    const running = await every('bob');
    engine.proceed(await engine.hanging());
    await settled(app);
    const ended = await every('bob');

    expect([running, ended]).toEqual([Array(5).fill(404), Array(5).fill(404)]);
    expect(await every('ann')).toEqual([200, 501, 200, 200, 200]);
  });
});

function resume(
  url: string,
  path: string,
  runId: unknown,
  fields: Record<string, string> = {},
  signal?: AbortSignal,
): Promise<Response> {
  const body = new URLSearchParams(fields);
  return fetch(`${url}${path}/runs/${String(runId)}/resume`, {
    method: 'POST',
    body,
    ...(signal ? { signal } : {}),
  });
}

function indexesOf(frames: readonly Frame[]): unknown[] {
  return frames.map(({ data }) => data['event_index']).filter((index) => index !== undefined);
}

/** The run in session `s1` that has not settled. */
async function runningId(url: string, path = '/agents/slow'): Promise<string> {
  const response = await fetch(`${url}${path}/runs?session_id=s1&status=RUNNING`);
  const [run] = (await response.json()) as { run_id: string }[];
  return run?.run_id ?? 'no run';
}

/** Resolves when no run is in flight and all hooks have run. */
async function settled({ app, agentOs }: TestApp): Promise<void> {
  await app.get(AgentOsRuntime).inFlight.idle();
  await agentOs.drain();
}
