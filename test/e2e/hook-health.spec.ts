import { afterEach, describe, expect, it } from '@jest/globals';
import { Agent } from 'nestjs-agentos';
import { HookHealthIndicator } from 'nestjs-agentos/executor';
import type { HookExecutions } from 'nestjs-agentos/executor';
import { createGate } from 'nestjs-agentos/testing';

import { InProcessHookExecutor } from '../../src/execution/in-process-hook.executor.js';
import { inBackground } from '../support/background-hook.js';
import { raise } from '../support/raise.js';
import { closeApps, startApp } from '../support/test-app.js';

afterEach(closeApps);

/** Its ledger cannot be read. */
class UnreadableExecutor extends InProcessHookExecutor {
  constructor(readonly totals: () => Promise<never>) {
    super({ concurrency: 10, maxPending: 10, onOverflow: () => undefined });
  }

  override executions(local: HookExecutions): HookExecutions {
    const { totals } = this;
    return { changes: local.changes, list: () => totals(), counts: () => totals(), totals };
  }
}

describe('The health of background hooks', () => {
  it('is up with figures, and down with the exceeded limits', async () => {
    const gate = createGate();
    const support = new Agent({
      id: 'support',
      engine: () => 'answer',
      postHooks: [
        inBackground('bad', () => raise(new Error('secret'))),
        inBackground('slow', () => gate.opened),
        inBackground('waiting', () => undefined),
      ],
    });
    const { agentOs, app, client } = await startApp({ agentOs: { agents: [support] } });
    const health = app.get(HookHealthIndicator);
    expect(await health.check('hooks')).toEqual({
      hooks: { status: 'up', waiting: 0, running: 0, failed: 0, volatile: 0 },
    });
    await agentOs.run('support', 'question');
    while ((await agentOs.executions.totals()).running === 0) await new Promise(setImmediate);
    const numbers = { waiting: 1, running: 1, failed: 1, volatile: 0, oldestWaiting: expect.any(Number) };
    const limits = { maxWaiting: 1, maxFailed: 1, maxVolatile: 0, maxOldestWaiting: 600_000 };
    expect(await health.check('hooks', limits)).toEqual({ hooks: { status: 'up', ...numbers } });
    expect(await health.check('hooks', { maxWaiting: 0, maxFailed: 0 })).toEqual({
      hooks: {
        status: 'down',
        ...numbers,
        message: 'Waiting hooks: 1, at most 0. Failed hooks: 1, at most 0.',
      },
    });
    const { body } = await client.request('GET', '/hooks/stats');
    expect(body).toMatchObject({
      volatile: 0,
      oldest_waiting: expect.any(Number),
      hooks: [
        { hook: 'bad', failed: 1, volatile: 0, oldest_waiting: null },
        { hook: 'slow', running: 1, oldest_waiting: null },
        { hook: 'waiting', waiting: 1, oldest_waiting: expect.any(Number) },
      ],
    });
    gate.open();
    await agentOs.drain();
  });

  it.each<[string, () => Promise<never>]>([
    ['fails', () => Promise.reject(new Error('redis://secret'))],
    ['does not answer', () => new Promise<never>(() => undefined)],
  ])('is down, without details, if the ledger %s', async (_what, totals) => {
    const { app, log } = await startApp({ agentOs: { executor: new UnreadableExecutor(totals) } });
    const answer = await app.get(HookHealthIndicator).check('hooks', { timeout: 20 });
    expect(answer).toEqual({
      hooks: { status: 'down', message: 'The ledger of background hooks cannot be read.' },
    });
    expect(log.messages('error').join()).toContain('The health of background hooks is unknown');
  });
});
