import { describe, expect, it } from '@jest/globals';
import { EMPTY } from 'rxjs';

import { HookDataGoneError } from '../../../src/errors/hook-execution.errors.js';
import type { HookExecution } from '../../../src/execution/hook-execution.js';
import { ManagedHookExecutions } from '../../../src/execution/managed-hook.executions.js';
import { createExecution } from '../../../src/testing/contracts/hook.harness.js';

/** A ledger of failed executions that ended at these times, whose retries are refused if their run is `gone`. */
function ledgerOf(ends: Readonly<Record<string, number>>): {
  readonly executions: ManagedHookExecutions;
  readonly tried: string[];
} {
  const tried: string[] = [];
  const all = Object.entries(ends).map(([runId, endedAt]) =>
    createExecution({ runId, hook: 'sync', state: 'failed', endedAt }),
  );
  const executions = new ManagedHookExecutions({
    record: {
      changes: EMPTY,
      list: ({ state, endedFrom = 0 } = {}) =>
        Promise.resolve(all.filter((one) => one.state === state && (one.endedAt ?? 0) >= endedFrom)),
      counts: () => Promise.reject(new Error('not needed')),
      totals: () => Promise.reject(new Error('not needed')),
    },
    ledger: { cancel: () => false },
    executor: {
      cancel: () => Promise.resolve(),
      retry: ({ id, runId }: HookExecution) => {
        tried.push(runId);
        return runId.startsWith('gone') ? Promise.reject(new HookDataGoneError(id)) : Promise.resolve();
      },
    },
  });
  return { executions, tried };
}

describe('Retrying the failures of a hook', () => {
  it('ends at the limit, and goes on with those that are left', async () => {
    const { executions, tried } = ledgerOf({ c: 30, a: 10, 'gone-b': 20, d: 40 });
    const first = await executions.retryAll({ hook: 'sync', limit: 2 });
    expect(first).toMatchObject({ retried: ['a:post:sync'], left: 2, next: 30 });
    expect(first.refused).toMatchObject([{ id: 'gone-b:post:sync', code: 'hook_data_gone' }]);
    expect(await executions.retryAll({ hook: 'sync', from: first.next, limit: 2 })).toEqual({
      retried: ['c:post:sync', 'd:post:sync'],
      refused: [],
      left: 0,
    });
    expect(tried).toEqual(['a', 'gone-b', 'c', 'd']);
  });

  it('comes to an end although all are refused and have failed in one millisecond', async () => {
    const { executions, tried } = ledgerOf({ 'gone-a': 10, 'gone-b': 10, 'gone-c': 10, d: 11 });
    let from: number | undefined = 0;
    for (let calls = 0; calls < 4 && from !== undefined; calls++)
      ({ next: from } = await executions.retryAll({ hook: 'sync', from, limit: 1 }));
    expect(tried).toEqual(['gone-a', 'gone-b', 'gone-c', 'd']);
  });

  it('tries 1,000 at most by default', async () => {
    const { executions, tried } = ledgerOf(
      Object.fromEntries(Array.from({ length: 1_001 }, (_, index) => [`run ${index}`, index])),
    );
    expect(await executions.retryAll({ hook: 'sync' })).toMatchObject({ left: 1, next: 1_000 });
    expect(tried).toHaveLength(1_000);
  });

  it.each([0, -1, 1.5, Number.NaN, Infinity])('refuses the limit %p', async (limit) => {
    const { executions, tried } = ledgerOf({ a: 10 });
    await expect(executions.retryAll({ hook: 'sync', limit })).rejects.toThrow(
      `retryAll(): expected limit to be a whole number from 1 on, got ${limit}.`,
    );
    expect(tried).toEqual([]);
  });
});
