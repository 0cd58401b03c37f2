import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { drizzle } from 'drizzle-orm/pglite';
import { Agent, defineHook, InMemorySessionStore, type PreHookContext, type Session } from 'nestjs-agentos';
import { SessionStore } from 'nestjs-agentos/stores';
import { migrate, SqlEvalStore, SqlSessionStore } from 'nestjs-agentos/sql';
import { createGate, type Gate } from 'nestjs-agentos/testing';

import { inBackground } from '../support/background-hook.js';
import { evaluationOf } from '../support/stored-data.js';
import { post, runJson, type JsonAnswer } from '../support/http-client.js';
import { callJson } from '../support/json-client.js';
import { ADAPTERS, closeApps, startApp, type Adapter, type TestApp } from '../support/test-app.js';
import { createPglite } from '../support/pglite.js';
import { userId } from '../support/users.js';

afterEach(closeApps);

interface Served extends TestApp {
  /** Opened when Ann's run stands in its pre-hook. */
  readonly reached: Gate;
  /** Lets it go on. */
  readonly goOn: Gate;
  readonly store: SessionStore;
  ask(user: string, message: string): Promise<JsonAnswer>;
  /** What the user sees of the session's runs. */
  runsOf(user: string): Promise<unknown>;
}

const contentsOf = (runs: unknown): unknown[] =>
  (runs as { content: unknown }[]).map(({ content }) => content);

