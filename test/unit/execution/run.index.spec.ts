import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';

import { RunIndex } from '../../../src/execution/run.index.js';

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

function idsOf(index: RunIndex): string[] {
  return [...index.newestFirst()].map(({ runId }) => runId);
}

describe('RunIndex', () => {
  beforeEach(() => void jest.useFakeTimers());
  afterEach(() => void jest.useRealTimers());

  it('remembers as many runs as it may, the latest ones, the newest first', () => {
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

  it('does not change when the metrics of the run do', () => {
    const metrics = { inputTokens: 1 };
    const record = new RunIndex().add(settledRun('run', metrics));
    metrics.inputTokens = 2;
    expect(record.usage).toEqual({ inputTokens: 1 });
  });

  it('knows when the response of a run closed, and whether it was delivered', () => {
    const index = new RunIndex();
    index.close(index.add(settledRun('run')), 5_000, true);
    expect([...index.newestFirst()]).toMatchObject([{ closedAt: 5_000, delivered: true }]);
  });
});
