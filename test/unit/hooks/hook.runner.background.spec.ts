/** @jest-environment node */
import { getEventListeners } from 'node:events';

import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { InputCheckError, PlainDataError } from 'nestjs-agentos';

import { HookHarness, type TestHook, type TestHookOptions } from '../../support/hook-harness.js';
import { raise } from '../../support/raise.js';

const BOOM = new Error('boom');
const START = 1_000_000;

describe('HookRunner, in the background,', () => {
  let harness: HookHarness;

  beforeEach(() => {
    jest.useFakeTimers({ now: START });
    harness = new HookHarness();
  });

  afterEach(() => {
    jest.useRealTimers();
  });

  const shutdown = new AbortController().signal;

  function run(hook: TestHook, options?: TestHookOptions, delivery = {}): Promise<void> | undefined {
    return harness.runner.runInBackground(harness.call(hook, options), { shutdown, ...delivery });
  }

  async function runToEnd(hook: TestHook, options?: TestHookOptions): Promise<void> {
    const running = run(hook, options);
    await jest.advanceTimersByTimeAsync(10 * 60_000);
    await running;
  }

  it('makes a further attempt only when the limits of the hook allow it, and none if shutdown comes first', async () => {
    const stopping = new AbortController();
    const asked: (() => void)[] = [];
    const beforeRetry = (): Promise<void> => new Promise((resolve) => asked.push(resolve));
    const retry = { attempts: 3, backoff: 1 };
    const running = run(
      harness.noted(() => raise(BOOM)),
      { retry },
      { beforeRetry, shutdown: stopping.signal },
    );
    await jest.advanceTimersByTimeAsync(60_000);
    expect([harness.infos.length, asked.length]).toEqual([1, 1]);
    asked[0]?.();
    await jest.advanceTimersByTimeAsync(60_000);
    expect([harness.infos.length, asked.length]).toEqual([2, 2]);
    stopping.abort();
    asked[1]?.();
    await running;
    expect([harness.infos.length, harness.outcome().state]).toEqual([2, 'running']);
  });

  it('ends immediate hooks without a promise', () => {
    const returned = [run(() => 1), run(() => raise(BOOM)), run(() => 1, { when: () => false })];
    expect([returned, harness.ledger.counts]).toEqual([
      [undefined, undefined, undefined],
      { succeeded: 1, failed: 1, skipped: 1, timed_out: 0, dropped: 0 },
    ]);
  });

  it('gives the hook its execution, and the delivery of the response if there was one', () => {
    void run(harness.noted(), { name: 'notify', runId: 'r1' }, { delivered: false });
    void run(harness.noted(), { name: 'notify', runId: 'r2', phase: 'pre' });
    const info = { name: 'notify', attempt: 1, mode: 'background' };
    expect(harness.infos).toStrictEqual([
      { ...info, phase: 'post', executionId: 'r1:post:notify', delivered: false },
      { ...info, phase: 'pre', executionId: 'r2:pre:notify' },
    ]);
  });

  it('records a hook that its condition skipped', async () => {
    await run(harness.noted(), { when: async () => false });
    expect([harness.infos, harness.outcome()]).toEqual([
      [],
      { state: 'skipped', attempts: 1, reason: 'condition' },
    ]);
  });

  it.each<[unknown, string, string]>([
    [new RangeError('too far'), 'RangeError', 'too far'],
    [undefined, 'undefined', 'A value that is not an Error was thrown: undefined'],
    [null, 'object', 'A value that is not an Error was thrown: null'],
    ['no luck', 'string', 'A value that is not an Error was thrown: "no luck"'],
    [404, 'number', 'A value that is not an Error was thrown: 404'],
    [{ code: 1 }, 'object', 'A value that is not an Error was thrown: [object Object]'],
  ])(
    'G13: the runner records and reports %p, thrown or rejected, once',
    async (thrown, errorName, message) => {
      void run(() => raise(thrown));
      await run(() => Promise.reject(thrown));
      expect(harness.ledger.list()).toMatchObject([
        { state: 'failed', errorName },
        { state: 'failed', errorName },
      ]);
      expect(harness.failures.map(({ error }) => [error instanceof Error, error.message])).toEqual([
        [true, message],
        [true, message],
      ]);
    },
  );

  it('G13: the runner records a hook that exceeds 60 seconds, or its own timeout, as timed out', async () => {
    const ends: [string, number][] = [];
    harness.ledger.changes.subscribe(({ hook, state, endedAt }) => {
      if (state === 'timed_out') ends.push([hook, (endedAt ?? 0) - START]);
    });
    const hanging = (): Promise<void> => new Promise(() => undefined);
    const byDefault = run(hanging, { name: 'default' });
    const own = run(hanging, { name: 'own', timeout: 250 });
    await jest.advanceTimersByTimeAsync(60_000);
    await byDefault;
    await own;
    expect([ends, jest.getTimerCount()]).toEqual([
      [
        ['own', 250],
        ['default', 60_000],
      ],
      0,
    ]);
    expect(harness.failures.map(({ error }) => error.message)).toEqual([
      'Hook "own" did not finish within 250 ms. Its signal was aborted; raise `timeout` in its decorator if it needs longer.',
      'Hook "default" did not finish within 60000 ms. Its signal was aborted; raise `timeout` in its decorator if it needs longer.',
    ]);
  });

  it('G16: the runner keeps the execution id over all attempts', async () => {
    await runToEnd(
      harness.noted(() => raise(BOOM)),
      { name: 'sync', retry: { attempts: 3 } },
    );
    expect(harness.infos.map(({ executionId, attempt }) => [executionId, attempt])).toEqual([
      ['run:post:sync', 1],
      ['run:post:sync', 2],
      ['run:post:sync', 3],
    ]);
  });

  it.each([
    [undefined, [0, 1_000, 3_000, 7_000, 15_000]],
    [50, [0, 50, 150, 350, 750]],
    [1, [0, 1, 3, 7, 15]],
  ])('doubles a backoff of %p before each attempt', async (backoff, expected) => {
    const times: number[] = [];
    const hook = async (): Promise<void> => {
      times.push(Date.now() - START);
      throw BOOM;
    };
    await runToEnd(hook, { retry: { attempts: 5, ...(backoff === undefined ? {} : { backoff }) } });
    expect([times, jest.getTimerCount()]).toEqual([expected, 0]);
  });

  it('stops trying once an attempt succeeds, and reports no failure', async () => {
    await runToEnd(
      harness.noted((attempt) => (attempt < 3 ? raise(BOOM) : undefined)),
      { retry: { attempts: 9 } },
    );
    expect([harness.infos.length, harness.failures, harness.outcome()]).toEqual([
      3,
      [],
      { state: 'succeeded', attempts: 3 },
    ]);
  });

  it('reports a hook that fails in all attempts once, after its last attempt', async () => {
    await runToEnd(
      harness.noted((attempt) => raise(new Error(`failure ${attempt}`))),
      { retry: { attempts: 3 } },
    );
    expect([harness.failures.map(({ error }) => error.message), harness.outcome()]).toEqual([
      ['failure 3'],
      { state: 'failed', attempts: 3, errorName: 'Error' },
    ]);
    expect(getEventListeners(shutdown, 'abort')).toEqual([]);
  });

  it('gives each attempt its own time and signal', async () => {
    const signals: AbortSignal[] = [];
    const hook: TestHook = ({ signal, hook: { attempt } }) => {
      signals.push(signal);
      return attempt === 1 ? new Promise(() => undefined) : undefined;
    };
    await runToEnd(hook, { timeout: 100, retry: { attempts: 2 } });
    expect([signals.map(({ aborted }) => aborted), harness.outcome()]).toEqual([
      [true, false],
      { state: 'succeeded', attempts: 2 },
    ]);
  });

  it('evaluates the condition again before each attempt', async () => {
    const options = { retry: { attempts: 3 }, when: () => harness.infos.length === 0 };
    await runToEnd(
      harness.noted(() => raise(BOOM)),
      options,
    );
    expect([harness.infos.length, harness.outcome()]).toEqual([
      1,
      { state: 'skipped', attempts: 2, reason: 'condition' },
    ]);
  });

  it('does not repeat errors that would come again', async () => {
    await runToEnd(
      harness.noted(() => raise(new InputCheckError('no'))),
      { retry: { attempts: 3 } },
    );
    const call = harness.call(harness.noted(), { retry: { attempts: 3 }, name: 'copied' });
    const createContext = (): never => raise(new PlainDataError('runContext.metadata.client', 'a function'));
    void harness.runner.runInBackground({ ...call, subject: { ...call.subject, createContext } }, {});
    expect([harness.infos.length, harness.ledger.list()]).toMatchObject([
      1,
      [
        { hook: 'copied', state: 'failed', attempts: 1, errorName: 'PlainDataError' },
        { state: 'failed', attempts: 1, errorName: 'InputCheckError' },
      ],
    ]);
  });

  it('aborts the signal at shutdown, and leaves no listener on it', async () => {
    const stopping = new AbortController();
    const seen: unknown[] = [];
    const hook: TestHook = ({ signal }) =>
      new Promise<void>((resolve) =>
        signal.addEventListener('abort', () => resolve(void seen.push(signal.reason))),
      );
    const running = run(hook, {}, { shutdown: stopping.signal });
    void run(({ signal }) => raise(signal), {}, { shutdown: stopping.signal });
    const whileRunning = getEventListeners(stopping.signal, 'abort').length;
    stopping.abort('shutdown');
    await running;
    expect([seen, whileRunning, getEventListeners(stopping.signal, 'abort')]).toEqual([['shutdown'], 1, []]);
  });

  it('at shutdown ends a pause before the next attempt, which is not made', async () => {
    const stopping = new AbortController();
    const running = run(
      harness.noted(() => raise(BOOM)),
      { retry: { attempts: 3 } },
      { shutdown: stopping.signal },
    );
    stopping.abort();
    await running;
    void run(
      harness.noted(() => raise(BOOM)),
      { retry: { attempts: 3 }, name: 'late' },
      { shutdown: stopping.signal },
    );
    expect([harness.infos.length, jest.getTimerCount(), getEventListeners(stopping.signal, 'abort')]).toEqual(
      [2, 0, []],
    );
    expect(harness.ledger.list().map(({ hook, state }) => [hook, state])).toEqual([
      ['postHooks[0]', 'running'],
      ['late', 'failed'],
    ]);
  });

  it('records nothing more of a hook that was dropped meanwhile', async () => {
    const task = harness.task(() => Promise.reject(BOOM));
    const running = task.run({});
    task.drop();
    await running;
    expect([harness.failures, harness.outcome()]).toEqual([
      [],
      { state: 'dropped', attempts: 1, reason: 'shutdown' },
    ]);
  });
});
