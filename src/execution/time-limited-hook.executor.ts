import type { LoggerService } from '@nestjs/common';

import { isRecord } from '../data/is-record.js';
import { reasonOf } from '../errors/log.text.js';
import { showValue } from '../model/show-value.js';
import { Deadlines } from './deadlines.js';
import type { HookExecution } from './hook-execution.js';
import type { HookExecutions } from './hook.executions.js';
import {
  HookExecutor,
  type HookBatch,
  type HookExecutorHost,
  type HookTask,
  type StoreRun,
} from './hook.executor.js';
import type { RunCriteria } from './run.criteria.js';

/** Milliseconds that an executor has to stop once shutdown can wait no longer. */
const STOPPING_TIME = 1_000;

/** The options of {@link TimeLimitedHookExecutor}. */
export interface ExecutorTimeLimit {
  /** Milliseconds that a call may take while none of its hooks runs. */
  readonly timeout: number;
  readonly logger: Pick<LoggerService, 'error' | 'warn'>;
}

/** How long an answer may take. */
interface WaitLimit {
  readonly timeout: number;
  /** Hooks run: the time begins again. */
  readonly isAtWork?: () => boolean;
}

/**
 * Limits the time of an executor's calls. A call that does not settle in time fails; a later result is ignored and
 * logged. The time that hooks take does not count.
 */
export class TimeLimitedHookExecutor extends HookExecutor {
  readonly #executor: HookExecutor;
  readonly #timeout: number;
  readonly #logger: ExecutorTimeLimit['logger'];
  readonly #deadlines = new Deadlines();

  constructor(executor: HookExecutor, { timeout, logger }: ExecutorTimeLimit) {
    super();
    this.#executor = executor;
    this.#timeout = timeout;
    this.#logger = logger;
  }

  /** @throws Error if the executor does not start in time */
  override async start(host: HookExecutorHost): Promise<void> {
    // A separate timer, which keeps the process alive: nothing else may do so yet.
    let timer: NodeJS.Timeout | undefined;
    const starting = this.#executor.start(host);
    const timeout = this.#executor.startTimeout ?? this.#timeout;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(tooLate('start', timeout)), timeout);
    });
    try {
      await Promise.race([starting, late]);
    } finally {
      clearTimeout(timer);
    }
  }

  override get isDurable(): boolean {
    return this.#executor.isDurable;
  }

  override executions(local: HookExecutions): HookExecutions {
    return this.#executor.executions(local);
  }

  /** It may run the hooks before it settles: the time begins again while a hook runs, or if one has ended since. */
  override accept(batch: HookBatch, storeRun?: StoreRun): Promise<void> | undefined {
    const accepting = this.#executor.accept(batch, storeRun);
    if (accepting) checkPromise('accept', accepting);
    let ended = 0;
    const isAtWork = (): boolean => {
      const endedBefore = ended;
      ended = batch.tasks.filter(hasEnded).length;
      return ended > endedBefore || batch.tasks.some(isRunning);
    };
    const timeout = this.#executor.acceptTimeout ?? this.#timeout;
    return accepting && this.#wait('accept', accepting, { timeout, isAtWork });
  }

  /** Logs errors: its callers could not handle them. */
  override release(batch: HookBatch, delivered: boolean | undefined): void {
    const fail = (thrown: unknown): void => {
      const reason = reasonOf(thrown);
      this.#logger.error(`HookExecutor.release() failed for the hooks of run ${batch.id}: ${reason}`);
    };
    try {
      const released: unknown = this.#executor.release(batch, delivered);
      if (released instanceof Promise) released.catch(fail);
    } catch (thrown) {
      fail(thrown);
    }
  }

  /** The time begins when the last hook has ended. */
  override ended(batch: HookBatch): Promise<void> {
    const ending = this.#executor.ended(batch);
    checkPromise('ended', ending);
    const isAtWork = (): boolean => !batch.tasks.every(hasEnded);
    return this.#wait('ended', ending, { timeout: this.#timeout, isAtWork });
  }

  override retry(execution: HookExecution): Promise<void> {
    const retrying = this.#executor.retry(execution);
    checkPromise('retry', retrying);
    return this.#wait('retry', retrying, { timeout: this.#timeout });
  }

  override cancel(execution: HookExecution): Promise<void> {
    const cancelling = this.#executor.cancel(execution);
    checkPromise('cancel', cancelling);
    return this.#wait('cancel', cancelling, { timeout: this.#timeout });
  }

  override drain(isExcluded?: (batch: HookBatch) => boolean): Promise<void> {
    return this.#executor.drain(isExcluded);
  }

  override forget(runs: RunCriteria): Promise<void> {
    const forgetting = this.#executor.forget(runs);
    checkPromise('forget', forgetting);
    return this.#wait('forget', forgetting, { timeout: this.#timeout });
  }

  /** @throws Error if the executor does not stop although its deadline has passed */
  override async stop(
    deadline: AbortSignal,
    settled?: () => Promise<void> | undefined,
  ): Promise<readonly HookTask[]> {
    const stopping = this.#executor.stop(deadline, settled);
    checkPromise('stop', stopping);
    let timer: NodeJS.Timeout | undefined;
    let onDeadline = (): void => undefined;
    const late = new Promise<never>((_, reject) => {
      onDeadline = () => (timer = setTimeout(() => reject(tooLate('stop', STOPPING_TIME)), STOPPING_TIME));
    });
    if (deadline.aborted) onDeadline();
    else deadline.addEventListener('abort', onDeadline, { once: true });
    try {
      return await Promise.race([stopping, late]);
    } finally {
      // The deadline may be aborted later: that must start no timer.
      deadline.removeEventListener('abort', onDeadline);
      clearTimeout(timer);
    }
  }

  #wait(method: string, answer: Promise<void>, { timeout, isAtWork }: WaitLimit): Promise<void> {
    return new Promise((resolve, reject) => {
      const giveUp = (): void => {
        if (isAtWork?.()) {
          deadline = this.#deadlines.set(timeout, giveUp);
          return;
        }
        reject(tooLate(method, timeout));
        this.#logLate(method, answer);
      };
      let deadline = this.#deadlines.set(timeout, giveUp);
      void answer.then(resolve, reject).finally(() => this.#deadlines.clear(deadline));
    });
  }

  #logLate(method: string, answer: Promise<void>): void {
    const log = (end: string): void => {
      this.#logger.warn(`HookExecutor.${method}() ${end}, which was too late.`);
    };
    void answer.then(
      () => log('answered'),
      (thrown: unknown) => log(`failed (${reasonOf(thrown)})`),
    );
  }
}

/** @throws TypeError that names the method: an executor of the host may return any value */
function checkPromise(method: string, answer: unknown): void {
  if (isRecord(answer) && typeof answer['then'] === 'function') return;
  throw new TypeError(`HookExecutor.${method}() answered with ${showValue(answer)}; expected a promise.`);
}

function hasEnded({ execution }: HookTask): boolean {
  return execution.endedAt !== undefined;
}

function isRunning({ execution }: HookTask): boolean {
  return execution.state === 'running';
}

function tooLate(method: string, timeout: number): Error {
  return new Error(
    `HookExecutor.${method}() did not answer within ${timeout} ms. Look at what the executor waits for` +
      (method === 'stop' ? '.' : ', give its calls a time limit, or raise storeTimeout.'),
  );
}