describe('Two users in one session at the same time', () => {
  /** An agent that answers with all it was told; a run of the message "wait" waits in a pre-hook. */
  async function start(): Promise<Served> {
    const [reached, goOn] = [createGate(), createGate()];
    const wait = defineHook<PreHookContext>(
      async ({ runInput }) => {
        if (runInput.content !== 'wait') return;
        reached.open();
        await goOn.opened;
      },
      { name: 'wait', runInBackground: false },
    );
    const agent = new Agent({
      id: 'teller',
      engine: ({ messages }) => messages.map(({ content }) => content).join('|'),
      preHooks: [wait],
      postHooks: [inBackground('note', () => undefined)],
    });
    const served = await startApp({ agentOs: { agents: [agent], http: { userId } } });
    const { url } = served;
    return {
      ...served,
      reached,
      goOn,
      store: served.app.get(SessionStore),
      ask: (user, message) =>
        runJson(url, '/agents/teller', message, { session_id: 'shared' }, { 'x-user': user }),
      runsOf: async (user) =>
        (await callJson(url, 'GET', '/sessions/shared/runs', { headers: { 'x-user': user } })).body,
    };
  }

  it('keep their texts apart if both begin it: the later one reads nothing of the other, and loses no data to the other', async () => {
    const { ask, reached, goOn, runsOf, log } = await start();
    const anns = ask('ann', 'wait');
    await reached.opened;
    expect((await ask('bob', 'secret of bob')).status).toBe(200);
    goOn.open();

    expect(await anns).toMatchObject({ status: 200, body: { content: 'wait' } });
    expect(contentsOf(await runsOf('bob'))).toEqual(['secret of bob']);
    expect(await runsOf('ann')).toEqual({ detail: 'Session with ID shared not found' });
    expect(log.messages('warn')).toContainEqual(
      expect.stringMatching(/^Run .+ was not stored: its session "shared" is gone, or another's\.$/),
    );
    expect((await ask('ann', 'again')).status).toBe(404);
  });

  it('keep their texts apart if one creates it while the other runs', async () => {
    const { ask, reached, goOn, runsOf, store, url } = await start();
    const anns = ask('ann', 'wait');
    await reached.opened;
    const headers = { 'x-user': 'bob' };
    await callJson(url, 'POST', '/sessions', {
      headers,
      body: { session_id: 'shared', session_name: 'Bob' },
    });
    goOn.open();

    expect((await anns).status).toBe(200);
    expect(await runsOf('bob')).toEqual([]);
    expect(await store.find('shared')).toMatchObject({ userId: 'bob', name: 'Bob', state: {} });
  });

  it('keep their texts apart if one deletes it while running in it, and the other begins it anew', async () => {
    const { ask, reached, goOn, runsOf, url } = await start();
    await ask('ann', 'first');
    const anns = ask('ann', 'wait');
    await reached.opened;
    await callJson(url, 'DELETE', '/sessions/shared', { headers: { 'x-user': 'ann' } });
    await ask('bob', 'secret of bob');
    goOn.open();

    expect(await anns).toMatchObject({ status: 200, body: { content: 'wait' } });
    expect(contentsOf(await runsOf('bob'))).toEqual(['secret of bob']);
  });

  it.each(['false', 'true'])(
    'keep their texts apart if one creates it at the moment when the other begins; stream=%s',
    async (stream) => {
      class BusyStore extends InMemorySessionStore {
        override async open(id: string): Promise<Session | undefined> {
          const found = await super.open(id);
          await this.create({ id, userId: 'bob', state: { note: 'secret of bob' } });
          return found;
        }
      }
      const agent = new Agent({
        id: 'teller',
        engine: ({ context }) => JSON.stringify(context.sessionState),
      });
      const sessionStore = new BusyStore();
      const { url } = await startApp({
        agentOs: { agents: [agent], sessionStore, http: { userId } },
      });
      const fields = { message: 'hi', session_id: 'shared', stream };
      const reply = await post(url, '/agents/teller', fields, undefined, { 'x-user': 'ann' });
      const text = await reply.text();
      expect(text).toContain("Session with id 'shared' not found");
      expect(text).not.toContain('secret');
      expect(reply.status).toBe(stream === 'true' ? 200 : 404);
      expect(await sessionStore.runs('shared')).toEqual([]);
    },
  );

  it('see the executions of their own hooks, and no others', async () => {
    const { ask, agentOs, url } = await start();
    const { body } = await ask('ann', 'hi');
    await agentOs.drain();
    const runId = String(body['run_id']);
    const seen = async (headers: Record<string, string>): Promise<unknown> => {
      const reply = await callJson(url, 'GET', `/hooks/executions?run_id=${runId}`, { headers });
      return (reply.body as { data: { run_id: string }[] }).data.map(({ run_id }) => run_id);
    };
    expect(await seen({ 'x-user': 'ann' })).toEqual([runId, runId]);
    expect(await seen({ 'x-user': 'bob' })).toEqual([]);
    expect(await seen({})).toEqual([]);
  });

  it('see the numbers of their own hooks, and no others', async () => {
    const { ask, agentOs, url } = await start();
    await ask('ann', 'hi');
    await agentOs.drain();
    const countsOf = async (user: string): Promise<unknown> => {
      const { body } = await callJson(url, 'GET', '/hooks/executions', { headers: { 'x-user': user } });
      return (body as { meta: unknown }).meta;
    };
    const counts = { succeeded: 0, failed: 0, timed_out: 0, skipped: 0, dropped: 0 };
    expect(await countsOf('ann')).toMatchObject({ open: 0, counts: { ...counts, succeeded: 2 } });
    expect(await countsOf('bob')).toMatchObject({ open: 0, counts });
  });
});

const MESSAGE =
  /^An AgentOS route failed: http\.userId answered with .+\. It must return the id of the user as a text that is not empty, undefined for a request without a user, or a promise of one of these\.$/;

const client = await createPglite();

describe('Users of a host with an SQL store', () => {
  const database = drizzle({ client });
  const sessionStore = new SqlSessionStore(database);
  const evalStore = new SqlEvalStore(database);
  const agent = new Agent({ id: 'teller', engine: ({ input }) => input });
  const serve = (userId: (request: never) => unknown, adapter: Adapter = 'express'): Promise<TestApp> =>
    startApp({
      adapter,
      agentOs: { agents: [agent], sessionStore, evalStore, http: { userId: userId as never } },
    });

  beforeAll(() => migrate(database), 60_000);
  afterAll(() => client.close());

  it.each(ADAPTERS)('are kept apart if http.userId returns a promise, on %s', async (adapter) => {
    const { url } = await serve(async (request) => Promise.resolve(userId(request)), adapter);
    const body = { session_id: adapter, session_name: "Ann's" };
    const ann = { headers: { 'x-user': 'ann' } };
    const bob = { headers: { 'x-user': 'bob' } };

    expect(await callJson(url, 'POST', '/sessions', { body, ...ann })).toMatchObject({
      body: { user_id: 'ann' },
    });
    for (const stream of ['false', 'true']) {
      const fields = { session_id: adapter, message: 'hi', stream };
      expect((await post(url, '/agents/teller', fields, undefined, ann.headers)).status).toBe(200);
      const refused = await post(url, '/agents/teller', fields, undefined, bob.headers);
      expect(refused.status).toBe(404);
    }
    for (const [method, path, change] of [
      ['GET', `/sessions/${adapter}`, undefined],
      ['GET', `/sessions/${adapter}/runs`, undefined],
      ['PATCH', `/sessions/${adapter}`, { session_name: 'x' }],
      ['POST', `/sessions/${adapter}/rename`, { session_name: 'x' }],
    ] as const) {
      expect((await callJson(url, method, path, { body: change, ...bob })).status).toBe(404);
    }
    await callJson(url, 'DELETE', `/sessions/${adapter}`, bob);
    expect(await callJson(url, 'GET', '/sessions', bob)).toMatchObject({ body: { data: [] } });
    expect(await callJson(url, 'GET', `/sessions/${adapter}`, ann)).toMatchObject({
      body: { user_id: 'ann', session_name: "Ann's" },
    });
    await evalStore.save(evaluationOf({ id: `e-${adapter}`, userId: 'ann' }));
    const evaluation = `/eval-runs/e-${adapter}`;
    expect((await callJson(url, 'PATCH', evaluation, { body: { name: 'x' }, ...bob })).status).toBe(404);
    expect((await callJson(url, 'PATCH', evaluation, { body: { name: 'x' }, ...ann })).status).toBe(200);
  });

  it('are determined once in each request', async () => {
    let asked = 0;
    const { url } = await serve(() => Promise.resolve(`user ${++asked}`));
    const reply = await runJson(url, '/agents/teller', 'hi', { session_id: 'once' });
    expect([reply.status, asked]).toEqual([200, 1]);
    expect(await sessionStore.find('once')).toMatchObject({ userId: 'user 1' });
  });

  it.each<[string, unknown]>([
    ['an object', { id: 'ann' }],
    ['a promise of an object', Promise.resolve({ id: 'ann' })],
    ['an array', ['ann']],
    ['a number', 7],
    ['a boolean', true],
    ['null', null],
    ['a promise of null', Promise.resolve(null)],
    ['an empty text', ''],
    ['a text object', Object('ann')],
    ['a function', () => 'ann'],
    ['an unpaired surrogate', 'ann\ud800'],
    ['a zero byte', 'ann\0'],
  ])('get 500 everywhere if http.userId returns %s, and nothing is written', async (_, answer) => {
    const { url, log } = await serve(() => answer);
    const session = { session_id: 'nobody' };
    const fields = { message: 'hi', ...session };
    const statuses = [
      (await callJson(url, 'GET', '/sessions')).status,
      (await callJson(url, 'POST', '/sessions', { body: session })).status,
      (await callJson(url, 'GET', '/eval-runs')).status,
      (await callJson(url, 'GET', '/hooks/executions')).status,
      (await callJson(url, 'DELETE', '/sessions/nobody')).status,
      (await callJson(url, 'GET', '/agents/teller/runs?session_id=nobody')).status,
      (await callJson(url, 'POST', '/agents/teller/runs/x/cancel')).status,
      (await callJson(url, 'POST', '/agents/teller/runs/x/resume', { body: session })).status,
      (await post(url, '/agents/teller', { ...fields, stream: 'false' })).status,
      (await post(url, '/agents/teller', { ...fields, stream: 'true' })).status,
      (await post(url, '/agents/teller', { ...fields, stream: 'true', background: 'true' })).status,
    ];
    expect(statuses).toEqual(statuses.map(() => 500));
    expect(log.messages('error')).toEqual(statuses.map(() => expect.stringMatching(MESSAGE)));
    expect(log.messages('error').join()).not.toContain('ann');
    expect(await sessionStore.find('nobody')).toBeUndefined();
  });

  it.each(['userId', 'sessionId'])('start no run if %s is not a text', async (name) => {
    const { agentOs } = await serve(() => 'ann');
    for (const value of [Promise.resolve('ann'), { id: 'ann' }, 7, null, '']) {
      const options = { [name]: value } as never;
      const message = `Expected ${name} of a run to be a text that is not empty`;
      await expect(agentOs.run('teller', 'hi', options)).rejects.toThrow(message);
      await expect(agentOs.stream('teller', 'hi', options).next()).rejects.toThrow(message);
      await expect(agentOs.get('teller').run('hi', options)).rejects.toThrow(message);
      await expect(agent.run('hi', options)).rejects.toThrow(message);
    }
  });

  it('cannot be confused in a database through ids of clients', async () => {
    const { url } = await startApp({ agentOs: { agents: [agent], sessionStore } });
    const body = { session_id: 'odd', user_id: 'ann\ud800' };
    expect(await callJson(url, 'POST', '/sessions', { body })).toMatchObject({
      status: 422,
      body: { detail: [{ loc: ['body', 'user_id'], type: 'string_unicode' }] },
    });
  });
});
