import { describe, expect, it } from '@jest/globals';

import { HookLedger, LedgerExecutions } from '../../../src/execution/hook.ledger.js';
import { totalsOf } from '../../../src/execution/hook.totals.js';
import { createExecution } from '../../support/hook-executions.js';

const component = { kind: 'agent', id: 'support', name: 'Support' } as const;

describe('totalsOf()', () => {
  it('of nothing are zeros', () => {
    expect(totalsOf([], 1_000)).toStrictEqual({ waiting: 0, running: 0, failed: 0, volatile: 0, hooks: [] });
  });

  it('count volatile executions, whatever has become of them', () => {
    const executions = [
      createExecution({ state: 'scheduled', isVolatile: true }),
      createExecution({ state: 'succeeded', isVolatile: true, startedAt: 100, endedAt: 150 }),
      createExecution({ state: 'scheduled' }),
    ];
    expect(totalsOf(executions, 1_000)).toMatchObject({ waiting: 2, volatile: 2 });
  });

  it('count by hook, component, phase and mode, in the order of the names of the hooks', () => {
    const executions = [
      createExecution({ hook: 'sync', state: 'scheduled', scheduledAt: 900 }),
      createExecution({ hook: 'sync', state: 'scheduled', scheduledAt: 400 }),
      createExecution({ hook: 'sync', mode: 'inline', state: 'running' }),
      createExecution({ hook: 'audit', state: 'failed', startedAt: 100, endedAt: 150 }),
      createExecution({ hook: 'audit', state: 'timed_out', startedAt: 100, endedAt: 200 }),
      createExecution({ hook: 'audit', phase: 'pre', state: 'skipped', endedAt: 200 }),
      createExecution({ hook: 'audit', state: 'dropped', startedAt: 100, endedAt: 9_000 }),
    ];
    const none = { waiting: 0, running: 0, failed: 0, volatile: 0, ran: 0 };
    expect(totalsOf(executions, 1_000)).toStrictEqual({
      waiting: 2,
      running: 1,
      failed: 2,
      oldestWaiting: 600,
      volatile: 0,
      hooks: [
        {
          ...{ hook: 'audit', phase: 'post', mode: 'background', component },
          ...{ ...none, failed: 2, ran: 2, p50: 50, p95: 100 },
        },
        { hook: 'audit', phase: 'pre', mode: 'background', component, ...none },
        {
          hook: 'sync',
          phase: 'post',
          mode: 'background',
          component,
          ...none,
          waiting: 2,
          oldestWaiting: 600,
        },
        { hook: 'sync', phase: 'post', mode: 'inline', component, ...none, running: 1 },
      ],
    });
  });

  it('have the time that half and 95 % of the executions took at most', () => {
    const executions = Array.from({ length: 100 }, (_, index) =>
      createExecution({ runId: `${index}`, state: 'succeeded', startedAt: 0, endedAt: 100 - index }),
    );
    expect(totalsOf(executions, 0).hooks).toMatchObject([{ ran: 100, p50: 50, p95: 95 }]);
  });

  it('never wait for less than nothing, if the clock was set back', () => {
    expect(totalsOf([createExecution({ scheduledAt: 2_000 })], 1_000).oldestWaiting).toBe(0);
  });
});

describe('LedgerExecutions', () => {
  it('tell of those of one user, of nobody or of all', async () => {
    const ledger = new HookLedger();
    for (const userId of ['anna', 'anna', 'ben', undefined])
      ledger.schedule(
        createExecution({ runId: String(Math.random()), ...(userId === undefined ? {} : { userId }) }),
      );
    const executions = new LedgerExecutions(ledger);
    const waiting = async (userId?: string | null): Promise<number> =>
      (await executions.totals({ userId })).waiting;
    expect([await waiting('anna'), await waiting(null), await waiting(), await executions.counts()]).toEqual([
      ...[2, 1, 4],
      { succeeded: 0, failed: 0, timed_out: 0, skipped: 0, dropped: 0, open: 4 },
    ]);
  });
});
