/** @jest-environment node */
import { getEventListeners } from 'node:events';

import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { HookTimeoutError, type HookInfo, type PostHookContext } from 'nestjs-agentos';
import { defer, EMPTY, NEVER, Observable, of, throwError } from 'rxjs';

import { Deadlines } from '../../../src/execution/deadlines.js';
import { attemptHook, type AttemptResult } from '../../../src/hooks/hook.attempt.js';
import { LazySignal } from '../../../src/hooks/lazy-signal.js';
import { createGate } from '../../../src/testing/gate.js';
import {
  bindTestHook,
  createTestContext,
  type TestDecoration,
  type TestHook,
} from '../../support/hook-harness.js';
import { raise } from '../../support/raise.js';
import { recordUnhandledRejections } from '../../support/unhandled-rejections.js';

const BOOM = new Error('boom');

interface AttemptOptions {
  readonly decoration?: TestDecoration;
  readonly timeout?: number;
  readonly parent?: AbortSignal;
  readonly abandonOn?: AbortSignal;
}

function attempt(hook: TestHook, options: AttemptOptions = {}): AttemptResult | Promise<AttemptResult> {
  const { decoration = {}, timeout = 1_000, parent, abandonOn } = options;
  const signal = new LazySignal(parent);
  const context = createTestContext('run', {} as HookInfo, signal);
  const bound = bindTestHook(hook, 'post', { name: 'notify', ...decoration });
  const request = { hook: bound, context, signal, timeout, ...(abandonOn ? { abandonOn } : {}) };
  return attemptHook(request, new Deadlines());
}

function listenersOf(controller: AbortController): number {
  return getEventListeners(controller.signal, 'abort').length;
}

