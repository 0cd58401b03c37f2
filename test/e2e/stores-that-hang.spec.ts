import { afterEach, describe, expect, it } from '@jest/globals';
import {
  Agent,
  agentAsJudge,
  defineGuardrail,
  InMemoryEvalStore,
  InMemorySessionStore,
  StoreTimeoutError,
  Team,
} from 'nestjs-agentos';
import type { EngineLike } from 'nestjs-agentos/engine';
import { EvalStore, SessionStore, type NewSession } from 'nestjs-agentos/stores';
import { failingStore, scriptedEngine, type FailingStore } from 'nestjs-agentos/testing';

import { inBackground } from '../support/background-hook.js';
import { parseFrames, post, runJson, runSse } from '../support/http-client.js';
import { callJson } from '../support/json-client.js';
import { closeApps, startApp, startUpError, type TestApp } from '../support/test-app.js';
import { openExecutions } from '../support/hook-executions.js';

afterEach(closeApps);

const unchanged = { set: {}, removed: [] };

interface StageOptions {
  readonly storeTimeout?: number;
  readonly engine?: EngineLike;
}

interface Stage extends TestApp {
  readonly sessionStore: FailingStore<InMemorySessionStore>;
  readonly evalStore: FailingStore<InMemoryEvalStore>;
  readonly sessions: SessionStore;
  readonly evals: EvalStore;
  readonly ran: string[];
}

async function startStage({
  storeTimeout = 30,
  engine = () => 'the answer',
}: StageOptions = {}): Promise<Stage> {
  const sessionStore = failingStore(new InMemorySessionStore());
  const evalStore = failingStore(new InMemoryEvalStore());
  const ran: string[] = [];
  const hook = inBackground('after', ({ runOutput }) => void ran.push(runOutput.status), {
    on: ['completed', 'failed', 'cancelled'],
  });
  const agent = new Agent({ id: 'support', engine, postHooks: [hook] });
  const team = new Team({
    id: 'desk',
    members: [agent],
    engine: ({ delegate, input }) => delegate('support', input),
  });
  const started = await startApp({
    agentOs: {
      agents: [agent],
      teams: [team],
      sessionStore: sessionStore.store,
      evalStore: evalStore.store,
      storeTimeout,
      shutdownTimeout: 30,
    },
  });
  const { app } = started;
  return {
    ...started,
    sessionStore,
    evalStore,
    ran,
    sessions: app.get(SessionStore),
    evals: app.get(EvalStore),
  };
}

const SESSION_CALLS: Readonly<Record<string, (store: SessionStore) => Promise<unknown>>> = {
  open: (store) => store.open('s1'),
  append: (store) => store.append({ id: 's1' }, {} as never, { state: unchanged, metadata: unchanged }),
  runs: (store) => store.runs('s1'),
  find: (store) => store.find('s1'),
  list: (store) => store.list(),
  create: (store) => store.create({ id: 's1' }),
  update: (store) => store.update('s1', { state: unchanged, metadata: unchanged }),
  delete: (store) => store.delete(['s1']),
};

const EVAL_CALLS: Readonly<Record<string, (store: EvalStore) => Promise<unknown>>> = {
  save: (store) => store.save({} as never),
  list: (store) => store.list(),
  count: (store) => store.count(),
  find: (store) => store.find('e1'),
  rename: (store) => store.rename('e1', 'other'),
  delete: (store) => store.delete(['e1']),
};

/** The routes that ask a store, with the method that hangs. */
const ROUTES = [
  ['open', 'POST', '/agents/support/runs', { message: 'hi', session_id: 's1', stream: false }],
  ['find', 'GET', '/agents/support/runs?session_id=s1', undefined],
  ['runs', 'GET', '/agents/support/runs?session_id=s1', undefined],
  ['runs', 'GET', '/agents/support/runs/r1?session_id=s1', undefined],
  ['list', 'GET', '/sessions', undefined],
  ['create', 'POST', '/sessions', {}],
  ['find', 'GET', '/sessions/s1', undefined],
  ['runs', 'GET', '/sessions/s1', undefined],
  ['runs', 'GET', '/sessions/s1/runs', undefined],
  ['runs', 'GET', '/sessions/s1/runs/r1', undefined],
  ['update', 'PATCH', '/sessions/s1', { session_name: 'new' }],
  ['update', 'POST', '/sessions/s1/rename', { session_name: 'new' }],
  ['delete', 'DELETE', '/sessions/s1', undefined],
  ['delete', 'DELETE', '/sessions', { session_ids: ['s1'], session_types: ['agent'] }],
  ['list', 'GET', '/eval-runs', undefined],
  ['count', 'GET', '/eval-runs', undefined],
  ['find', 'GET', '/eval-runs/e1', undefined],
  ['delete', 'DELETE', '/eval-runs', { eval_run_ids: ['e1'] }],
] as const;

