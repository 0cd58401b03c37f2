import { afterEach, describe, expect, it } from '@jest/globals';
import {
  Agent,
  defineGuardrail,
  defineHook,
  InMemorySessionStore,
  OutputCheckError,
  PlainDataError,
  RunNotStoredError,
  Team,
  type AgentOsService,
  type PostHookContext,
} from 'nestjs-agentos';
import { createGate, failingStore } from 'nestjs-agentos/testing';

import { callJson } from '../support/json-client.js';
import { runJson, runSse } from '../support/http-client.js';
import { closeApps, shareApp, startApp } from '../support/test-app.js';
import { someTurns } from '../support/turns.js';

afterEach(closeApps);

describe('The annotation of a run', () => {
  let agentOs: AgentOsService;
  const sessionStore = new InMemorySessionStore();
  const results: unknown[] = [];

  /** Annotates a run in a hook, and keeps what comes of it. */
  async function annotate(runId: string, metadata = { tags: ['billing'] }): Promise<void> {
    results.push(await agentOs.annotate(runId, { metadata }).catch((thrown: unknown) => thrown));
  }

  const summarise = defineHook(({ runOutput }: PostHookContext) => annotate(runOutput.runId), {
    name: 'summarise',
    runInBackground: true,
    on: ['completed', 'rejected'],
  });
  const support = new Agent({ id: 'support', engine: () => 'fine', postHooks: [summarise] });
  const impatient = new Agent({
    id: 'impatient',
    engine: () => 'fine',
    postHooks: [
      defineHook(({ runOutput }: PostHookContext) => annotate(runOutput.runId), { name: 'inline' }),
    ],
  });
  /** A team whose guardrail has seen the answer of its member when it annotates it. */
  const guarded = (id: string, check: () => void): Team =>
    new Team({
      id,
      members: [new Agent({ id: `member-of-${id}`, engine: () => 'secret', postHooks: [summarise] })],
      engine: ({ delegate, input }) => delegate(`member-of-${id}`, input),
      postHooks: [
        defineGuardrail(
          async ({ runOutput }: PostHookContext) => {
            for (const { runId } of runOutput.memberResponses) await annotate(runId, { tags: ['inline'] });
            check();
          },
          { name: 'check' },
        ),
      ],
    });
  const passing = guarded('passing', () => undefined);
  const refusing = guarded('refusing', () => {
    throw new OutputCheckError('No secrets.');
  });

  const shared = shareApp(async () => {
    const app = await startApp({
      agentOs: { agents: [support, impatient], teams: [passing, refusing], sessionStore },
    });
    ({ agentOs } = app);
    return app;
  });

  afterEach(async () => {
    await agentOs.drain();
    results.length = 0;
  });

  it('by a background hook shows in every view of the run and of its session, and not in the response', async () => {
    const { url } = shared();
    const fields = { session_id: 'shown', metadata: '{"from":"client"}' };
    const frames = await runSse(url, '/agents/support', 'hi', fields);
    await agentOs.drain();

    const runId = String(frames[0]?.data['run_id']);
    const metadata = { from: 'client', tags: ['billing'] };
    const views = [`/sessions/shown/runs/${runId}`, `/agents/support/runs/${runId}?session_id=shown`];
    for (const path of views) {
      const { body } = await callJson(url, 'GET', path);
      expect(body).toMatchObject({ run_id: runId, content: 'fine', status: 'COMPLETED', metadata });
    }
    const lists = ['/sessions/shown/runs', '/agents/support/runs?session_id=shown'];
    for (const path of lists)
      expect((await callJson(url, 'GET', path)).body).toMatchObject([{ run_id: runId, metadata }]);
    const sent = { event: 'RunCompleted', metadata: { from: 'client' } };
    expect(frames.at(-1)?.data).toMatchObject(sent);
    const [run] = ((await callJson(url, 'GET', '/sessions/shown/runs')).body ?? []) as {
      events: unknown[];
    }[];
    expect(run?.events.at(-1)).toMatchObject(sent);
    expect(JSON.stringify(run?.events)).not.toContain('billing');
  });

  it('changes neither the messages, the tools, the usage and the input of the run nor its session', async () => {
    const { runId } = await agentOs.run('impatient', 'hi', { sessionId: 'same', metadata: { a: 1 } });
    const [before] = await sessionStore.runs('same');
    const session = await sessionStore.find('same');

    expect(await agentOs.annotate(runId, { metadata: { a: 2, content: 'no', status: 'no' } })).toBe(true);

    const output = { ...before?.output, metadata: { a: 2, content: 'no', status: 'no' } };
    expect(await sessionStore.runs('same')).toEqual([{ ...before, output }]);
    expect(await sessionStore.find('same')).toEqual(session);
  });

  it('waits until the run is stored, takes the data as they are at the call, and keeps the order of calls', async () => {
    const failing = failingStore(new InMemorySessionStore());
    const agents = [new Agent({ id: 'support', engine: () => 'fine' })];
    const app = await startApp({ agentOs: { agents, sessionStore: failing.store } });
    failing.hang('append');
    const running = app.agentOs.run('support', 'hi', { sessionId: 's' });
    await failing.hanging('append');
    const runId = String(app.agentOs.listRuns()[0]?.runId);
    const tags = ['first'];

    const first = app.agentOs.annotate(runId, { metadata: { tags, turn: 1 } });
    tags.push('later');
    const second = app.agentOs.annotate(runId, { metadata: { turn: 2 } });
    await someTurns();
    failing.hang('annotate', { times: 1 });
    await failing.release('append');
    await failing.hanging('annotate');
    await failing.release('annotate');

    expect(await Promise.all([first, second])).toEqual([true, true]);
    expect((await failing.store.runs('s'))[0]?.output.metadata).toEqual({ tags: ['first'], turn: 2 });
    await running;
  });

  it('that fails does not stop the next one of the same run', async () => {
    const failing = failingStore(new InMemorySessionStore());
    const agents = [new Agent({ id: 'support', engine: () => 'fine' })];
    const app = await startApp({ agentOs: { agents, sessionStore: failing.store } });
    const { runId } = await app.agentOs.run('support', 'hi', { sessionId: 's' });
    failing.fail('annotate', new Error('The disk is full'), { times: 1 });

    const first = app.agentOs.annotate(runId, { metadata: { turn: 1 } });
    const second = app.agentOs.annotate(runId, { metadata: { turn: 2 } });

    await expect(first).rejects.toThrow('The disk is full');
    expect(await second).toBe(true);
    expect((await failing.store.runs('s'))[0]?.output.metadata).toEqual({ turn: 2 });
  });

  it('is refused at once, with the fix in the message, in an inline hook of the run itself', async () => {
    const { url } = shared();
    expect(await runJson(url, '/agents/impatient', 'hi')).toMatchObject({ status: 200 });
    expect(results).toEqual([expect.any(RunNotStoredError)]);
    expect(String(results[0])).toContain('Inline hooks change `runOutput.metadata` instead');
    expect((results[0] as RunNotStoredError).getStatus()).toBe(409);
  });

  it('is refused while guardrails above hold the run, and applied when they have passed it', async () => {
    const { url } = shared();
    expect(await runJson(url, '/teams/passing', 'hi', { session_id: 'held' })).toMatchObject({ status: 200 });
    await agentOs.drain();

    expect(results).toEqual([expect.any(RunNotStoredError), true]);
    const [member] = await sessionStore.runs('held', { componentId: 'member-of-passing' });
    expect(member?.output.metadata).toEqual({ tags: ['billing'] });
  });

  it('is not stored with a run whose answer guardrails have refused: it may quote that answer', async () => {
    const { url } = shared();
    const { status } = await runJson(url, '/teams/refusing', 'hi', { session_id: 'refused' });
    await agentOs.drain();

    expect([status, results]).toEqual([400, [expect.any(RunNotStoredError), false]]);
    expect(JSON.stringify(await sessionStore.runs('refused'))).not.toContain('billing');
  });

  it('resolves with false for a run that is unknown, of another user, or deleted with its session', async () => {
    const { runId } = await agentOs.run('impatient', 'hi', { sessionId: 'gone', userId: 'ann' });
    const metadata = { tags: ['x'] };
    for (const id of ['nobody', '', 'zero\0byte', '\ud800'])
      expect(await agentOs.annotate(id, { metadata })).toBe(false);
    expect(await agentOs.annotate(runId, { metadata }, { userId: 'bob' })).toBe(false);
    expect((await sessionStore.runs('gone'))[0]?.output.metadata).toEqual({});
    expect(await agentOs.annotate(runId, { metadata }, { userId: 'ann' })).toBe(true);
    expect((await sessionStore.runs('gone'))[0]?.output.metadata).toEqual(metadata);

    await sessionStore.delete(['gone']);

    expect(await agentOs.annotate(runId, { metadata }, { userId: 'ann' })).toBe(false);
  });

  it.each([
    { title: 'a function inside', metadata: { tag: () => 1 }, error: PlainDataError, says: 'metadata.tag' },
    { title: 'a list', metadata: ['x'], error: TypeError, says: 'to be an object, got' },
    { title: 'an instance of a class', metadata: new Map(), error: TypeError, says: 'to be an object, got' },
    { title: 'nothing', metadata: undefined, error: TypeError, says: 'to be an object, got undefined' },
  ])('must be plain data by name: $title is an error', async ({ metadata, error, says }) => {
    const given = { metadata: metadata as never };
    const thrown: unknown = await agentOs.annotate('nobody', given).catch((reason: unknown) => reason);
    expect(thrown).toBeInstanceOf(error);
    expect(String(thrown)).toContain(says);
  });

  it('needs a user id that is a text, if it is given one', async () => {
    const userId = Promise.resolve('ann') as never;
    const annotating = agentOs.annotate('nobody', { metadata: {} }, { userId });
    await expect(annotating).rejects.toThrow('userId');
  });

  it('by a hook that runs before the response, because too many are pending, does not wait for itself', async () => {
    const app = await startApp({
      agentOs: {
        agents: [support, new Agent({ id: 'busy', engine: () => 'fine', postHooks: [blocked] })],
        maxPending: 1,
        sessionStore: new InMemorySessionStore(),
      },
    });
    const shownBefore = agentOs;
    ({ agentOs } = app);
    await app.agentOs.run('busy', 'hi');

    await app.agentOs.run('support', 'hi', { sessionId: 's' });

    expect(results).toEqual([true]);
    free.open();
    agentOs = shownBefore;
  });

  const free = createGate();
  const blocked = defineHook(() => free.opened, { name: 'blocked', runInBackground: true });
});
