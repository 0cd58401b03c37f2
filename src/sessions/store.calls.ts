import type { LoggerService } from '@nestjs/common';

import { reasonOf } from '../errors/log.text.js';
import { StoreTimeoutError } from '../errors/store-timeout.error.js';
import { Deadlines } from '../execution/deadlines.js';
import { problemOf, type AnswerKind } from './store.answers.js';

/** Default time limit for a call of a store, in milliseconds. */
export const STORE_TIMEOUT = 10_000;

/** Time limit in milliseconds for calls after shutdown stopped waiting: the runs that it has ended are still stored. */
const TIMEOUT_AFTER_SHUTDOWN = 500;

/** The options of {@link StoreCalls}. */
export interface StoreCallsOptions {
  /** Time limit for a call, in milliseconds. */
  readonly timeout: number;
  readonly logger: Pick<LoggerService, 'warn'>;
}

/** Waits for calls of stores, each with a time limit. */
export class StoreCalls {
  readonly #deadlines = new Deadlines();
  readonly #logger: Pick<LoggerService, 'warn'>;
  readonly #waiting = new Set<() => void>();
  #timeout: number;

  constructor({ timeout, logger }: StoreCallsOptions) {
    this.#timeout = timeout;
    this.#logger = logger;
  }

  /**
   * Calls a store and waits for its result. A result that arrives after the time limit is ignored and logged.
   *
   * @param name - which method of which store, such as `SessionStore.append`
   * @param kind - the required kind of result
   * @throws StoreTimeoutError if the call exceeds its time limit
   * @throws TypeError if the result is of another kind
   */
  wait<T>(name: string, kind: AnswerKind, call: () => Promise<T>): Promise<T> {
    const startedAt = performance.now();
    const elapsed = (): number => Math.round(performance.now() - startedAt);
    // A store may throw before it returns a promise.
    const answer = new Promise<T>((resolve) => resolve(call()));
    return new Promise<T>((resolve, reject) => {
      const giveUp = (): void => {
        stopWaiting();
        reject(new StoreTimeoutError(name, elapsed(), answer));
        this.#logLate(name, answer, elapsed);
      };
      const deadline = this.#deadlines.set(this.#timeout, giveUp);
      const stopWaiting = (): boolean => {
        this.#deadlines.clear(deadline);
        return this.#waiting.delete(giveUp);
      };
      this.#waiting.add(giveUp);
      answer.then(
        (value) => {
          if (!stopWaiting()) return;
          const problem = problemOf(name, value, kind);
          if (problem) reject(problem);
          else resolve(value);
        },
        (thrown: unknown) => {
          if (stopWaiting()) reject(thrown);
        },
      );
    });
  }

  /** Called when shutdown stops waiting: abandons all pending calls, and gives later ones a short time limit. */
  endWaits(): void {
    this.#timeout = Math.min(this.#timeout, TIMEOUT_AFTER_SHUTDOWN);
    for (const giveUp of [...this.#waiting]) giveUp();
  }

  #logLate(name: string, answer: Promise<unknown>, elapsed: () => number): void {
    const log = (end: string): void => {
      this.#logger.warn(`${name}() ${end} after ${elapsed()} ms, which was too late.`);
    };
    void answer.then(
      () => log('answered'),
      (thrown: unknown) => log(`failed (${reasonOf(thrown)})`),
    );
  }
}