describe('A store that hangs', () => {
  it.each(Object.keys(SESSION_CALLS))('SessionStore.%s() rejects after storeTimeout', async (method) => {
    const { sessions, sessionStore } = await startStage();
    sessionStore.hang(method as never);

    const failure = await SESSION_CALLS[method]?.(sessions).catch((error: unknown) => error);

    expect(failure).toBeInstanceOf(StoreTimeoutError);
    expect(failure).toMatchObject({ code: 'store_timeout', call: `SessionStore.${method}` });
  });

  it.each(Object.keys(EVAL_CALLS))('EvalStore.%s() rejects after storeTimeout', async (method) => {
    const { evals, evalStore } = await startStage();
    evalStore.hang(method as never);

    const failure = await EVAL_CALLS[method]?.(evals).catch((error: unknown) => error);

    expect(failure).toMatchObject({ code: 'store_timeout', call: `EvalStore.${method}` });
  });

  it('answers every route with 500 once, as one that throws does', async () => {
    const { url, sessions, sessionStore, evalStore } = await startStage();
    await sessions.create({ id: 's1' });
    const answers: unknown[] = [];
    for (const [method, verb, path, body] of ROUTES) {
      if (path.startsWith('/eval')) evalStore.hang(method as never);
      else sessionStore.hang(method as never);
      const { status } = await callJson(url, verb, path, body ? { body } : {});
      answers.push([method, verb, path, status]);
      sessionStore.heal();
      evalStore.heal();
    }

    expect(answers).toEqual(ROUTES.map(([method, verb, path]) => [method, verb, path, 500]));
  });

  it.each(['json', 'sse'])('loses the history when it appends, not the answer over %s', async (transport) => {
    const { url, agentOs, sessionStore, sessions, ran, log } = await startStage();
    sessionStore.hang('append');

    const fields = { session_id: 's1' };
    const answer =
      transport === 'json'
        ? JSON.stringify(await runJson(url, '/agents/support', 'hi', fields))
        : JSON.stringify(await runSse(url, '/agents/support', 'hi', fields));
    await agentOs.drain();

    expect(answer).toContain('the answer');
    expect(ran).toEqual(['COMPLETED']);
    expect(await openExecutions(agentOs)).toBe(0);
    expect(await sessions.find('s1')).toBeUndefined();
    expect(log.messages('error').filter((line) => line.includes('could not be stored'))).toHaveLength(1);

    await sessionStore.release();
    expect(log.messages('warn').filter((line) => line.includes('too late'))).toHaveLength(1);
    expect(log.messages('error').filter((line) => line.includes('could not be stored'))).toHaveLength(1);
  });

  it('fails a run whose history or session it does not return, and its hooks end in the ledger', async () => {
    const { url, agentOs, sessionStore, ran } = await startStage();
    for (const method of ['open', 'runs'] as const) {
      sessionStore.hang(method);
      const { status, body } = await runJson(url, '/agents/support', 'hi', { session_id: 's1' });
      expect([status, body['error_type']]).toEqual([500, 'run_failed']);
      sessionStore.heal();
    }
    await agentOs.drain();

    expect(ran).toEqual(['ERROR', 'ERROR']);
    expect(await openExecutions(agentOs)).toBe(0);
  });

  it('lets a run in the background of the server end', async () => {
    const { url, agentOs, sessionStore } = await startStage();
    sessionStore.hang('append');

    const reply = await post(url, '/agents/support', { message: 'hi', background: 'true', stream: 'true' });

    expect(await reply.text()).toContain('RunCompleted');
    expect(await agentOs.executions.counts()).toMatchObject({ dropped: 0 });
  });

  it.each(['/agents/support', '/teams/desk'])(
    'delays a run of %s no longer when it is cancelled while it is stored',
    async (path) => {
      const { url, agentOs, sessionStore } = await startStage({ storeTimeout: 60_000 });
      sessionStore.hang('append');
      const reply = await post(url, path, { message: 'hi', session_id: 's1', stream: 'true' });
      const runId = await readRunId(reply);
      await sessionStore.hanging('append');

      expect(agentOs.cancel(runId)).toBe(true);
      if (path === '/teams/desk') {
        // The team was not stored yet, and is now.
        await sessionStore.hanging('append', 2);
        expect(agentOs.cancel(runId)).toBe(true);
      }
      const names = parseFrames(await reply.text()).map(({ event }) => event);

      expect(names.at(-1)).toMatch(/Completed$/);
      await sessionStore.release();
    },
  );

  it('delays neither shutdown nor the answers that shutdown waits for', async () => {
    const { url, app, agentOs, sessions, sessionStore, evalStore } = await startStage({
      storeTimeout: 60_000,
    });
    await sessions.create({ id: 's1' });
    for (const method of ['append', 'list', 'delete'] as const) sessionStore.hang(method);
    evalStore.hang('list');
    const running = runJson(url, '/agents/support', 'hi', { session_id: 's1' });
    await sessionStore.hanging('append');
    const others = Promise.all([
      callJson(url, 'GET', '/sessions', { headers: { connection: 'close' } }),
      callJson(url, 'DELETE', '/sessions/s1', { headers: { connection: 'close' } }),
      callJson(url, 'GET', '/eval-runs', { headers: { connection: 'close' } }),
    ]);

    await Promise.all([sessionStore.hanging('list'), evalStore.hanging('list')]);

    await app.close();

    expect(await running).toMatchObject({ status: 200, body: { content: 'the answer' } });
    expect((await others).map(({ status }) => status)).toEqual([500, 500, 500]);
    expect(await openExecutions(agentOs)).toBe(0);
  });

  it('brings no deleted session back when it appends late', async () => {
    const { url, sessionStore, sessions } = await startStage();
    for (const before of [[], ['earlier']]) {
      for (const message of before) await runJson(url, '/agents/support', message, { session_id: 's1' });
      sessionStore.hang('append');
      expect((await runJson(url, '/agents/support', 'hi', { session_id: 's1' })).status).toBe(200);
      sessionStore.heal();
      expect((await callJson(url, 'DELETE', '/sessions/s1')).status).toBe(204);

      await sessionStore.release();

      expect(await sessions.find('s1')).toBeUndefined();
      expect(await sessions.runs('s1')).toEqual([]);
    }
  });

  it('brings no deleted session back when it creates late, but keeps one that was created anew since', async () => {
    const { sessionStore, sessions } = await startStage();
    const make = (session: NewSession): Promise<unknown> => sessions.create(session).catch(() => 'late');
    for (const isMadeAnew of [false, true]) {
      sessionStore.hang('create');
      expect(await make({ id: 's1', userId: 'ada' })).toBe('late');
      sessionStore.heal();
      await sessions.delete(['s1'], 'ada');
      if (isMadeAnew) await make({ id: 's1', userId: 'ada', name: 'anew' });

      await sessionStore.release();

      expect((await sessions.find('s1'))?.name).toBe(isMadeAnew ? 'anew' : undefined);
    }
  });

  it('does not lose a session that another user wanted to delete', async () => {
    const { sessionStore, sessions } = await startStage();
    sessionStore.hang('create');
    await sessions.create({ id: 's1', userId: 'ada' }).catch(() => 'late');
    sessionStore.heal();
    await sessions.delete(['s1'], 'bob');

    await sessionStore.release();

    expect(await sessions.find('s1')).toMatchObject({ userId: 'ada' });
  });

  it('keeps a session deleted that it has deleted late, although a run of it ends afterwards', async () => {
    const engine = scriptedEngine().hang().text('the answer');
    const { url, sessionStore, sessions } = await startStage({ engine });
    const running = runJson(url, '/agents/support', 'hi', { session_id: 's1' });
    await engine.hanging();
    sessionStore.hang('delete');
    expect((await callJson(url, 'DELETE', '/sessions/s1')).status).toBe(500);
    await sessionStore.release();

    engine.proceed();

    expect((await running).status).toBe(200);
    expect(await sessions.find('s1')).toBeUndefined();
  });

  it('stops delaying a judge that has a store of its own', async () => {
    const { store } = failingStore(new InMemoryEvalStore(), { save: 'hang' });
    const engine = (): string => '{"score": 9, "reason": "good"}';
    const judge = agentAsJudge({ engine, criteria: 'good', store });
    const pass = defineGuardrail(() => undefined, { name: 'pass' });
    const agent = new Agent({ id: 'judged', engine: () => 'the answer', postHooks: [judge, pass] });
    const { url, log } = await startApp({ agentOs: { agents: [agent], storeTimeout: 30 } });

    expect(await runJson(url, '/agents/judged', 'hi')).toMatchObject({ status: 200 });
    expect(log.messages('error')).toEqual([
      expect.stringContaining('EvalStore.save() did not answer within'),
    ]);
  });

  it('refuses a storeTimeout that is not a time', async () => {
    expect(await startUpError({ agentOs: { storeTimeout: 0 } })).toContain('storeTimeout');
    expect(await startUpError({ agentOs: { storeTimeout: '10' as never } })).toContain('storeTimeout');
  });
});

/** Reads the beginning of an event stream; the rest can still be read. */
async function readRunId(reply: Response): Promise<string> {
  const copy = reply.clone();
  const reader = copy.body?.getReader();
  let text = '';
  while (reader) {
    const { value, done } = await reader.read();
    text += Buffer.from(value ?? []).toString();
    const runId = /"run_id":"([^"]+)"/.exec(text)?.[1];
    if (runId !== undefined || done) {
      void reader.cancel();
      return runId ?? '';
    }
  }
  return '';
}
