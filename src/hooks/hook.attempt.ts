import { types } from 'node:util';

import { isObservable, lastValueFrom } from 'rxjs';

import { HookTimeoutError } from '../errors/hook-timeout.error.js';
import type { Deadlines } from '../execution/deadlines.js';
import type { BoundHook } from './bound-hook.js';
import type { PostHookContext } from './hook.context.js';
import type { LazySignal } from './lazy-signal.js';

/** The result of an attempt that did not throw. */
export type AttemptResult = 'ran' | 'skipped';

/** The options of one attempt. */
export interface HookAttempt {
  readonly hook: BoundHook;
  readonly context: PostHookContext;
  readonly signal: LazySignal;
  readonly timeout: number;
  /** Aborting it ends the wait at once; the hook itself may go on until it notices. */
  readonly abandonOn?: AbortSignal;
  /** Checks the hook's changes and its return value. If it throws, the hook has failed. */
  readonly verify?: (returned: unknown) => void;
}

const SKIPPED = Symbol('skipped');

/**
 * Calls a hook once. Returns the result at once if the hook did, else a promise that settles with the hook, with
 * its timeout or with `abandonOn`, whichever is first.
 *
 * @throws the hook's own error, or HookTimeoutError
 */
export function attemptHook(
  attempt: HookAttempt,
  deadlines: Deadlines,
): AttemptResult | Promise<AttemptResult> {
  try {
    const returned = callIfWanted(attempt);
    if (isPending(returned)) return settle(attempt, toPromise(returned), deadlines);
    attempt.signal.close();
    return resultOf(attempt, returned);
  } catch (thrown) {
    attempt.signal.close();
    throw thrown;
  }
}

function callIfWanted({ hook, context, signal }: HookAttempt): unknown {
  const { when } = hook.definition;
  if (!when) return hook.invoke(context);
  const wanted: unknown = when(context);
  if (!isPending(wanted)) return applies(hook, wanted) ? hook.invoke(context) : SKIPPED;
  return toPromise(wanted).then((answer) =>
    applies(hook, answer) && !signal.isClosed ? toPromise(hook.invoke(context)) : SKIPPED,
  );
}

/**
 * Whether the answer of a `when` lets the hook run. Only `false` keeps a guardrail from its work.
 *
 * @throws TypeError if the answer is not a boolean, unless the hook is a guardrail
 */
function applies({ definition: { name, isGuardrail } }: BoundHook, answer: unknown): boolean {
  if (isGuardrail) return answer !== false;
  if (typeof answer === 'boolean') return answer;
  throw new TypeError(
    `The "when" of hook "${name}" must return true or false, or a promise of one of them. It returned ${nameKind(answer)}.`,
  );
}

/** @throws TypeError if the return value or the changes of a hook show that it did not do its work */
function resultOf({ hook, verify }: HookAttempt, returned: unknown): AttemptResult {
  const { name, isGuardrail } = hook.definition;
  if (returned === SKIPPED) return 'skipped';
  verify?.(returned);
  if (!isGuardrail) return 'ran';
  if (isGenerator(returned)) {
    throw new TypeError(
      `Guardrail "${name}" returned a generator, whose body never runs. Make it a function or an async function, without yield.`,
    );
  }
  if (returned instanceof Error) {
    throw new TypeError(`Guardrail "${name}" returned an error, which does not stop the run. Throw it.`, {
      cause: returned,
    });
  }
  if (typeof returned === 'function') {
    throw new TypeError(
      `Guardrail "${name}" returned a function, which is never called. Throw InputCheckError or OutputCheckError to ` +
        'reject, return nothing to let the run pass.',
    );
  }
  if (Array.isArray(returned)) refuseUnseenRejections(name, returned);
  return 'ran';
}

/** @throws TypeError if a list holds promises, which are not awaited, or rejections, which were not thrown */
function refuseUnseenRejections(name: string, list: readonly unknown[]): void {
  if (list.some(isPending)) {
    // Their rejections, if any, would end the process.
    void Promise.allSettled(list);
    throw new TypeError(
      `Guardrail "${name}" returned promises in an array, which are not awaited. Await Promise.all() of them.`,
    );
  }
  if (list.some((item) => item instanceof Error || isRejection(item))) {
    throw new TypeError(
      `Guardrail "${name}" returned an error in an array, which does not stop the run. Throw it; use Promise.all(), not allSettled().`,
    );
  }
}

/** One of the results of `Promise.allSettled()`. */
function isRejection(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return (value as Partial<PromiseSettledResult<unknown>>).status === 'rejected' && 'reason' in value;
}

/** Generators that a compiler has written for an old target are ordinary objects with the same methods. */
function isGenerator(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if (types.isGeneratorObject(value)) return true;
  const { next, throw: raise } = value as { readonly next?: unknown; readonly throw?: unknown };
  const isIterable = Symbol.iterator in value || Symbol.asyncIterator in value;
  return isIterable && typeof next === 'function' && typeof raise === 'function';
}

function nameKind(value: unknown): string {
  if (value === null || value === undefined || typeof value === 'boolean') return String(value);
  return `a value of type ${typeof value}`;
}

function settle(
  attempt: HookAttempt,
  pending: Promise<unknown>,
  deadlines: Deadlines,
): Promise<AttemptResult> {
  const { hook, signal, timeout, abandonOn } = attempt;
  return new Promise((resolve, reject) => {
    const finish = (): void => {
      deadlines.clear(deadline);
      abandonOn?.removeEventListener('abort', onAbort);
      signal.close();
    };
    const giveUp = (reason: Error): void => {
      signal.abort(reason);
      finish();
      reject(reason);
    };
    const onAbort = (): void => giveUp(abandonOn?.reason as Error);
    const deadline = deadlines.set(timeout, () =>
      giveUp(new HookTimeoutError(hook.definition.name, timeout)),
    );
    abandonOn?.addEventListener('abort', onAbort, { once: true });
    pending.then(
      (value) => {
        finish();
        try {
          resolve(resultOf(attempt, value));
        } catch (thrown) {
          reject(thrown);
        }
      },
      (error: unknown) => {
        finish();
        reject(error);
      },
    );
    if (abandonOn?.aborted) onAbort();
  });
}

/** Promises, thenables and observables are awaited; any other return value is ignored. */
function isPending(value: unknown): value is object {
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return false;
  return typeof (value as { then?: unknown }).then === 'function' || isObservable(value);
}

function toPromise(value: unknown): Promise<unknown> {
  return isObservable(value) ? lastValueFrom(value, { defaultValue: undefined }) : Promise.resolve(value);
}
