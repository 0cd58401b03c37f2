import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import fc from 'fast-check';

import { RunIndex, type IndexedRun } from '../../../src/execution/run.index.js';
import type { RunActivity } from '../../../src/model/run-activity.js';

type SettledRun = Parameters<RunIndex['add']>[0];

function settledRun(runId: string, metrics: object = {}): SettledRun {
  const context: object = { content: 'SECRET' };
  const run = {
    runId,
    context,
    session: { id: 'session' },
    userId: undefined,
    identity: { kind: 'agent', id: 'support', name: 'Support' },
    position: 'root',
    startedAt: performance.now() - 50,
    input: { content: 'SECRET' },
    output: { content: 'SECRET', metrics },
    outcome: 'completed',
    activities: [],
  } as const;
  return run;
}

const activities: fc.Arbitrary<RunActivity> = fc.record(
  {
    kind: fc.constantFrom('attempt', 'tool-call'),
    name: fc.string(),
    startedAt: fc.nat(),
    endedAt: fc.nat(),
    hasFailed: fc.constant(true),
  },
  { requiredKeys: ['kind', 'startedAt'], noNullPrototype: true },
);

const settledRuns: fc.Arbitrary<SettledRun> = fc
  .record({
    runId: fc.uuid(),
    userId: fc.option(fc.string(), { nil: undefined }),
    parentRunId: fc.option(fc.string(), { nil: undefined }),
    outcome: fc.constantFrom('completed', 'failed', undefined),
    metrics: fc.constantFrom({}, { inputTokens: 3 }),
    activities: fc.array(activities, { maxLength: 2 }),
  })
  .map(({ runId, parentRunId, metrics, ...others }) => ({
    ...settledRun(runId, metrics),
    ...others,
    context: parentRunId === undefined ? {} : { parentRunId },
  }));

function idsOf(index: RunIndex): string[] {
  return [...index.newestFirst()].map(({ runId }) => runId);
}

describe('RunIndex', () => {
  beforeEach(() => void jest.useFakeTimers());
  afterEach(() => void jest.useRealTimers());

  it('remembers the latest runs up to its capacity, the newest first', () => {
    const index = new RunIndex(3);
    const seen = ['a', 'b', 'c', 'd', 'e', 'f', 'g'].map((id) => {
      index.add(settledRun(id));
      return idsOf(index).join('');
    });
    expect(seen).toEqual(['a', 'ba', 'cba', 'dcb', 'edc', 'fed', 'gfe']);
  });

  it('keeps ids, names, times and tokens, never content', () => {
    const index = new RunIndex();
    index.add(settledRun('run', { inputTokens: 3, duration: 2, extra: 'SECRET' }));
    const [record] = index.newestFirst();
    expect(record).toStrictEqual({
      runId: 'run',
      sessionId: 'session',
      component: { kind: 'agent', id: 'support', name: 'Support' },
      position: 'root',
      outcome: 'completed',
      startedAt: expect.any(Number),
      settledAt: expect.any(Number),
      activities: [],
      usage: { inputTokens: 3 },
    });
    expect((record?.settledAt ?? 0) - (record?.startedAt ?? 0)).toBe(50);
  });

  it('stays unchanged when the metrics of the run change', () => {
    const metrics = { inputTokens: 1 };
    const index = new RunIndex();
    index.add(settledRun('run', metrics));
    metrics.inputTokens = 2;
    expect([...index.newestFirst()]).toMatchObject([{ usage: { inputTokens: 1 } }]);
  });

  it('records when the response of a run closed, and whether it was delivered', () => {
    const index = new RunIndex();
    const close = index.add(settledRun('run'));
    close(5_000, true);
    expect([...index.newestFirst()]).toMatchObject([{ closedAt: 5_000, delivered: true }]);
  });

  it('does not take the response of a run that it has forgotten for that of a later one, but announces it', () => {
    const index = new RunIndex(1);
    const announced: IndexedRun[] = [];
    index.changes.subscribe((run) => announced.push(run));
    const close = index.add(settledRun('forgotten'));
    index.add(settledRun('later'));
    close(5_000, true);
    const [later] = index.newestFirst();
    expect(later).toMatchObject({ runId: 'later' });
    expect(later).not.toHaveProperty('closedAt');
    expect(announced.map(({ runId, closedAt }) => [runId, closedAt])).toEqual([
      ['forgotten', undefined],
      ['later', undefined],
      ['forgotten', 5_000],
    ]);
  });

  it('returns the same as it announces, also in records that were used before', () => {
    const index = new RunIndex(2);
    const announced = new Map<string, IndexedRun>();
    index.changes.subscribe((run) => announced.set(run.runId, run));
    fc.assert(
      fc.property(settledRuns, fc.option(fc.boolean()), (run, delivered) => {
        const close = index.add(run);
        if (delivered !== null) close(7_000, delivered);
        for (const record of index.newestFirst()) expect(record).toStrictEqual(announced.get(record.runId));
      }),
    );
  });
});
