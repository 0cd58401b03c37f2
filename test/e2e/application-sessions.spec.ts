import { afterEach, describe, expect, it } from '@jest/globals';
import {
  Agent,
  defineGuardrail,
  defineHook,
  OutputCheckError,
  Team,
  type PostHookContext,
  type PreHookContext,
  type RunOptions,
} from 'nestjs-agentos';
import { APPLICATION, EvalStore, SessionStore } from 'nestjs-agentos/stores';
import { createGate, type Gate } from 'nestjs-agentos/testing';

import { post, runJson } from '../support/http-client.js';
import { politeJudge } from '../support/judge.js';
import { callJson } from '../support/json-client.js';
import { ADAPTERS, closeApps, startApp, type TestApp } from '../support/test-app.js';
import { as, readText, userId } from '../support/users.js';

afterEach(closeApps);

interface AuditOptions {
  readonly runInBackground?: boolean;
  readonly options?: RunOptions;
}

interface Audit {
  /** Resolves with the id of the auditor's run. */
  readonly asked: Promise<string>;
  /** The auditor waits for it. */
  readonly goOn: Gate;
  readonly start: () => Promise<TestApp>;
}

describe.each(ADAPTERS)('A session of the application on %s', (adapter) => {
  /** A hook has each input audited, unless told otherwise in a session of the application. */
  function audited({ runInBackground = true, options = { sessionId: 'audits' } }: AuditOptions = {}): Audit {
    const goOn = createGate();
    let ask!: (runId: string) => void;
    const asked = new Promise<string>((resolve) => (ask = resolve));
    const auditor = new Agent({
      id: 'auditor',
      engine: async ({ input, context }) => {
        ask(context.runId);
        await goOn.opened;
        return `fraud suspected: ${input}`;
      },
    });
    const audit = defineHook<PostHookContext>(
      async ({ runInput }) => {
        await auditor.run(runInput.content, options);
      },
      { name: 'audit', runInBackground },
    );
    const agent = new Agent({ id: 'agent', engine: () => 'ok', postHooks: [audit] });
    const start = (): Promise<TestApp> =>
      startApp({ adapter, agentOs: { agents: [agent, auditor], http: { userId } } });
    return { asked, goOn, start };
  }

  async function auditsOf({ app }: TestApp): Promise<string[]> {
    const stored = await app.get(SessionStore).runs('audits', { owner: APPLICATION });
    return stored.map(({ output }) => output.content);
  }

  it('keeps its runs although a client deletes the session', async () => {
    const { asked, goOn, start } = audited();
    const app = await start();
    await runJson(app.url, '/agents/agent', 'hello', { session_id: 's' }, as('ann'));
    await asked;
    const reply = await callJson(app.url, 'DELETE', '/sessions/audits', { headers: as('ann') });
    goOn.open();
    await app.agentOs.drain();
    expect([reply.status, await auditsOf(app)]).toEqual([204, ['fraud suspected: hello']]);
  });

  it.each([true, false])(
    'hides its runs from clients, which cannot cancel them either (in the background: %p)',
    async (runInBackground) => {
      const { asked, goOn, start } = audited({ runInBackground });
      const app = await start();
      const body = { message: 'hello', stream: 'false', session_id: 's' };
      const answer = post(app.url, '/agents/agent', body, undefined, as('ann'));
      const path = `/agents/auditor/runs/${await asked}`;
      const calls = [
        callJson(app.url, 'GET', '/agents/auditor/runs?session_id=audits', { headers: as('ann') }),
        callJson(app.url, 'GET', `${path}?session_id=audits`, { headers: as('ann') }),
        callJson(app.url, 'POST', `${path}/cancel`, { headers: as('ann') }),
      ];
      const statuses = (await Promise.all(calls)).map(({ status }) => status);
      goOn.open();
      expect([(await answer).status, statuses]).toEqual([200, [404, 404, 404]]);
      await app.agentOs.drain();
      expect(await auditsOf(app)).toEqual(['fraud suspected: hello']);
    },
  );

  it.each([true, false])(
    'is not needed to hide the runs of a hook from clients (in the background: %p)',
    async (runInBackground) => {
      const { asked, goOn, start } = audited({ runInBackground, options: {} });
      const app = await start();
      const body = { message: 'hello', stream: 'false', session_id: 's' };
      const answer = post(app.url, '/agents/agent', body, undefined, as('ann'));
      const runId = await asked;
      const list = await readText(app.url, '/agents/auditor/runs?session_id=s', 'ann');
      const path = `/agents/auditor/runs/${runId}/cancel`;
      const { status } = await callJson(app.url, 'POST', path, { headers: as('ann') });
      goOn.open();
      await app.agentOs.drain();
      expect([(await answer).status, status, list.includes(runId)]).toEqual([200, 404, false]);
    },
  );

  it.each([
    { hook: 'inline', judge: 'inline' },
    { hook: 'in the background', judge: 'inline' },
    { hook: 'in the background', judge: 'in the background' },
  ])('hides its evaluations from clients (hook $hook, judge $judge)', async ({ hook, judge }) => {
    const auditor = new Agent({
      id: 'auditor',
      engine: ({ input }) => `fraud suspected: ${input}`,
      postHooks: [politeJudge({ runInBackground: judge !== 'inline' })],
    });
    const audit = defineHook<PostHookContext>(
      async ({ runInput }) => {
        await auditor.run(runInput.content, { sessionId: 'audits' });
      },
      { name: 'audit', runInBackground: hook !== 'inline' },
    );
    const agent = new Agent({ id: 'agent', engine: () => 'ok', postHooks: [audit] });
    const { url, agentOs, app } = await startApp({
      adapter,
      agentOs: { agents: [agent, auditor], http: { userId } },
    });
    await runJson(url, '/agents/agent', 'hello', { session_id: 's' }, as('ann'));
    await agentOs.drain();

    expect(await readText(url, '/eval-runs', 'ann')).toContain('"data":[]');
    const [evaluation] = await app.get(EvalStore).list({ userId: APPLICATION });
    expect(evaluation).toMatchObject({ input: 'hello', output: 'fraud suspected: hello' });
    expect(await readText(url, `/eval-runs/${evaluation?.id}`, 'ann')).toContain('not found');
  });

  it.each([false, true])(
    'stores the runs that a guardrail starts in it (and rejects: %p)',
    async (isRefused) => {
      const auditor = new Agent({ id: 'auditor', engine: () => 'fraud suspected' });
      const audit = defineGuardrail<PostHookContext>(
        async ({ runOutput }) => {
          await auditor.run(`judge ${runOutput.content}`, { sessionId: 'audits' });
          if (isRefused) throw new OutputCheckError('No.');
        },
        { name: 'audit' },
      );
      const agent = new Agent({ id: 'agent', engine: () => 'answer', postHooks: [audit] });
      const { url, app } = await startApp({ adapter, agentOs: { agents: [agent], http: { userId } } });
      await runJson(url, '/agents/agent', 'hi', { session_id: 's' }, as('ann'));

      expect(await readText(url, '/sessions/audits/runs', 'ann')).not.toContain('fraud');
      const [run] = await app.get(SessionStore).runs('audits', { owner: APPLICATION });
      expect([run?.input.content, run?.output.content]).toEqual(['judge answer', 'fraud suspected']);
    },
  );

  it('stores nothing that its own guardrail has rejected', async () => {
    const member = new Agent({ id: 'member', engine: () => 'the launch code' });
    const refuse = defineGuardrail<PostHookContext>(
      () => {
        throw new OutputCheckError('No.');
      },
      { name: 'refuse' },
    );
    const auditors = new Team({
      id: 'auditors',
      members: [member],
      engine: ({ delegate }) => delegate('member', 'go'),
      postHooks: [refuse],
    });
    const audit = defineHook<PostHookContext>(
      async () => {
        await auditors.run('go', { sessionId: 'audits' }).catch(() => undefined);
      },
      { name: 'audit', runInBackground: false },
    );
    const agent = new Agent({ id: 'agent', engine: () => 'answer', postHooks: [audit] });
    const { url, app } = await startApp({ adapter, agentOs: { agents: [agent], http: { userId } } });
    await runJson(url, '/agents/agent', 'hi', { session_id: 's' }, as('ann'));

    const runs = await app.get(SessionStore).runs('audits', { owner: APPLICATION });
    expect(runs.map(({ component }) => component.id)).toEqual(['member', 'auditors']);
    expect(JSON.stringify(runs)).not.toContain('the launch code');
  });

  it('belongs to no user, even to one with the id of the application', async () => {
    const { goOn, start } = audited();
    const { url, agentOs } = await start();
    await runJson(url, '/agents/agent', 'hello', { session_id: 's' }, as('ann'));
    goOn.open();
    await agentOs.drain();
    const reply = await callJson(url, 'GET', '/sessions/audits/runs', { headers: as(APPLICATION) });
    expect(reply).toEqual({ status: 403, body: { detail: `No user may be called "${APPLICATION}".` } });
  });
});

