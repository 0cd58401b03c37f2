import { afterEach, describe, expect, it } from '@jest/globals';
import { Injectable } from '@nestjs/common';
import { Agent, defineGuardrail, InMemorySessionStore, Team, type PostHookContext } from 'nestjs-agentos';
import {
  SessionStore,
  type RunSession,
  type SessionChanges,
  type SessionOwner,
  type StoredRun,
} from 'nestjs-agentos/stores';
import { createGate, failingStore, scriptedEngine } from 'nestjs-agentos/testing';

import { post, runJson } from '../support/http-client.js';
import { callJson } from '../support/json-client.js';
import { closeApps, startApp, type TestApp } from '../support/test-app.js';
import { someTurns } from '../support/turns.js';
import { as, readText, userId } from '../support/users.js';

afterEach(closeApps);

const SECRET = 'the launch code';

describe('A deleted session', () => {
  it('stays deleted, whatever run settles in it later', async () => {
    let [reached, goOn] = [createGate(), createGate()];
    const member = new Agent({ id: 'member', engine: () => SECRET });
    const team = new Team({
      id: 'desk',
      members: [member],
      engine: async ({ delegate, input }) => {
        const answer = await delegate('member', input);
        if (input === 'wait') {
          reached.open();
          await goOn.opened;
        }
        return answer;
      },
    });
    const { url, app } = await startApp({ agentOs: { teams: [team] } });
    // In the first one the member has created the session before it is deleted.
    for (const before of [[], ['earlier']]) {
      [reached, goOn] = [createGate(), createGate()];
      for (const message of before) await runJson(url, '/teams/desk', message, { session_id: 's1' });
      const running = runJson(url, '/teams/desk', 'wait', { session_id: 's1' });
      await reached.opened;
      expect((await callJson(url, 'DELETE', '/sessions/s1')).status).toBe(204);
      goOn.open();
      expect((await running).status).toBe(200);
      expect(await app.get(SessionStore).find('s1')).toBeUndefined();
    }
  });

  it.each(['/sessions/s1', '/sessions'])('leaves no recording of its runs: DELETE %s', async (path) => {
    const agent = new Agent({ id: 'teller', engine: () => SECRET });
    const { url } = await startApp({ agentOs: { agents: [agent] } });
    const reply = await post(url, '/agents/teller', {
      message: 'hi',
      session_id: 's1',
      background: 'true',
      stream: 'true',
    });
    const text = await reply.text();
    const runId = /"run_id":"([^"]+)"/.exec(text)?.[1] ?? '';
    const resume = async (): Promise<string> =>
      (await fetch(`${url}/agents/teller/runs/${runId}/resume`, { method: 'POST' })).text();
    expect([text.includes(SECRET), (await resume()).includes(SECRET)]).toEqual([true, true]);

    const body = { session_ids: ['s1'], session_types: ['agent'] };
    await callJson(url, 'DELETE', path, path === '/sessions' ? { body } : {});

    expect(await resume()).toContain(`Run ${runId} not found in buffer or database`);
  });

  it('leaves no recording of its runs if the application deletes it', async () => {
    const agent = new Agent({ id: 'teller', engine: () => SECRET });
    const { app, url } = await startApp({ agentOs: { agents: [agent] } });
    const reply = await post(url, '/agents/teller', {
      message: 'Hi',
      background: 'true',
      stream: 'true',
      session_id: 's1',
    });
    const runId = /"run_id":"([^"]+)"/.exec(await reply.text())?.[1] ?? '';
    await app.get(SessionStore).delete(['s1']);
    const resumed = await fetch(`${url}/agents/teller/runs/${runId}/resume`, { method: 'POST' });
    expect(await resumed.text()).toContain(`Run ${runId} not found in buffer or database`);
  });

  it('leaves no recording of a run that continued', async () => {
    const engine = scriptedEngine().hang().text(SECRET);
    const agent = new Agent({ id: 'teller', engine });
    const { url } = await startApp({ agentOs: { agents: [agent] } });
    const fields = { message: 'hi', session_id: 's1', background: 'true', stream: 'true' };
    const reading = post(url, '/agents/teller', fields).then((reply) => reply.text());
    await engine.hanging();
    await callJson(url, 'DELETE', '/sessions/s1');
    engine.proceed();
    // Who reads already goes on.
    const text = await reading;
    expect(text).toContain(SECRET);
    const runId = /"run_id":"([^"]+)"/.exec(text)?.[1] ?? '';
    const resumed = await fetch(`${url}/agents/teller/runs/${runId}/resume`, { method: 'POST' });
    expect(await resumed.text()).not.toContain(SECRET);
  });

  it('takes in no earlier runs when it is begun anew', async () => {
    const [reached, goOn] = [createGate(), createGate()];
    const agent = new Agent({
      id: 'agent',
      engine: async ({ input, context }) => {
        if (input === 'wait') {
          context.sessionState['old'] = 1;
          reached.open();
          await goOn.opened;
        }
        return `re ${input}`;
      },
    });
    const { url } = await startApp({ agentOs: { agents: [agent], http: { userId } } });
    await runJson(url, '/agents/agent', 'first', { session_id: 's' }, as('ann'));
    const running = runJson(url, '/agents/agent', 'wait', { session_id: 's' }, as('ann'));
    await reached.opened;
    await callJson(url, 'DELETE', '/sessions/s', { headers: as('ann') });
    await runJson(url, '/agents/agent', 'anew', { session_id: 's' }, as('ann'));
    goOn.open();
    await running;
    const runs = await readText(url, '/sessions/s/runs', 'ann');
    expect(runs).not.toContain('re wait');
  });

  it('stays deleted for a first run that continued before another one began it, too', async () => {
    const engine = scriptedEngine().hang().text('re wait').nextRun().text('re second');
    const agent = new Agent({ id: 'agent', engine });
    const { url } = await startApp({ agentOs: { agents: [agent], http: { userId } } });
    const running = runJson(url, '/agents/agent', 'wait', { session_id: 's' }, as('ann'));
    await engine.hanging();
    await runJson(url, '/agents/agent', 'second', { session_id: 's' }, as('ann'));
    await callJson(url, 'DELETE', '/sessions/s', { headers: as('ann') });
    engine.proceed();
    await running;
    expect(await readText(url, '/sessions/s/runs', 'ann')).not.toContain('re wait');
  });

  it('stays deleted though the second of two first runs is being stored', async () => {
    const failing = failingStore(new InMemorySessionStore());
    failing.hang('append', { times: 1 });
    const sessionStore = failing.store;
    const agent = new Agent({ id: 'agent', engine: ({ input }) => `re ${input}` });
    const { url } = await startApp({ agentOs: { agents: [agent], sessionStore } });
    const slow = runJson(url, '/agents/agent', 'slow', { session_id: 's' });
    await failing.hanging('append');
    await runJson(url, '/agents/agent', 'quick', { session_id: 's' });
    const deleting = callJson(url, 'DELETE', '/sessions/s');
    // The server has read the request once it has answered a later one on another connection.
    await callJson(url, 'GET', '/health');
    await failing.release();
    expect([(await slow).status, (await deleting).status]).toEqual([200, 204]);
    expect(await sessionStore.find('s')).toBeUndefined();
  });

  it('stays deleted though a guardrail above a run in it has not passed yet', async () => {
    const [reached, goOn] = [createGate(), createGate()];
    const member = new Agent({ id: 'member', engine: () => SECRET });
    const look = defineGuardrail<PostHookContext>(
      () => {
        reached.open();
        return goOn.opened;
      },
      { name: 'look' },
    );
    const agent: Agent = new Agent({
      id: 'agent',
      engine: async () => (await agentOs.run('member', 'hi', { sessionId: 'other' })).content,
      postHooks: [look],
    });
    const { url, app, agentOs }: TestApp = await startApp({ agentOs: { agents: [agent, member] } });
    const running = runJson(url, '/agents/agent', 'hi', { session_id: 's' });
    await reached.opened;
    expect((await callJson(url, 'DELETE', '/sessions/other')).status).toBe(204);
    goOn.open();
    expect((await running).status).toBe(200);
    expect(await app.get(SessionStore).find('other')).toBeUndefined();
    expect(await app.get(SessionStore).find('s')).toBeDefined();
  });

  it('stays deleted though a run that waited for a guardrail is being stored', async () => {
    // The first one that is stored is the helper.
    const failing = failingStore(new InMemorySessionStore());
    failing.hang('append', { times: 1 });
    const sessionStore = failing.store;
    const [notes, helper] = ['notes', 'helper'].map((id) => new Agent({ id, engine: () => SECRET }));
    const team = new Team({
      id: 'desk',
      members: [helper as Agent],
      engine: async ({ delegate }) => {
        await delegate('helper', 'x');
        await agentOs.run('notes', 'remember', { sessionId: 'other' });
        return 'done';
      },
      postHooks: [defineGuardrail(() => undefined, { name: 'look' })],
    });
    const { url, agentOs }: TestApp = await startApp({
      agentOs: { teams: [team], agents: [notes as Agent], sessionStore },
    });
    const running = runJson(url, '/teams/desk', 'hi', { session_id: 's' });
    await failing.hanging('append');
    expect((await callJson(url, 'DELETE', '/sessions/other')).status).toBe(204);
    await failing.release();
    expect((await running).status).toBe(200);
    expect(await sessionStore.find('other')).toBeUndefined();
  });

  it.each([
    { outcome: 'fails', stored: 2 },
    { outcome: 'succeeds', stored: 0 },
  ])(
    'removes the history of a run only if the deletion $outcome: $stored runs',
    async ({ outcome, stored }) => {
      const [deleting, decided] = [createGate(), createGate()];
      class SlowStore extends InMemorySessionStore {
        override async delete(ids: readonly string[]): Promise<readonly string[]> {
          deleting.open();
          await decided.opened;
          if (outcome === 'fails') throw new Error('The database is down.');
          return super.delete(ids);
        }
      }
      const sessionStore = new SlowStore();
      const engine = scriptedEngine().text('re first').nextRun().hang().text('re wait');
      const agent = new Agent({ id: 'agent', engine });
      const { url } = await startApp({ agentOs: { agents: [agent], sessionStore } });
      await runJson(url, '/agents/agent', 'first', { session_id: 's' });
      const running = runJson(url, '/agents/agent', 'wait', { session_id: 's' });
      await engine.hanging();
      // The second one waits for what the first one makes of it.
      const deletions = [callJson(url, 'DELETE', '/sessions/s'), callJson(url, 'DELETE', '/sessions/s')];
      await deleting.opened;
      engine.proceed();
      await someTurns();
      decided.open();

      expect((await running).status).toBe(200);
      const expected = outcome === 'fails' ? 500 : 204;
      expect((await Promise.all(deletions)).map(({ status }) => status)).toEqual([expected, expected]);
      expect(await sessionStore.runs('s')).toHaveLength(stored);
    },
  );

  it('is confirmed to a second client only after the current store call has ended', async () => {
    const [reached, goOn] = [createGate(), createGate()];
    const steps: string[] = [];
    class SlowStore extends InMemorySessionStore {
      override async append(session: RunSession, run: StoredRun, changes: SessionChanges): Promise<boolean> {
        reached.open();
        await goOn.opened;
        steps.push('stored');
        return super.append(session, run, changes);
      }
    }
    const sessionStore = new SlowStore();
    const agent = new Agent({ id: 'agent', engine: () => SECRET });
    const { url } = await startApp({ agentOs: { agents: [agent], sessionStore } });
    const running = runJson(url, '/agents/agent', 'hi', { session_id: 's' });
    await reached.opened;
    const deletions = [1, 2].map(async () => {
      await callJson(url, 'DELETE', '/sessions/s');
      steps.push('deleted');
    });
    // The server has read both once it has answered later ones on other connections.
    for (let question = 0; question < 3; question++) await callJson(url, 'GET', '/health');
    goOn.open();
    await Promise.all([running, ...deletions]);
    expect(steps).toEqual(['stored', 'deleted', 'deleted']);
    expect(await sessionStore.find('s')).toBeUndefined();
  });

  it('must belong to the user: otherwise the run of a user who continues it is kept', async () => {
    const engine = scriptedEngine().text('re first').nextRun().hang().text('re wait');
    const agent = new Agent({ id: 'agent', engine });
    const { url, app } = await startApp({ agentOs: { agents: [agent] } });
    await runJson(url, '/agents/agent', 'first', { session_id: 's' });
    const running = runJson(url, '/agents/agent', 'wait', { session_id: 's', user_id: 'ann' });
    await engine.hanging();
    await callJson(url, 'DELETE', '/sessions/s?user_id=ann');
    engine.proceed();
    await running;
    expect(await app.get(SessionStore).runs('s')).toHaveLength(2);
  });

  it('leaves no recording of other users in it', async () => {
    const agent = new Agent({ id: 'agent', engine: ({ input }) => `re ${input}` });
    const { url } = await startApp({ agentOs: { agents: [agent] } });
    await runJson(url, '/agents/agent', 'first', { session_id: 's', user_id: 'ann' });
    const reply = await (
      await post(url, '/agents/agent', {
        message: 'bobs word',
        session_id: 's',
        user_id: 'bob',
        background: 'true',
        stream: 'true',
      })
    ).text();
    const runId = /"run_id":"([^"]+)"/.exec(reply)?.[1] ?? '';
    await callJson(url, 'DELETE', '/sessions/s?user_id=ann');
    expect((await callJson(url, 'GET', '/sessions/s')).status).toBe(404);
    const resumed = await (
      await fetch(`${url}/agents/agent/runs/${runId}/resume`, { method: 'POST' })
    ).text();
    expect(resumed).not.toContain('re bobs word');
  });

  it('keeps the run in flight in it if the store cannot delete it', async () => {
    const engine = scriptedEngine().hang().text(SECRET);
    const agent = new Agent({ id: 'teller', engine });
    const failing = failingStore(new InMemorySessionStore(), { delete: new Error('the disk is gone') });
    const sessionStore = failing.store;
    const { url } = await startApp({ agentOs: { agents: [agent], sessionStore } });
    const running = runJson(url, '/agents/teller', 'hi', { session_id: 's1' });
    await engine.hanging();
    expect((await callJson(url, 'DELETE', '/sessions/s1')).status).toBe(500);
    engine.proceed();
    await running;
    expect(await sessionStore.runs('s1')).toHaveLength(1);
  });
});

