import type { LoggerService } from '@nestjs/common';

import { reasonOf } from '../errors/log.text.js';

/** How the callback of {@link TelemetryGuard.within} has ended. */
type Ended<R> = { readonly returned: R } | { readonly thrown: unknown };

/** Calls the code of a tracer or meter: its errors reach neither runs nor hooks. The first one is logged. */
export class TelemetryGuard {
  readonly #logger: Pick<LoggerService, 'error'>;
  #hasReported = false;

  constructor(logger: Pick<LoggerService, 'error'>) {
    this.#logger = logger;
  }

  /** @returns undefined if the call fails */
  call<T>(call: () => T): T | undefined {
    try {
      return call();
    } catch (thrown) {
      this.#report(thrown);
      return undefined;
    }
  }

  /**
   * Runs the callback through a function of the tracer, or without it if that fails: once in any case.
   *
   * @returns what the callback returns
   * @throws what it throws
   */
  within<R>(enter: (callback: () => R) => void, callback: () => R): R {
    const ended: Ended<R>[] = [];
    try {
      enter(() => {
        try {
          const returned = callback();
          ended.push({ returned });
          return returned;
        } catch (thrown) {
          ended.push({ thrown });
          throw thrown;
        }
      });
    } catch (thrown) {
      const [end] = ended;
      if (!end || !('thrown' in end) || end.thrown !== thrown) this.#report(thrown);
    }
    const [end] = ended;
    if (!end) return callback();
    if ('thrown' in end) throw end.thrown;
    return end.returned;
  }

  #report(thrown: unknown): void {
    if (this.#hasReported) return;
    this.#hasReported = true;
    this.#logger.error(
      `Telemetry failed, and runs go on without it: ${reasonOf(thrown)}. Further failures are not logged.`,
    );
  }
}
