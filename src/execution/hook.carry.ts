import type { LoggerService } from '@nestjs/common';

import { reasonOf } from '../errors/log.text.js';
import type { HookCarry } from './hook.executor.js';

/**
 * Takes context of the host, such as a tenant or a request id, to background hooks that another process may run.
 *
 * @example
 * ```ts
 * const carry: ContextCarry = {
 *   capture: () => ({ tenant: tenants.getStore() ?? null }),
 *   run: (captured, callback) => tenants.run((captured as { tenant: string | null }).tenant, callback),
 * };
 * ```
 */
export interface ContextCarry {
  /** The context of the code that started the run, as JSON; undefined for none. Called when the run has settled. */
  capture(): unknown;
  /** Calls back in that context, at once, and returns what the callback returns. */
  run<R>(captured: unknown, callback: () => R): R;
}

/** The port for executors: JSON text. A context that cannot be captured is left out and logged. */
export function toHookCarry(given: ContextCarry, logger: Pick<LoggerService, 'error'>): HookCarry {
  return {
    capture: () => {
      try {
        return JSON.stringify(given.capture());
      } catch (thrown) {
        logger.error(`carry.capture() failed, so hooks get no context of their request: ${reasonOf(thrown)}`);
        return undefined;
      }
    },
    run: (captured, callback) =>
      captured === undefined ? callback() : given.run(JSON.parse(captured), callback),
  };
}