describe('A session that application code deletes', () => {
  /** A controller, job or hook of the application. */
  @Injectable()
  class Cleaner {
    constructor(private readonly sessions: SessionStore) {}

    clean(owner?: SessionOwner): Promise<readonly string[]> {
      return this.sessions.delete(['s'], owner);
    }
  }

  /** An application with a run in the session of ann that has begun, and hangs. */
  async function startRun(sessionStore: SessionStore = new InMemorySessionStore()) {
    const engine = scriptedEngine().hang().text('fine');
    const agent = new Agent({ id: 'agent', engine });
    const { url, app } = await startApp({
      agentOs: { agents: [agent], sessionStore, http: { userId } },
      providers: [Cleaner],
    });
    const running = runJson(url, '/agents/agent', 'hi', { session_id: 's' }, as('ann'));
    await engine.hanging();
    return { cleaner: app.get(Cleaner), sessionStore, running, goOn: () => engine.proceed() };
  }

  it('is gone when the store confirms it, although a run of it is being stored', async () => {
    const failing = failingStore(new InMemorySessionStore(), { append: 'hang' });
    const { cleaner, sessionStore, running, goOn } = await startRun(failing.store);
    goOn();
    await failing.hanging('append');

    const cleaning = cleaner.clean();
    await someTurns();
    await failing.release();

    expect(await cleaning).toEqual(['s']);
    expect((await running).status).toBe(200);
    expect(await sessionStore.find('s')).toBeUndefined();
  });

  it.each<[string, SessionOwner | undefined, number]>([
    ['is not brought back by a run that settles later, if no owner is required', undefined, 0],
    ['is not brought back by a run that settles later, if it belongs to its user', 'ann', 0],
    ['keeps the run if the deletion named another user', 'bob', 1],
    ['keeps the run if one of nobody was meant', null, 1],
  ])('%s', async (_, owner, stored) => {
    const { cleaner, sessionStore, running, goOn } = await startRun();

    await cleaner.clean(owner);
    goOn();

    expect((await running).status).toBe(200);
    expect(await sessionStore.runs('s')).toHaveLength(stored);
  });
});
