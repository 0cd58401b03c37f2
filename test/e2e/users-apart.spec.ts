import { afterEach, describe, expect, it } from '@jest/globals';
import {
  Agent,
  defineHook,
  InMemorySessionStore,
  SessionStore,
  type PreHookContext,
  type Session,
} from 'nestjs-agentos';

import { inBackground } from '../support/background-hook.js';
import { createGate, type Gate } from '../support/gate.js';
import { post, runJson, type JsonAnswer } from '../support/http-client.js';
import { callJson } from '../support/json-client.js';
import { ADAPTERS, closeApps, startApp, type TestApp } from '../support/test-app.js';
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

describe.each(ADAPTERS)('Two users in one session at the same time, on %s,', (adapter) => {
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
    const served = await startApp({ adapter, agentOs: { agents: [agent], http: { userId } } });
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

  it('who both begin it: the later one gets nothing of the other, and nothing of hers lands there', async () => {
    const { ask, reached, goOn, runsOf, log } = await start();
    const anns = ask('ann', 'wait');
    await reached.opened;
    expect((await ask('bob', 'secret of bob')).status).toBe(200);
    goOn.open();

    expect(await anns).toMatchObject({ status: 200, body: { content: 'wait' } });
    expect(contentsOf(await runsOf('bob'))).toEqual(['secret of bob']);
    expect(await runsOf('ann')).toEqual({ detail: 'Session with ID shared not found' });
    expect(log.messages('warn')).toContainEqual(
      expect.stringMatching(/^Run .+ was not stored: its session shared is gone, or another's\.$/),
    );
    expect((await ask('ann', 'again')).status).toBe(404);
  });

  it('one of whom creates it while the other runs', async () => {
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

  it('one of whom deletes it while running in it, and the other begins it anew', async () => {
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
    'one of whom creates it just when the other begins; stream=%s',
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
        adapter,
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
});
