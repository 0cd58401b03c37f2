import { isObservable, lastValueFrom } from 'rxjs';

import { HookTimeoutError } from '../errors/hook-timeout.error.js';
import type { Deadlines } from '../execution/deadlines.js';
import type { BoundHook } from './bound-hook.js';
import type { PostHookContext } from './hook.context.js';
import type { LazySignal } from './lazy-signal.js';

/** What became of an attempt that did not throw. */
export type AttemptResult = 'ran' | 'skipped';

/** What one attempt needs. */
export interface HookAttempt {
  readonly hook: BoundHook;
  readonly context: PostHookContext;
  readonly signal: LazySignal;
  readonly timeout: number;
  /** Aborting it ends the wait at once; the hook itself may go on until it notices. */
  readonly abandonOn?: AbortSignal;
}

const SKIPPED = Symbol('skipped');

/**
 * Calls a hook once. Returns the result at once if the hook did, else a promise that settles with the hook, with
 * its timeout or with `abandonOn`, whichever is first.
 *
 * @throws whatever the hook threw, or HookTimeoutError
 */
export function attemptHook(
  attempt: HookAttempt,
  deadlines: Deadlines,
): AttemptResult | Promise<AttemptResult> {
  try {
    const returned = callIfWanted(attempt);
    if (isPending(returned)) return settle(attempt, toPromise(returned), deadlines);
    attempt.signal.close();
    return returned === SKIPPED ? 'skipped' : 'ran';
  } catch (thrown) {
    attempt.signal.close();
    throw thrown;
  }
}

function callIfWanted({ hook, context, signal }: HookAttempt): unknown {
  const { when } = hook.definition;
  if (!when) return hook.invoke(context);
  const wanted: unknown = when(context);
  if (!isPending(wanted)) return wanted === true ? hook.invoke(context) : SKIPPED;
  return toPromise(wanted).then((isWanted) =>
    isWanted === true && !signal.isClosed ? toPromise(hook.invoke(context)) : SKIPPED,
  );
}

function settle(
  attempt: HookAttempt,
  pending: Promise<unknown>,
  deadlines: Deadlines,
): Promise<AttemptResult> {
  const { hook, signal, timeout, abandonOn } = attempt;
  return new Promise((resolve, reject) => {
    const onAbort = (): void => {
      const reason = abandonOn?.reason as Error;
      signal.abort(reason);
      finish(() => reject(reason));
    };
    const deadline = deadlines.set(timeout, () => {
      const error = new HookTimeoutError(hook.definition.name, timeout);
      signal.abort(error);
      finish(() => reject(error));
    });
    const finish = (report: () => void): void => {
      deadlines.clear(deadline);
      abandonOn?.removeEventListener('abort', onAbort);
      signal.close();
      report();
    };
    abandonOn?.addEventListener('abort', onAbort, { once: true });
    pending.then(
      (value) => finish(() => resolve(value === SKIPPED ? 'skipped' : 'ran')),
      (error: unknown) => finish(() => reject(error)),
    );
    if (abandonOn?.aborted) onAbort();
  });
}

/** Promises, thenables and observables are waited for; anything else a hook returns means nothing. */
function isPending(value: unknown): value is object {
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return false;
  return typeof (value as { then?: unknown }).then === 'function' || isObservable(value);
}

function toPromise(value: unknown): Promise<unknown> {
  return isObservable(value) ? lastValueFrom(value, { defaultValue: undefined }) : Promise.resolve(value);
}
