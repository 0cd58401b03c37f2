import { CheckError } from '../errors/check.errors.js';
import { HookTimeoutError } from '../errors/hook-timeout.error.js';
import { PlainDataError } from '../data/plain-data.error.js';
import { toError, toReadable } from '../data/to-error.js';
import type { Deadlines } from '../execution/deadlines.js';
import type { HookExecution } from '../execution/hook-execution.js';
import type { HookDelivery } from '../execution/hook.executor.js';
import type { HookLedger } from '../execution/hook.ledger.js';
import type { BoundHook } from './bound-hook.js';
import type { HookFailureReporter } from './hook-failure.reporter.js';
import { attemptHook, type AttemptResult, type HookAttempt } from './hook.attempt.js';
import type { HookInfo, PostHookContext } from './hook.context.js';
import { judgeInlineHookError } from './inline-hook.verdict.js';
import { LazySignal } from './lazy-signal.js';

const INLINE_TIMEOUT = 30_000;
const BACKGROUND_TIMEOUT = 60_000;
const DEFAULT_BACKOFF = 1_000;

/** The run that a hook is called for. */
export interface HookSubject {
  /** @throws PlainDataError if the hook cannot be given copies of its own */
  createContext(info: HookInfo, signal: LazySignal): PostHookContext;
  /** Runs the callback so that runs which it starts are known to be started by this hook. */
  enter<R>(execution: HookExecution, callback: () => R): R;
  /** Inline only: @throws TypeError if the hook has written or returned a forbidden value */
  verify?(hook: BoundHook, returned: unknown): void;
}

/** One execution of a hook. */
export interface HookCall {
  readonly hook: BoundHook;
  readonly execution: HookExecution;
  readonly subject: HookSubject;
}

/** The options of {@link HookRunner}. */
export interface HookRunnerOptions {
  readonly ledger: HookLedger;
  readonly deadlines: Deadlines;
  readonly failures: HookFailureReporter;
}

/** Runs hooks, inline and in the background, and records how each of them ended. */
export class HookRunner {
  readonly #ledger: HookLedger;
  readonly #deadlines: Deadlines;
  readonly #failures: HookFailureReporter;

  constructor({ ledger, deadlines, failures }: HookRunnerOptions) {
    this.#ledger = ledger;
    this.#deadlines = deadlines;
    this.#failures = failures;
  }

  /**
   * Runs a hook while the run waits for it.
   *
   * @returns the error that the run survives, if there was one
   * @throws AgentRunError if the run must end; the reason of `runSignal` if that was aborted meanwhile
   */
  async runInline(call: HookCall, runSignal: AbortSignal): Promise<Error | undefined> {
    try {
      this.#end(call, await this.#attempt(call, 1, { runSignal }));
      return undefined;
    } catch (thrown) {
      if (runSignal.aborted) {
        this.#ledger.end(call.execution, 'dropped', { reason: 'cancelled' });
        throw runSignal.reason;
      }
      return this.#judge(call, toReadable(thrown));
    }
  }

  /**
   * Runs a hook after the response. It cannot affect the run; returns undefined if it ended at once. Attempts that its
   * execution has on record, made by a process that died, count.
   */
  runInBackground(call: HookCall, delivery: HookDelivery): Promise<void> | undefined {
    return this.#runBackgroundAttempt(call, call.execution.attempts + 1, delivery);
  }

  /** Records and reports that a background hook has failed without being called. */
  failInBackground(call: HookCall, error: Error): void {
    this.#fail(call, error);
  }

