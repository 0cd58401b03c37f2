/** @jest-environment node */
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import fc from 'fast-check';

import { Deadlines } from '../../../src/execution/deadlines.js';
import { HookLimiter, type HookPermit } from '../../../src/execution/hook.limiter.js';
import type { HookLimits } from '../../../src/execution/hook.limits.js';

/** An execution of the property: when it asks, how long each of its attempts takes, and how many there are. */
interface Plan {
  readonly asksAt: number;
  readonly takes: number;
  readonly attempts: number;
}

const plan = fc.record({
  asksAt: fc.nat(200),
  takes: fc.nat(60),
  attempts: fc.integer({ min: 1, max: 3 }),
});

describe('HookLimiter', () => {
  beforeEach(() => void jest.useFakeTimers());
  afterEach(() => void jest.useRealTimers());

  function createLimiter(limits: Omit<HookLimits, 'hook'>): HookLimiter {
    return new HookLimiter({ hook: 'function hook', ...limits }, new Deadlines());
  }

  /** Takes permits in line; the names of those that have one, in their order. */
  function queue(limiter: HookLimiter, ...names: string[]): string[] {
    const served: string[] = [];
    for (const name of names)
      void limiter.take().then((permit) => {
        permit?.start();
        served.push(permit ? name : `${name} without a permit`);
      });
    return served;
  }

  it('gives permits up to the concurrency, and the next one when an execution has ended', async () => {
    const limiter = createLimiter({ concurrency: 2 });
    const [first, second] = [limiter.tryTake(), limiter.tryTake()];
    first?.start();
    second?.start();
    const served = queue(limiter, 'third', 'fourth');
    await jest.advanceTimersByTimeAsync(1_000_000);
    expect([limiter.tryTake(), served]).toEqual([undefined, []]);
    second?.end();
    await jest.advanceTimersByTimeAsync(0);
    expect(served).toEqual(['third']);
  });

  it('allows a start as soon as the rate counts fewer than its maximum within the period', async () => {
    const limiter = createLimiter({ rate: { max: 2, per: 100 } });
    limiter.tryTake()?.start();
    await jest.advanceTimersByTimeAsync(60);
    limiter.tryTake()?.start();
    const served = queue(limiter, 'third', 'fourth');
    const seen: string[][] = [];
    for (const step of [39, 1, 59, 1]) {
      await jest.advanceTimersByTimeAsync(step);
      seen.push([...served]);
    }
    expect(seen).toEqual([[], ['third'], ['third'], ['third', 'fourth']]);
  });

  it('counts a permit before the start of its execution, and the start from its own moment', async () => {
    const limiter = createLimiter({ rate: { max: 1, per: 100 } });
    const early = limiter.tryTake();
    const served = queue(limiter, 'next');
    await jest.advanceTimersByTimeAsync(500);
    expect(served).toEqual([]);
    early?.start();
    await jest.advanceTimersByTimeAsync(99);
    expect(served).toEqual([]);
    await jest.advanceTimersByTimeAsync(1);
    expect(served).toEqual(['next']);
  });

  it('lets a further attempt go before executions that have not started', async () => {
    const limiter = createLimiter({ rate: { max: 1, per: 100 } });
    const permit = limiter.tryTake();
    permit?.start();
    const served = queue(limiter, 'next');
    void permit?.restart().then(() => served.push('attempt'));
    await jest.advanceTimersByTimeAsync(100);
    expect(served).toEqual(['attempt']);
    await jest.advanceTimersByTimeAsync(100);
    expect(served).toEqual(['attempt', 'next']);
  });

  it('lets no execution overtake the line', async () => {
    const limiter = createLimiter({ concurrency: 1, rate: { max: 1, per: 100 } });
    const permit = limiter.tryTake();
    permit?.start();
    const served = queue(limiter, 'waiting');
    await jest.advanceTimersByTimeAsync(100);
    permit?.end();
    expect(limiter.tryTake()).toBeUndefined();
    await jest.advanceTimersByTimeAsync(0);
    expect(served).toEqual(['waiting']);
  });

  it('leaves no timer behind when it is closed, and lets the line pass without permits', async () => {
    const limiter = createLimiter({ rate: { max: 1, per: 100 } });
    const permit = limiter.tryTake();
    permit?.start();
    const served = queue(limiter, 'waiting');
    void permit?.restart().then(() => served.push('attempt'));
    expect(jest.getTimerCount()).toBe(1);
    limiter.close();
    expect(jest.getTimerCount()).toBe(0);
    served.push(...queue(limiter, 'late'));
    await permit?.restart();
    await Promise.resolve();
    expect([served.sort(), limiter.tryTake(), jest.getTimerCount()]).toEqual([
      ['attempt', 'waiting without a permit'],
      undefined,
      0,
    ]);
  });

  it('has no timer when the line is empty', async () => {
    const limiter = createLimiter({ concurrency: 1, rate: { max: 5, per: 100 } });
    const permit = limiter.tryTake();
    permit?.start();
    const served = queue(limiter, 'next');
    expect(jest.getTimerCount()).toBe(0);
    permit?.end();
    await Promise.resolve();
    expect([served, jest.getTimerCount()]).toEqual([['next'], 0]);
  });

  it('never exceeds its limits, serves in order, and serves all (property)', async () => {
    const limits = fc.record({
      concurrency: fc.integer({ min: 1, max: 4 }),
      rate: fc.record({ max: fc.integer({ min: 1, max: 4 }), per: fc.integer({ min: 1, max: 80 }) }),
    });
    const property = fc.asyncProperty(
      limits,
      fc.array(plan, { minLength: 1, maxLength: 15 }),
      async ({ concurrency, rate }, plans) => {
        const limiter = createLimiter({ concurrency, rate });
        const starts: number[] = [];
        const asked: number[] = [];
        const served: number[] = [];
        let running = 0;
        let most = 0;
        let ended = 0;
        const pause = (milliseconds: number): Promise<void> =>
          new Promise((resolve) => setTimeout(resolve, milliseconds));
        const execute = async ({ asksAt, takes, attempts }: Plan, index: number): Promise<void> => {
          await pause(asksAt);
          asked.push(index);
          const permit = (limiter.tryTake() ?? (await limiter.take())) as HookPermit;
          served.push(index);
          permit.start();
          most = Math.max(most, ++running);
          for (let attempt = 1; attempt <= attempts; attempt++) {
            if (attempt > 1) await permit.restart();
            starts.push(performance.now());
            await pause(takes);
          }
          running -= 1;
          permit.end();
          ended += 1;
        };
        const all = plans.map(execute);
        await jest.advanceTimersByTimeAsync(60_000);
        await Promise.all(all);
        expect(most).toBeLessThanOrEqual(concurrency);
        for (const [index, start] of starts.entries()) {
          const next = starts[index + rate.max];
          if (next !== undefined) expect(next - start).toBeGreaterThanOrEqual(rate.per);
        }
        expect([served, ended, jest.getTimerCount()]).toEqual([asked, plans.length, 0]);
      },
    );
    await fc.assert(property, { numRuns: 200 });
  });
});
