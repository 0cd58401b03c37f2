import { afterEach, describe, expect, it } from '@jest/globals';
import { Agent, defineHook, type PostHookContext, type PreHookContext } from 'nestjs-agentos';
import { createGate } from 'nestjs-agentos/testing';

import { runJson } from '../support/http-client.js';
import { callJson } from '../support/json-client.js';
import { politeJudge } from '../support/judge.js';
import { closeApps, startApp, type TestApp } from '../support/test-app.js';
import { as, readText, userId } from '../support/users.js';

afterEach(closeApps);

describe('A named session', () => {
  it('of an inline hook does not belong to the first user whose run has named it', async () => {
    const auditor = new Agent({ id: 'auditor', engine: ({ input }) => `audit ${input}` });
    const agent = new Agent({
      id: 'agent',
      engine: () => 'ok',
      preHooks: [
        defineHook<PreHookContext>(
          async ({ runInput }) => {
            await auditor.run(runInput.content, { sessionId: 'audits' });
          },
          { name: 'audit', runInBackground: false },
        ),
      ],
    });
    const { url } = await startApp({ agentOs: { agents: [agent], http: { userId } } });
    await runJson(url, '/agents/agent', 'hello', {}, as('ann'));
    await runJson(url, '/agents/agent', 'secret of bob', {}, as('bob'));
    const seen = await readText(url, '/sessions/audits/runs', 'ann');
    expect(seen).not.toContain('secret of bob');
  });

  it('of a background hook cannot be begun by a client beforehand', async () => {
    const auditor = new Agent({ id: 'auditor', engine: ({ input }) => `audit ${input}` });
    const agent = new Agent({
      id: 'agent',
      engine: () => 'ok',
      postHooks: [
        defineHook<PostHookContext>(
          async ({ runInput }) => {
            await auditor.run(runInput.content, { sessionId: 'audits' });
          },
          { name: 'audit', runInBackground: true },
        ),
      ],
    });
    const { url, agentOs } = await startApp({ agentOs: { agents: [agent], http: { userId } } });
    await callJson(url, 'POST', '/sessions', { headers: as('mallory'), body: { session_id: 'audits' } });
    await runJson(url, '/agents/agent', 'secret of bob', {}, as('bob'));
    await agentOs.drain();
    expect(await readText(url, '/sessions/audits/runs', 'mallory')).not.toContain('secret of bob');
  });

  it('of a run that a background hook continues in does not belong to another user who has begun it anew', async () => {
    const [reached, goOn] = [createGate(), createGate()];
    const told: string[] = [];
    const summarizer = new Agent({
      id: 'agent2',
      engine: ({ input, messages }) => {
        told.push(messages.map((m) => m.content).join('|'));
        return `sum ${input}`;
      },
    });
    const agent = new Agent({
      id: 'agent',
      engine: () => 'ok',
      postHooks: [
        defineHook<PostHookContext>(
          async ({ runInput, session }) => {
            if (runInput.content !== 'secret of ann') return;
            reached.open();
            await goOn.opened;
            await summarizer.run(runInput.content, { sessionId: session.id });
          },
          { name: 'sum', runInBackground: true },
        ),
      ],
    });
    const { url, agentOs } = await startApp({ agentOs: { agents: [agent, summarizer], http: { userId } } });
    await runJson(url, '/agents/agent', 'secret of ann', { session_id: 's' }, as('ann'));
    await reached.opened;
    await callJson(url, 'DELETE', '/sessions/s', { headers: as('ann') });
    await runJson(url, '/agents/agent2', 'secret of bob', { session_id: 's' }, as('bob'));
    goOn.open();
    await agentOs.drain();
    const bobs = await readText(url, '/sessions/s/runs', 'bob');
    expect([bobs.includes('secret of ann'), told.join()]).toEqual([
      false,
      expect.not.stringContaining('sum secret of bob|secret of ann'),
    ]);
  });

  it('keeps its owner if it is named again below a run of another session', async () => {
    const [reached, goOn] = [createGate(), createGate()];
    const inner = new Agent({
      id: 'inner',
      engine: ({ context, messages }) =>
        JSON.stringify(context.sessionState) + messages.map((m) => m.content).join('|'),
    });
    const mid = new Agent({
      id: 'mid',
      engine: async () => (await agentOs.run('inner', 'secret of ann', { sessionId: 's' })).content,
    });
    const agent = new Agent({
      id: 'agent',
      engine: async () => {
        reached.open();
        await goOn.opened;
        return (await agentOs.run('mid', 'x', { sessionId: 'other' })).content;
      },
    });
    const { url, agentOs }: TestApp = await startApp({
      agentOs: { agents: [agent, mid, inner], http: { userId } },
    });
    const anns = runJson(url, '/agents/agent', 'hi', { session_id: 's' }, as('ann'));
    await reached.opened;
    await callJson(url, 'POST', '/sessions', { headers: as('bob'), body: { session_id: 's' } });
    await runJson(url, '/agents/inner', 'secret of bob', { session_id: 's' }, as('bob'));
    goOn.open();
    const { body } = await anns;
    expect([
      String(body['content']).includes('secret of bob'),
      (await readText(url, '/sessions/s/runs', 'bob')).includes('secret of ann'),
    ]).toEqual([false, false]);
  });
});

describe('The evaluation of a judge', () => {
  it('of a run that a background hook has started belongs to the user of the run of the hook', async () => {
    const checker = new Agent({
      id: 'checker',
      engine: () => 'fine',
      postHooks: [politeJudge({ runInBackground: false })],
    });
    const agent = new Agent({
      id: 'agent',
      engine: () => 'ok',
      postHooks: [
        defineHook<PostHookContext>(
          async ({ runInput }) => {
            await checker.run(runInput.content);
          },
          { name: 'check', runInBackground: true },
        ),
      ],
    });
    const { url, agentOs } = await startApp({ agentOs: { agents: [agent], http: { userId } } });
    await runJson(url, '/agents/agent', 'secret of ann', {}, as('ann'));
    await agentOs.drain();
    expect(await readText(url, '/eval-runs')).toContain('"data":[]');
    expect(await readText(url, '/eval-runs', 'ann')).toContain('"total_count":1');
    expect(await readText(url, '/hooks/executions')).toContain('"data":[]');
  });
});