  #runBackgroundAttempt(call: HookCall, attempt: number, delivery: HookDelivery): Promise<void> | undefined {
    try {
      const result = this.#attempt(call, attempt, { delivery });
      if (typeof result === 'string') return this.#end(call, result);
      return result.then(
        (settled) => this.#end(call, settled),
        (thrown: unknown) => this.#retryOrFail(call, attempt, delivery, toReadable(thrown)),
      );
    } catch (thrown) {
      return this.#retryOrFail(call, attempt, delivery, toReadable(thrown));
    }
  }

  #attempt(call: HookCall, attempt: number, origin: AttemptOrigin): AttemptResult | Promise<AttemptResult> {
    const { hook, execution, subject } = call;
    const { delivery, runSignal } = origin;
    this.#ledger.start(execution);
    const signal = new LazySignal(runSignal ?? delivery?.shutdown);
    const context = subject.createContext(infoOf(execution, attempt, delivery), signal);
    const timeout = hook.definition.timeout ?? (delivery ? BACKGROUND_TIMEOUT : INLINE_TIMEOUT);
    const attempted: HookAttempt = runSignal
      ? { hook, context, signal, timeout, abandonOn: runSignal, verify: verifierOf(call) }
      : { hook, context, signal, timeout };
    return subject.enter(execution, () => attemptHook(attempted, this.#deadlines));
  }

  #retryOrFail(
    call: HookCall,
    attempt: number,
    delivery: HookDelivery,
    thrown: unknown,
  ): Promise<void> | undefined {
    const { retry } = call.hook.definition;
    if (retry && attempt < retry.attempts && isWorthRetrying(thrown) && !delivery.shutdown?.aborted) {
      const backoff = (retry.backoff ?? DEFAULT_BACKOFF) * 2 ** (attempt - 1);
      return this.#pause(backoff, delivery.shutdown)
        .then(() => (delivery.shutdown?.aborted ? undefined : delivery.beforeRetry?.()))
        .then(() =>
          delivery.shutdown?.aborted ? undefined : this.#runBackgroundAttempt(call, attempt + 1, delivery),
        );
    }
    this.#fail(call, thrown);
    return undefined;
  }

  #pause(milliseconds: number, shutdown: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve) => {
      const finish = (): void => {
        this.#deadlines.clear(deadline);
        shutdown?.removeEventListener('abort', finish);
        resolve();
      };
      const deadline = this.#deadlines.set(milliseconds, finish);
      shutdown?.addEventListener('abort', finish, { once: true });
    });
  }

  #judge(call: HookCall, thrown: unknown): Error | undefined {
    const { isRejection, ends } = judgeInlineHookError(call.hook, thrown);
    if (isRejection)
      this.#ledger.end(call.execution, 'succeeded', { reason: 'rejected', errorName: nameOf(thrown) });
    else this.#fail(call, thrown);
    if (ends) throw ends;
    return toError(thrown);
  }

  #end({ execution }: HookCall, result: AttemptResult): undefined {
    if (result === 'ran') this.#ledger.end(execution, 'succeeded');
    else this.#ledger.end(execution, 'skipped', { reason: 'condition' });
    return undefined;
  }

  #fail({ execution, hook }: HookCall, thrown: unknown): void {
    if (execution.endedAt !== undefined) return;
    const error = toError(thrown);
    const state = error instanceof HookTimeoutError ? 'timed_out' : 'failed';
    this.#ledger.end(execution, state, { errorName: nameOf(thrown) });
    this.#failures.report({ error, execution, source: hook.source });
  }
}

/** Inline hooks belong to a run, background hooks to a delivery. */
interface AttemptOrigin {
  readonly runSignal?: AbortSignal;
  readonly delivery?: HookDelivery;
}

function verifierOf({ hook, subject }: HookCall): (returned: unknown) => void {
  return (returned) => subject.verify?.(hook, returned);
}

function infoOf(execution: HookExecution, attempt: number, delivery: HookDelivery | undefined): HookInfo {
  const { hook: name, phase, id: executionId, mode } = execution;
  const delivered = delivery?.delivered;
  return delivered === undefined
    ? { name, phase, executionId, attempt, mode }
    : { name, phase, executionId, attempt, mode, delivered };
}

/** Errors that would occur again in the same way are not retried. */
function isWorthRetrying(thrown: unknown): boolean {
  return !(thrown instanceof CheckError || thrown instanceof PlainDataError);
}

function nameOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.constructor.name : typeof thrown;
}
