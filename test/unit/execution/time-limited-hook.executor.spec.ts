/** @jest-environment node */
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';

import { hookExecutorContract } from 'nestjs-agentos/testing';

import type { HookTask } from '../../../src/execution/hook.executor.js';
import { InProcessHookExecutor } from '../../../src/execution/in-process-hook.executor.js';
import { TimeLimitedHookExecutor } from '../../../src/execution/time-limited-hook.executor.js';
import { createGate } from '../../../src/testing/gate.js';
import { describeContract } from '../../support/contracts.js';
import { HookHarness } from '../../support/hook-harness.js';

describe('The time limit of an executor', () => {
  beforeEach(() => void jest.useFakeTimers());
  afterEach(() => void jest.useRealTimers());

  /** An executor that runs what it accepts at once, and one batch whose hooks wait for gates. */
  function createStage(): {
    readonly executor: TimeLimitedHookExecutor;
    readonly harness: HookHarness;
    readonly gates: ReturnType<typeof createGate>[];
  } {
    const harness = new HookHarness();
    const gates = [createGate(), createGate()];
    class Eager extends InProcessHookExecutor {
      override ended(): Promise<void> {
        return new Promise(() => undefined);
      }
    }
    const inner = new Eager({ concurrency: 1, maxPending: 0, onOverflow: () => undefined });
    const executor = new TimeLimitedHookExecutor(inner, { timeout: 1_000, logger: harness.log });
    return { executor, harness, gates };
  }

  it('includes for accept() the time of the hooks that it runs', async () => {
    const { executor, harness, gates } = createStage();
    const [one, two] = gates;
    const batch = harness.batch('run', { one: () => one?.opened, two: () => two?.opened });
    let isAccepted = false;
    const accepting = executor.accept(batch)?.then(() => (isAccepted = true));
    await jest.advanceTimersByTimeAsync(20_000);
    one?.open();
    await jest.advanceTimersByTimeAsync(20_000);
    expect(isAccepted).toBe(false);
    two?.open();
    await accepting;
    expect(jest.getTimerCount()).toBe(0);
  });

  it('includes for accept() the time that the executor asks for, so that no hook is dropped that waits for its limits', async () => {
    const { harness } = createStage();
    const ran: string[] = [];
    class Patient extends InProcessHookExecutor {
      override get acceptTimeout(): number {
        return Infinity;
      }
    }
    const inner = new Patient({ concurrency: 1, maxPending: 0, onOverflow: () => undefined });
    const executor = new TimeLimitedHookExecutor(inner, { timeout: 1_000, logger: harness.log });
    const accept = async (id: string): Promise<void> =>
      executor.accept(
        harness.batch(id, { hook: () => void ran.push(id) }, {}, { rate: { max: 1, per: 60_000 } }),
      );
    const accepting = Promise.all([accept('first'), accept('second')]);
    await jest.advanceTimersByTimeAsync(60_000);
    await accepting;
    expect(ran).toEqual(['first', 'second']);
    expect(jest.getTimerCount()).toBe(0);
  });

  it('leaves no timer behind if the deadline of stop() passes after it has stopped', async () => {
    const { harness } = createStage();
    const inner = new InProcessHookExecutor({ concurrency: 1, maxPending: 1, onOverflow: () => undefined });
    const executor = new TimeLimitedHookExecutor(inner, { timeout: 1_000, logger: harness.log });
    const deadline = new AbortController();
    expect(await executor.stop(deadline.signal)).toEqual([]);
    deadline.abort();
    await jest.advanceTimersByTimeAsync(0);
    expect(jest.getTimerCount()).toBe(0);
  });

  it('begins for ended() when the last hook has ended', async () => {
    const { executor, harness, gates } = createStage();
    const batch = harness.batch('run', { one: () => gates[0]?.opened });
    const accepting = executor.accept(batch);
    let thrown: unknown;
    const ended = executor.ended(batch).catch((reason: unknown) => (thrown = reason));
    await jest.advanceTimersByTimeAsync(20_000);
    expect(thrown).toBeUndefined();
    gates[0]?.open();
    await accepting;
    await jest.advanceTimersByTimeAsync(2_000);
    await ended;
    expect(String(thrown)).toMatch(/^Error: HookExecutor\.ended\(\) did not answer within 1000 ms\./);
    expect(jest.getTimerCount()).toBe(0);
  });

  it.each<[unknown, string]>([
    [5, '5 (number)'],
    [true, 'true (boolean)'],
    [{}, 'an object'],
  ])('names the method that returns %p instead of a promise', async (answer, got) => {
    class Odd extends InProcessHookExecutor {
      override accept(): Promise<void> {
        return answer as Promise<void>;
      }

      override ended(): Promise<void> {
        return answer as Promise<void>;
      }

      override stop(): Promise<readonly HookTask[]> {
        return answer as Promise<readonly HookTask[]>;
      }
    }
    const harness = new HookHarness();
    const odd = new Odd({ concurrency: 1, maxPending: 1, onOverflow: () => undefined });
    const executor = new TimeLimitedHookExecutor(odd, { timeout: 1_000, logger: harness.log });
    const batch = harness.batch('run', {});
    const problem = `answered with ${got}; expected a promise.`;
    expect(() => executor.accept(batch)).toThrow(`HookExecutor.accept() ${problem}`);
    expect(() => executor.ended(batch)).toThrow(`HookExecutor.ended() ${problem}`);
    await expect(executor.stop(AbortSignal.abort())).rejects.toThrow(`HookExecutor.stop() ${problem}`);
    expect(jest.getTimerCount()).toBe(0);
  });
});

// Last: hooks that its cases have left behind time out later, which would count as timers of the tests above.
describeContract(
  'An executor whose calls have a time limit',
  hookExecutorContract(
    ({ concurrency }) =>
      new TimeLimitedHookExecutor(
        new InProcessHookExecutor({ concurrency, maxPending: 10_000, onOverflow: () => undefined }),
        { timeout: 10_000, logger: new HookHarness().log },
      ),
    { canRetry: true, canLimit: true, canSupersede: true },
  ),
);
