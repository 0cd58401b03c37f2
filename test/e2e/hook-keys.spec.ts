import { afterEach, describe, expect, it } from '@jest/globals';
import { Agent, type PostHookContext } from 'nestjs-agentos';
import { createGate } from 'nestjs-agentos/testing';

import { inBackground } from '../support/background-hook.js';
import { raise } from '../support/raise.js';
import { closeApps, startApp } from '../support/test-app.js';

afterEach(closeApps);

describe('The key of a background hook', () => {
  it('is read once from the settled run, and only the last waiting execution with it runs', async () => {
    const gate = createGate();
    const seen: string[] = [];
    let asked = 0;
    const key = ({ runInput, runOutput }: PostHookContext): string => {
      asked += 1;
      expect(runOutput.content).toBe('answer');
      runInput.content = 'changed by the key';
      return 'same';
    };
    const first = inBackground('first', () => gate.opened);
    const sync = inBackground('sync', ({ runInput }) => void seen.push(runInput.content), { key });
    const support = new Agent({ id: 'support', engine: () => 'answer', postHooks: [first, sync] });
    const { agentOs } = await startApp({ agentOs: { agents: [support] } });
    for (const input of ['one', 'two', 'three']) await agentOs.run('support', input);
    gate.open();
    await agentOs.drain();
    const states = (await agentOs.executions.list({ hook: 'sync' })).map(({ state, reason }) => [
      state,
      reason,
    ]);
    expect([seen, asked]).toEqual([['three'], 3]);
    expect(states.sort()).toEqual([
      ['skipped', 'superseded'],
      ['skipped', 'superseded'],
      ['succeeded', undefined],
    ]);
  });

  it.each<[string, () => string]>([
    ['throws', () => raise(new RangeError('no key'))],
    ['returns nothing', () => undefined as unknown as string],
    ['is empty', () => ''],
  ])('that %s fails its hook, and neither the run nor the other hooks', async (_what, key) => {
    const support = new Agent({
      id: 'support',
      engine: () => 'answer',
      postHooks: [inBackground('sync', () => undefined, { key }), inBackground('next', () => undefined)],
    });
    const { agentOs } = await startApp({ agentOs: { agents: [support] } });
    expect((await agentOs.run('support', 'question')).content).toBe('answer');
    await agentOs.drain();
    const executions = await agentOs.executions.list();
    expect(executions.map(({ hook, state }) => `${hook} ${state}`).sort()).toEqual([
      'next succeeded',
      'sync failed',
    ]);
  });
});
