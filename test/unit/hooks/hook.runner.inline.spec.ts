import { getEventListeners } from 'node:events';

import { ForbiddenException } from '@nestjs/common';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import {
  GuardrailFailedError,
  HookFailedError,
  HookTimeoutError,
  InputCheckError,
  OutputCheckError,
  RunCancelledError,
} from 'nestjs-agentos';

import { HookHarness, type TestHook, type TestHookOptions } from '../../support/hook-harness.js';
import { raise } from '../../support/raise.js';

const BOOM = new Error('boom');

describe('HookRunner, inline,', () => {
  let harness: HookHarness;
  let cancellation: AbortController;

  beforeEach(() => {
    jest.useFakeTimers();
    harness = new HookHarness();
    cancellation = new AbortController();
  });

  afterEach(() => {
    jest.useRealTimers();
  });

  function run(hook: TestHook, options: TestHookOptions = {}): Promise<unknown> {
    const call = harness.call(hook, { mode: 'inline', ...options });
    return harness.runner.runInline(call, cancellation.signal);
  }

  it('resolves when the hook has ended, and gives it no delivery', async () => {
    await run(harness.noted(), { name: 'trim', phase: 'pre' });
    expect([harness.infos, harness.outcome()]).toStrictEqual([
      [{ name: 'trim', phase: 'pre', executionId: 'run:pre:trim', attempt: 1, mode: 'inline' }],
      { state: 'succeeded', attempts: 1 },
    ]);
  });

  it('records a hook that its condition skipped', async () => {
    await run(harness.noted(), { when: () => false, guardrail: true });
    expect([harness.infos, harness.outcome()]).toEqual([
      [],
      { state: 'skipped', attempts: 1, reason: 'condition' },
    ]);
  });

  it('resolves with the error that the run survives, and reports it', async () => {
    const survived = [
      await run(() => raise('text')),
      await run(() => Promise.reject(BOOM), { phase: 'post' }),
    ];
    expect(survived).toEqual([new Error('A value that is not an Error was thrown: "text"'), BOOM]);
    expect([harness.failures.map(({ error }) => error), harness.ledger.counts.failed]).toEqual([survived, 2]);
  });

  it('rejects when the run must end, and reports the cause', async () => {
    const rejected = [
      run(() => raise(BOOM), { phase: 'pre' }),
      run(() => raise(BOOM), { phase: 'post', onError: 'fail' }),
      run(() => raise(BOOM), { guardrail: true }),
    ].map((result) => result.catch(({ constructor, cause }: Error) => [constructor, cause]));
    expect(await Promise.all(rejected)).toEqual([
      [HookFailedError, BOOM],
      [HookFailedError, BOOM],
      [GuardrailFailedError, BOOM],
    ]);
    expect(harness.failures.map(({ error }) => error)).toEqual([BOOM, BOOM, BOOM]);
  });

  it('counts a rejection as a success of the hook, and reports no failure', async () => {
    for (const thrown of [new InputCheckError('no'), new OutputCheckError('no'), new ForbiddenException()])
      await expect(run(() => raise(thrown), { guardrail: true })).rejects.toThrow(thrown.message);
    expect([harness.failures, harness.ledger.list()]).toMatchObject([
      [],
      ['ForbiddenException', 'OutputCheckError', 'InputCheckError'].map((errorName) => ({
        state: 'succeeded',
        reason: 'rejected',
        errorName,
      })),
    ]);
  });

  it('ends a hook that takes longer than 30 seconds: a guardrail blocks, another post-hook does not', async () => {
    const hanging = (): Promise<void> => new Promise(() => undefined);
    const results = Promise.allSettled([run(hanging, { guardrail: true, name: 'guard' }), run(hanging)]);
    await jest.advanceTimersByTimeAsync(29_999);
    const before = harness.ledger.openCount;
    await jest.advanceTimersByTimeAsync(1);
    expect([before, await results, harness.ledger.counts.timed_out]).toMatchObject([
      2,
      [
        { status: 'rejected', reason: expect.any(GuardrailFailedError) },
        { status: 'fulfilled', value: expect.any(HookTimeoutError) },
      ],
      2,
    ]);
  });

  it('drops a hook whose run is cancelled, whatever the hook does with it', async () => {
    const reason = new RunCancelledError('The client left.');
    const results = Promise.allSettled([
      run(() => new Promise(() => undefined)),
      run(
        ({ signal }) =>
          new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(BOOM))),
      ),
      run(() => new Promise(() => undefined), { guardrail: true }),
    ]);
    cancellation.abort(reason);
    expect((await results).map((result) => 'reason' in result && result.reason)).toEqual([
      reason,
      reason,
      reason,
    ]);
    expect([
      harness.failures,
      new Set(harness.ledger.list().map(({ state, reason }) => `${state} ${reason}`)),
    ]).toEqual([[], new Set(['dropped cancelled'])]);
  });

  it('aborts the signal of the hook at a cancellation, and leaves no listener on the run', async () => {
    const signals: AbortSignal[] = [];
    const hook: TestHook = ({ signal }) => void signals.push(signal);
    const waiting: TestHook = ({ signal }) =>
      new Promise((resolve) => signal.addEventListener('abort', () => resolve(void signals.push(signal))));
    await run(hook);
    const left = getEventListeners(cancellation.signal, 'abort').length;
    const running = run(waiting).catch(() => undefined);
    cancellation.abort();
    await running;
    expect([left, signals.map(({ aborted }) => aborted)]).toEqual([0, [false, true]]);
  });
});
