import { describe, expect, it } from '@jest/globals';

import type { HookExecution } from '../../../src/execution/hook-execution.js';
import { HookLedger, LedgerExecutions } from '../../../src/execution/hook.ledger.js';
import { joinTotals, totalsOf } from '../../../src/execution/hook.totals.js';
import { createExecution } from '../../support/hook-executions.js';

const component = { kind: 'agent', id: 'support', name: 'Support' } as const;

describe('The totals of executions', () => {
  it('are zeros for an empty ledger', () => {
    expect(totalsOf([], 1_000)).toStrictEqual({ waiting: 0, running: 0, failed: 0, volatile: 0, hooks: [] });
  });

  it('count volatile executions, whatever their state', () => {
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

  it('contain the time within which half and 95 % of the executions ended', () => {
    const executions = Array.from({ length: 100 }, (_, index) =>
      createExecution({ runId: `${index}`, state: 'succeeded', startedAt: 0, endedAt: 100 - index }),
    );
    expect(totalsOf(executions, 0).hooks).toMatchObject([{ ran: 100, p50: 50, p95: 95 }]);
  });

  it('contain no duration of an execution that has failed before its start', () => {
    const [hook] = totalsOf([createExecution({ state: 'failed', endedAt: 9_000 })], 9_000).hooks;
    expect(hook).toMatchObject({ failed: 1, ran: 0 });
    expect(hook).not.toHaveProperty('p50');
  });

  it('add executions that a store has counted to others of the same hook', () => {
    const executions = [
      createExecution({ hook: 'sync', state: 'scheduled', scheduledAt: 900, isVolatile: true }),
      createExecution({ hook: 'sync', state: 'succeeded', startedAt: 0, endedAt: 30, isVolatile: true }),
    ];
    const sync = { hook: 'sync', phase: 'post', mode: 'background', component } as const;
    const totals = totalsOf(executions, 1_000, [
      { ...sync, state: 'scheduled', count: 3, scheduledAt: 400 },
      { ...sync, state: 'running', count: 2, scheduledAt: 0 },
      { ...sync, state: 'succeeded', count: 8, scheduledAt: 0, duration: 10 },
      { ...sync, state: 'timed_out', count: 1, scheduledAt: 0, duration: 50 },
      { ...sync, state: 'failed', count: 1, scheduledAt: 0 },
      { ...sync, state: 'dropped', count: 1, scheduledAt: 0, duration: 70 },
    ]);
    expect(totals).toStrictEqual({
      ...{ waiting: 4, running: 2, failed: 2, volatile: 2, oldestWaiting: 600 },
      hooks: [
        {
          ...{ ...sync, waiting: 4, running: 2, failed: 2, volatile: 2, oldestWaiting: 600 },
          ...{ ran: 10, p50: 10, p95: 50 },
        },
      ],
    });
  });

  it('can be joined if they are of different hooks', () => {
    const audit = totalsOf([createExecution({ hook: 'audit', scheduledAt: 400 })], 1_000);
    const sync = totalsOf([createExecution({ hook: 'sync', scheduledAt: 700 })], 1_000);
    expect(joinTotals(sync, audit)).toStrictEqual({
      ...{ waiting: 2, running: 0, failed: 0, volatile: 0, oldestWaiting: 600 },
      hooks: [...audit.hooks, ...sync.hooks],
    });
  });

  it('contain no negative waiting time, even if the clock was set back', () => {
    expect(totalsOf([createExecution({ scheduledAt: 2_000 })], 1_000).oldestWaiting).toBe(0);
  });
});

describe('LedgerExecutions', () => {
  it('counts only executions that have not ended on request', async () => {
    const ledger = new HookLedger();
    const executions = ['one', 'two'].map((runId) => createExecution({ runId }));
    for (const execution of executions) ledger.schedule(execution);
    ledger.end(executions[0] as HookExecution, 'failed');
    const totals = (isOpen?: boolean) => new LedgerExecutions(ledger).totals({ isOpen });
    expect([await totals(true), await totals()]).toMatchObject([
      { waiting: 1, failed: 0 },
      { waiting: 1, failed: 1 },
    ]);
  });

  it('counts the executions of one user, of no user or of all users', async () => {
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
