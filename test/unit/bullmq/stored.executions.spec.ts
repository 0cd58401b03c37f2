import { describe, expect, it } from '@jest/globals';

import type { QueueStore } from '../../../src/bullmq/queue.store.js';
import { StoredExecutions } from '../../../src/bullmq/stored.executions.js';
import { HookLedger, LedgerExecutions } from '../../../src/execution/hook.ledger.js';
import { createExecution } from '../../support/hook-executions.js';

const component = { kind: 'agent', id: 'support', name: 'Support' } as const;

/** Reading single executions is an error. */
const counting: Partial<QueueStore> = {
  counts: () => Promise.resolve({ scheduled: 3, running: 2, succeeded: 10, failed: 1 }),
  tally: ({ isOpen }) => {
    const sync = { hook: 'sync', phase: 'post', mode: 'background', component } as const;
    const waiting = { ...sync, state: 'scheduled', count: 3, scheduledAt: Date.now() } as const;
    const ended = { ...sync, state: 'succeeded', count: 10, scheduledAt: 0, duration: 20 } as const;
    return Promise.resolve(isOpen ? [waiting] : [waiting, ended]);
  },
};

describe('The ledger of stored executions', () => {
  /** One inline execution has succeeded, one volatile one waits. */
  function createLedger(): HookLedger {
    const ledger = new HookLedger();
    const inline = createExecution({ hook: 'check', mode: 'inline' });
    ledger.schedule(inline);
    ledger.end(inline, 'succeeded');
    const volatile = createExecution({ hook: 'sync' });
    ledger.schedule(volatile);
    ledger.markVolatile(volatile);
    return ledger;
  }

  const executions = new StoredExecutions(new LedgerExecutions(createLedger()), () => counting as QueueStore);

  it('counts those of the store and of the process, and reads no single one of the store', async () => {
    const none = { failed: 0, timed_out: 0, skipped: 0, dropped: 0 };
    expect([
      await executions.counts(),
      await executions.counts({ mode: 'background' }),
      await executions.counts({ mode: 'inline' }),
    ]).toEqual([
      { ...none, succeeded: 11, failed: 1, open: 6 },
      { ...none, succeeded: 10, failed: 1, open: 6 },
      { ...none, succeeded: 1, open: 0 },
    ]);
  });

  it('adds up those of the store and of the process by hook', async () => {
    const totals = await executions.totals();
    expect(totals).toMatchObject({ waiting: 4, running: 0, volatile: 1 });
    expect(totals.hooks.map(({ hook, waiting, ran, p95 }) => [hook, waiting, ran, p95])).toEqual([
      ['check', 0, 0, undefined],
      ['sync', 4, 10, 20],
    ]);
    expect((await executions.totals({ mode: 'inline' })).hooks.map(({ hook }) => hook)).toEqual(['check']);
    expect((await executions.totals({ mode: 'background' })).hooks.map(({ hook }) => hook)).toEqual(['sync']);
    expect((await executions.totals({ isOpen: true })).hooks).toMatchObject([{ hook: 'sync', ran: 0 }]);
  });

  it('is that of the process before the executor has started', async () => {
    const early = new StoredExecutions(new LedgerExecutions(createLedger()), () => undefined);
    expect([(await early.counts()).open, (await early.totals()).waiting]).toEqual([1, 1]);
  });
});
