import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { HookExecution } from 'nestjs-agentos/executor';

import { HookLedger } from '../../../src/execution/hook.ledger.js';
import { createExecution } from '../../support/hook-executions.js';

function schedule(ledger: HookLedger, hook: string): ReturnType<typeof createExecution> {
  const execution = createExecution({ hook });
  ledger.schedule(execution);
  return execution;
}

/** Schedules and ends executions of these hooks, in this order. */
function endAll(ledger: HookLedger, ...hooks: string[]): void {
  for (const hook of hooks) ledger.end(schedule(ledger, hook), 'succeeded');
}

function hooksOf(executions: readonly HookExecution[]): string[] {
  return executions.map(({ hook }) => hook);
}

describe('HookLedger', () => {
  let ledger: HookLedger;

  beforeEach(() => {
    jest.useFakeTimers({ now: 5_000 });
    ledger = new HookLedger(3);
  });

  afterEach(() => {
    jest.useRealTimers();
  });

  it('follows an execution from scheduled over running to its end', () => {
    const execution = schedule(ledger, 'notify');
    const states = [ledger.list()];
    ledger.start(execution);
    states.push(ledger.list());
    jest.advanceTimersByTime(250);
    ledger.end(execution, 'failed', { errorName: 'RangeError' });
    states.push(ledger.list());
    const base = createExecution({ hook: 'notify' });
    const started = { ...base, attempts: 1, startedAt: 5_000 };
    expect(states).toEqual([
      [base],
      [{ ...started, state: 'running' }],
      [{ ...started, state: 'failed', endedAt: 5_250, errorName: 'RangeError' }],
    ]);
  });

  it('counts attempts, and keeps the time of the first one', () => {
    const execution = schedule(ledger, 'notify');
    ledger.start(execution);
    jest.advanceTimersByTime(100);
    ledger.start(execution);
    expect(ledger.list()).toMatchObject([{ attempts: 2, startedAt: 5_000, state: 'running' }]);
  });

  it('lists open executions before ended ones, each the newest first', () => {
    endAll(ledger, 'first', 'second');
    schedule(ledger, 'third');
    schedule(ledger, 'fourth');
    expect(hooksOf(ledger.list())).toEqual(['fourth', 'third', 'second', 'first']);
  });

  it('puts an execution that ends at the place of its end, whenever it was scheduled', () => {
    const slow = schedule(ledger, 'slow');
    endAll(ledger, 'quick');
    ledger.end(slow, 'succeeded');
    expect(hooksOf(ledger.list())).toEqual(['slow', 'quick']);
  });

  it('forgets the oldest ended ones beyond its capacity, round after round', () => {
    const listed = [...'abcdefgh'].map((hook) => {
      endAll(ledger, hook);
      return hooksOf(ledger.list()).join('');
    });
    expect(listed).toEqual(['a', 'ba', 'cba', 'dcb', 'edc', 'fed', 'gfe', 'hgf']);
  });

  it('forgets no open execution, however many there are', () => {
    for (const hook of 'abcde') schedule(ledger, hook);
    endAll(ledger, ...'uvwxyz');
    expect([hooksOf(ledger.list()).join(''), ledger.openCount]).toEqual(['edcbazyx', 5]);
  });

  it('remembers open executions with a capacity of 0, and counts', () => {
    const forgetful = new HookLedger(0);
    schedule(forgetful, 'open');
    endAll(forgetful, 'ended', 'another');
    expect([hooksOf(forgetful.list()), forgetful.counts.succeeded]).toEqual([['open'], 2]);
  });

  it('ends an execution once: a second result changes nothing', () => {
    const execution = schedule(ledger, 'late');
    ledger.end(execution, 'dropped', { reason: 'shutdown' });
    const first = ledger.list();
    jest.advanceTimersByTime(100);
    ledger.end(execution, 'failed', { errorName: 'Error' });
    expect([ledger.list(), ledger.counts]).toEqual([
      first,
      { succeeded: 0, failed: 0, timed_out: 0, skipped: 0, dropped: 1 },
    ]);
  });

  it('does not end an execution that it does not know', () => {
    ledger.end(createExecution(), 'succeeded');
    expect([ledger.list(), ledger.counts.succeeded]).toEqual([[], 0]);
  });

  it('counts every end, forgotten executions included', () => {
    endAll(ledger, ...'abcde');
    for (const state of ['failed', 'failed', 'timed_out', 'skipped', 'dropped'] as const)
      ledger.end(schedule(ledger, 'other'), state);
    schedule(ledger, 'open');
    expect([ledger.counts, ledger.openCount]).toEqual([
      { succeeded: 5, failed: 2, timed_out: 1, skipped: 1, dropped: 1 },
      1,
    ]);
  });

  describe('with list()', () => {
    beforeEach(() => {
      ledger = new HookLedger(1_000);
      for (const runId of ['one', 'two']) {
        for (const hook of ['notify', 'judge']) {
          const execution = createExecution({ runId, hook });
          ledger.schedule(execution);
          if (runId === 'one') ledger.end(execution, hook === 'judge' ? 'failed' : 'succeeded');
        }
      }
    });

    it.each([
      [{ runId: 'one' }, ['one:post:judge', 'one:post:notify']],
      [{ hook: 'notify' }, ['two:post:notify', 'one:post:notify']],
      [{ state: 'scheduled' }, ['two:post:judge', 'two:post:notify']],
      [{ state: 'failed' }, ['one:post:judge']],
      [{ runId: 'one', hook: 'judge', state: 'failed' }, ['one:post:judge']],
      [{ runId: 'one', hook: 'judge', state: 'succeeded' }, []],
      [{ runId: 'none' }, []],
      [{ runIds: [] }, []],
      [{ runIds: ['none', 'one'] }, ['one:post:judge', 'one:post:notify']],
      [{ runIds: ['none', 'one'], runId: 'two' }, []],
      [{ limit: 2 }, ['two:post:judge', 'two:post:notify']],
      [{ limit: 0 }, []],
      [{ runId: 'one', limit: 1 }, ['one:post:judge']],
    ] as const)('narrows to %j', (filter, ids) => {
      expect(ledger.list(filter).map(({ id }) => id)).toEqual(ids);
    });

    it('returns 100 unless told otherwise', () => {
      for (let count = 0; count < 150; count++) endAll(ledger, `hook ${count}`);
      expect([ledger.list().length, ledger.list({ limit: 1_000 }).length]).toEqual([100, 154]);
    });

    it('returns copies of its records', () => {
      Object.assign(ledger.list({ limit: 1 })[0]!, { hook: 'changed' });
      expect(ledger.list({ hook: 'changed' })).toEqual([]);
    });
  });

  describe('with its stream of changes', () => {
    it('reports every change of state as it happens, once each', () => {
      const seen: string[] = [];
      const subscription = ledger.changes.subscribe(({ hook, state, attempts }) =>
        seen.push(`${hook} ${state} ${attempts}`),
      );
      const execution = schedule(ledger, 'notify');
      ledger.start(execution);
      ledger.start(execution);
      ledger.end(execution, 'succeeded');
      ledger.end(execution, 'failed');
      subscription.unsubscribe();
      endAll(ledger, 'unseen');
      expect(seen).toEqual([
        'notify scheduled 0',
        'notify running 1',
        'notify running 2',
        'notify succeeded 2',
      ]);
    });

    it('cannot be ended or fed from outside', () => {
      expect(ledger.changes).not.toHaveProperty('next');
    });
  });

  it('returns counts that callers cannot change', () => {
    Object.assign(ledger.counts, { succeeded: 99 });
    expect(ledger.counts.succeeded).toBe(0);
  });

  it('remembers 10,000 ended executions unless told otherwise', () => {
    const remembering = new HookLedger();
    endAll(remembering, ...Array.from({ length: 10_001 }, (_, index) => `hook${index}`));
    const remembered = hooksOf(remembering.list({ limit: Infinity }));
    expect([remembered.length, remembered[0], remembered.at(-1)]).toEqual([10_000, 'hook10000', 'hook1']);
  });
});