describe('attemptHook()', () => {
  it.each([undefined, null, 0, 'text', true, Symbol('s'), {}, [], () => 1, { then: 'no function' }])(
    'has ended at once when the hook returns %p',
    (returned) => {
      expect(attempt(() => returned)).toBe('ran');
    },
  );

  it.each<[string, () => unknown]>([
    ['a promise', () => Promise.resolve(1)],
    ['a thenable', () => ({ then: (resolve: () => void) => resolve() })],
    ['a callable thenable', () => Object.assign(() => 1, { then: (resolve: () => void) => resolve() })],
    ['an observable', () => of(1, 2)],
    ['an empty observable', () => EMPTY],
  ])('waits for %s', async (_name, hook) => {
    const result = attempt(hook);
    expect(result).toBeInstanceOf(Promise);
    await expect(result).resolves.toBe('ran');
  });

  it('subscribes to a returned observable and waits until it completes', async () => {
    const steps: string[] = [];
    const gate = createGate();
    const result = attempt(
      () =>
        new Observable((subscriber) => {
          steps.push('subscribed');
          subscriber.next(1);
          void gate.opened.then(() => {
            steps.push('completed');
            subscriber.complete();
          });
        }),
    );
    const settled = Promise.resolve(result).then(() => steps.push('ran'));
    gate.open();
    await settled;
    expect(steps).toEqual(['subscribed', 'completed', 'ran']);
  });

  it.each([BOOM, undefined, null, 'text', 0])('throws %p exactly as the hook threw it', async (thrown) => {
    const outcomes = await Promise.all(
      [
        () => raise(thrown),
        () => Promise.reject(thrown),
        () => throwError(() => thrown),
        () => ({ then: () => raise(thrown) }),
        () => ({ then: (_resolve: unknown, reject: (reason: unknown) => void) => reject(thrown) }),
        () => Object.defineProperty({}, 'then', { get: () => raise(thrown) }),
      ].map(async (hook) => {
        try {
          return await attempt(hook);
        } catch (caught) {
          return { caught };
        }
      }),
    );
    expect(outcomes).toEqual(Array.from({ length: 6 }, () => ({ caught: thrown })));
  });

  it('accepts the first result of a thenable that settles twice', async () => {
    const twice = {
      then(resolve: (value: unknown) => void, reject: (reason: unknown) => void): void {
        resolve(1);
        reject(BOOM);
        throw BOOM;
      },
    };
    await expect(attempt(() => twice)).resolves.toBe('ran');
  });

  it.each<[string, () => unknown]>([
    ['a generator', () => (function* () {})()],
    ['an async generator', () => (async function* () {})()],
    ['a promise of a generator', () => Promise.resolve((function* () {})())],
    [
      'a generator of an old compile target',
      () => ({ next: raise, throw: raise, return: raise, [Symbol.asyncIterator]: raise }),
    ],
    ['a function that it should have called', () => () => raise(BOOM)],
    ['a promise of a function', () => Promise.resolve(() => raise(BOOM))],
    ['an error that it should have thrown', () => BOOM],
    ['a promise of an error', () => Promise.resolve(BOOM)],
    ['promises that nothing waits for', () => [Promise.resolve()]],
    ['settled promises, one of them rejected', () => Promise.allSettled([Promise.reject(BOOM)])],
    ['errors in an array', () => [undefined, BOOM]],
  ])('fails a guardrail that returns %s, but not a hook', async (_name, hook) => {
    const asGuardrail = async (): Promise<AttemptResult> =>
      attempt(hook, { decoration: { guardrail: true } });
    await expect(asGuardrail()).rejects.toThrow(
      /^Guardrail "notify" returned (an? (generator|function|error)|promises in an array|an error in an array), /,
    );
    expect(await attempt(hook)).toBe('ran');
  });

  it('fails a guardrail that returns promises in an array, and swallows their rejections', async () => {
    const unhandled = recordUnhandledRejections();
    const ask = (): unknown => attempt(() => [Promise.reject(BOOM)], { decoration: { guardrail: true } });
    expect(ask).toThrow('Await Promise.all() of them.');
    expect(await unhandled.stop()).toEqual([]);
  });

  describe('with `when`', () => {
    it.each<[string, AttemptResult, unknown]>([
      ['true', 'ran', true],
      ['false', 'skipped', false],
      ['a promise of true', 'ran', Promise.resolve(true)],
      ['a promise of false', 'skipped', Promise.resolve(false)],
    ])('that returns %s, ends with the result %s', async (_name, expected, returned) => {
      let calls = 0;
      const result = await attempt(() => (calls += 1), { decoration: { when: () => returned as boolean } });
      expect([result, calls]).toEqual([expected, expected === 'ran' ? 1 : 0]);
    });

    it.each<[string, unknown]>([
      ['true', true],
      ['something that is only truthy', 1],
      ['a promise of something truthy', Promise.resolve('yes')],
      ['nothing', undefined],
      ['null', null],
      ['a promise of nothing', Promise.resolve()],
      ['something that is only falsy', 0],
      ['an observable without a value', EMPTY],
    ])('that returns %s, applies a guardrail', async (_name, returned) => {
      const guard = jest.fn();
      const result = await attempt(guard, {
        decoration: { guardrail: true, when: () => returned as boolean },
      });
      expect([result, guard.mock.calls.length]).toEqual(['ran', 1]);
    });

    it.each<[string, unknown]>([
      ['false', false],
      ['a promise of false', Promise.resolve(false)],
      ['an observable of false', of(false)],
    ])('that returns %s, does not apply a guardrail', async (_name, returned) => {
      const guard = jest.fn();
      const result = await attempt(guard, {
        decoration: { guardrail: true, when: () => returned as boolean },
      });
      expect([result, guard.mock.calls.length]).toEqual(['skipped', 0]);
    });

    it.each<[string, unknown, string]>([
      ['something that is only truthy', 1, 'a value of type number'],
      ['a promise of something truthy', Promise.resolve('yes'), 'a value of type string'],
      ['nothing', undefined, 'undefined'],
      ['a promise of null', Promise.resolve(null), 'null'],
      ['something that is only falsy', '', 'a value of type string'],
    ])('that returns %s, fails a hook without calling it', async (_name, returned, kind) => {
      const hook = jest.fn();
      const attempted = async (): Promise<AttemptResult> =>
        attempt(hook, { decoration: { when: () => returned as boolean } });
      await expect(attempted()).rejects.toThrow(
        `The "when" of hook "notify" must return true or false, or a promise of one of them. It returned ${kind}.`,
      );
      expect(hook).not.toHaveBeenCalled();
    });

    it('returns at once if the condition does', () => {
      expect([
        attempt(() => 1, { decoration: { when: () => true } }),
        attempt(() => 1, { decoration: { when: () => false } }),
      ]).toEqual(['ran', 'skipped']);
    });

    it('gives the condition the context of the hook', () => {
      const seen: PostHookContext[] = [];
      const note = (context: PostHookContext): boolean => seen.push(context) > 0;
      void attempt(note, { decoration: { when: note } });
      expect([seen.length, seen[0] === seen[1]]).toEqual([2, true]);
    });

    it('waits for the hook after an asynchronous condition', async () => {
      const steps: string[] = [];
      const hook = async (): Promise<void> => {
        await Promise.resolve();
        steps.push('hook');
      };
      await attempt(hook, { decoration: { when: async () => true } });
      await attempt(() => defer(hook), { decoration: { when: async () => true } });
      expect(steps).toEqual(['hook', 'hook']);
    });

    it('fails if the condition fails, and does not call the hook', async () => {
      const hook = jest.fn();
      expect(() => attempt(hook, { decoration: { when: () => raise(BOOM) } })).toThrow(BOOM);
      await expect(attempt(hook, { decoration: { when: () => Promise.reject(BOOM) } })).rejects.toBe(BOOM);
      expect(hook).not.toHaveBeenCalled();
    });
  });

  describe('with a timeout', () => {
    beforeEach(() => {
      jest.useFakeTimers({ doNotFake: ['setImmediate'] });
    });

    afterEach(() => {
      jest.useRealTimers();
    });

    it('ends a hook that takes too long, and aborts its signal with the same error', async () => {
      const signals: AbortSignal[] = [];
      const hook: TestHook = ({ signal }) => {
        signals.push(signal);
        return new Promise(() => undefined);
      };
      const result = expect(attempt(hook, { timeout: 50 })).rejects.toEqual(
        new HookTimeoutError('notify', 50),
      );
      jest.advanceTimersByTime(49);
      const before = signals[0]?.aborted;
      jest.advanceTimersByTime(1);
      await result;
      expect([before, signals[0]?.aborted, signals[0]?.reason]).toEqual([
        false,
        true,
        new HookTimeoutError('notify', 50),
      ]);
    });

    it('ends an observable that never completes, and a condition that never answers', async () => {
      const hanging = [
        attempt(() => NEVER, { timeout: 50 }),
        attempt(() => 1, { timeout: 50, decoration: { when: () => new Promise(() => undefined) } }),
      ].map((result) => expect(result).rejects.toThrow(HookTimeoutError));
      jest.advanceTimersByTime(50);
      await Promise.all(hanging);
      expect(hanging).toHaveLength(2);
    });

    it('shares one time between the condition and the hook', async () => {
      const wait = (): Promise<boolean> => new Promise((resolve) => setTimeout(() => resolve(true), 30));
      const result = expect(attempt(wait, { timeout: 50, decoration: { when: wait } })).rejects.toThrow(
        HookTimeoutError,
      );
      await jest.advanceTimersByTimeAsync(50);
      await result;
    });

    it('ignores the later result of a hook that it has abandoned', async () => {
      const rejections = recordUnhandledRejections();
      let reject!: (reason: unknown) => void;
      const hook = (): Promise<void> => new Promise((_resolve, fail) => (reject = fail));
      const result = expect(attempt(hook, { timeout: 50 })).rejects.toThrow(HookTimeoutError);
      jest.advanceTimersByTime(50);
      await result;
      reject(BOOM);
      expect(await rejections.stop()).toEqual([]);
    });

    it('leaves no timer when the hook settles in time', async () => {
      await attempt(async () => 1);
      await Promise.resolve(attempt(() => Promise.reject(BOOM))).catch(() => undefined);
      expect(jest.getTimerCount()).toBe(0);
    });
  });

  describe('under a signal that may abandon it', () => {
    it('stops waiting at once with the reason of the signal', async () => {
      const run = new AbortController();
      const signals: AbortSignal[] = [];
      const hook: TestHook = ({ signal }) => {
        signals.push(signal);
        return new Promise(() => undefined);
      };
      const result = attempt(hook, { parent: run.signal, abandonOn: run.signal });
      run.abort(BOOM);
      await expect(result).rejects.toBe(BOOM);
      expect(signals[0]?.reason).toBe(BOOM);
    });

    it('does not wait for a hook that was started too late', async () => {
      const result = attempt(() => new Promise(() => undefined), { abandonOn: AbortSignal.abort(BOOM) });
      await expect(result).rejects.toBe(BOOM);
    });

    it.each<[string, TestHook]>([
      ['returns', ({ signal }) => void signal],
      ['throws', ({ signal }) => raise(signal)],
      ['resolves', async ({ signal }) => void signal],
      ['rejects', async ({ signal }) => raise(signal)],
    ])('leaves no listener on the run when the hook %s', async (_name, hook) => {
      const run = new AbortController();
      try {
        await attempt(hook, { parent: run.signal, abandonOn: run.signal });
      } catch {
        // What it threw is not the question here.
      }
      expect(listenersOf(run)).toBe(0);
    });
  });
});
