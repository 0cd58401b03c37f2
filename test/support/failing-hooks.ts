import type { HookFunction, PostHookContext } from 'nestjs-agentos';
import { throwError } from 'rxjs';

import { raise } from './raise.js';

export interface FailingHook {
  readonly hook: HookFunction<PostHookContext>;
  /** What the ledger says. */
  readonly errorName: string;
  /** What log and report say. */
  readonly message: string;
}

export class QuotaError extends Error {}

const unreadable = Proxy.revocable({}, {});
unreadable.revoke();

/** Hooks that fail at once, in every way there is. */
export const FAILING_HOOKS: Readonly<Record<string, FailingHook>> = {
  throws: failing(() => raise(new QuotaError('spent')), 'QuotaError', 'spent'),
  rejects: failing(async () => raise(new RangeError('too far')), 'RangeError', 'too far'),
  'throws undefined': failing(() => raise(undefined), 'undefined', noError('undefined')),
  'rejects with null': failing(() => Promise.reject(null), 'object', noError('null')),
  'throws a string': failing(() => raise('oops'), 'string', noError('"oops"')),
  'throws a symbol': failing(() => raise(Symbol('oops')), 'symbol', noError('Symbol(oops)')),
  'throws a frozen error': failing(() => raise(Object.freeze(new TypeError('cold'))), 'TypeError', 'cold'),
  'throws a frozen object': failing(
    () => raise(Object.freeze({ code: 7 })),
    'object',
    noError('[object Object]'),
  ),
  'throws what cannot be read': failing(
    () => raise(unreadable.proxy),
    'Error',
    'A value that cannot be read was thrown.',
  ),
  'returns a thenable that rejects': failing(
    () => ({ then: (_: unknown, reject: (reason: Error) => void) => reject(new QuotaError('later')) }),
    'QuotaError',
    'later',
  ),
  'returns a thenable whose then throws': failing(
    () => ({ then: () => raise(new QuotaError('then')) }),
    'QuotaError',
    'then',
  ),
  'returns an object whose then cannot be read': failing(
    () => Object.defineProperty({}, 'then', { get: () => raise(new QuotaError('getter')) }),
    'QuotaError',
    'getter',
  ),
  'returns an observable that fails': failing(
    () => throwError(() => new QuotaError('stream')),
    'QuotaError',
    'stream',
  ),
};

function failing(hook: FailingHook['hook'], errorName: string, message: string): FailingHook {
  return { hook, errorName, message };
}

function noError(what: string): string {
  return `A value that is not an Error was thrown: ${what}`;
}