describe.each(ADAPTERS)('The user of a run on %s', (adapter) => {
  it('stays the one that the host has named, whatever a hook writes', async () => {
    const [asked, goOn] = [createGate(), createGate()];
    const rename = defineHook<PreHookContext>(
      ({ runContext, session }) => {
        Object.assign(runContext, { userId: 'bob' });
        Object.assign(session, { userId: 'bob' });
      },
      { name: 'rename', runInBackground: false },
    );
    const agent = new Agent({
      id: 'agent',
      preHooks: [rename],
      engine: async () => {
        asked.open();
        await goOn.opened;
        return 'ok';
      },
    });
    const { url } = await startApp({ adapter, agentOs: { agents: [agent], http: { userId } } });
    const body = { message: 'hello', stream: 'false', session_id: 's' };
    const running = post(url, '/agents/agent', body, undefined, as('ann'));
    await asked.opened;
    const list = (user: string): Promise<{ status: number }> =>
      callJson(url, 'GET', '/agents/agent/runs?session_id=s', { headers: as(user) });
    const seen = [(await list('ann')).status, (await list('bob')).status];
    await callJson(url, 'DELETE', '/sessions/s', { headers: as('ann') });
    goOn.open();
    await running;

    const after = await callJson(url, 'GET', '/sessions/s', { headers: as('ann') });
    expect([...seen, after.status]).toEqual([200, 404, 404]);
  });
});
