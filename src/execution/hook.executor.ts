import type { HookExecution } from './hook-execution.js';

/** What an executor knows about the response by the time it runs a hook. */
export interface HookDelivery {
  /** Whether the response carried the run's result to its last byte; absent if there was no response. */
  readonly delivered?: boolean;
  /** Aborted when the application can wait no longer. */
  readonly shutdown?: AbortSignal;
}

/** One background hook that is due, with everything needed to run it. */
export interface HookTask {
  readonly execution: HookExecution;
  /** The run as it settled: plain data, never changed again. Together with `execution` all a durable store needs. */
  readonly snapshot: unknown;
  /**
   * Runs the hook on copies of its own, with all its attempts, and records how it ended. Never throws or rejects;
   * returns nothing if the hook ended at once.
   */
  run(delivery: HookDelivery): Promise<void> | undefined;
  /** Records that the hook will not be run. */
  drop(): void;
}

/** The background hooks of one settled run tree, in the order in which they must run. */
export interface HookBatch {
  /** The root run's id. */
  readonly id: string;
  readonly tasks: readonly HookTask[];
  /**
   * Accepted whatever is pending: it was started by a hook, which could wait for itself, or its tree has a batch
   * already, in the midst of which it would run.
   */
  readonly cannotWait: boolean;
  /** The response that must close first; batches of one response share it. */
  readonly response?: object;
  /** Calls back in the asynchronous context of the caller who started the run. */
  runInContext<R>(callback: () => R): R;
}

/**
 * The port that takes the background hooks of settled runs.
 *
 * Every executor promises: a batch starts only after {@link release}; its hooks run one after another, in order,
 * each exactly once in process (at least once if durable); batches do not wait for each other, up to a limit; a hook
 * that fails, hangs past its timeout or throws nonsense stops neither the next hook nor the next batch; and every
 * hook that was accepted ends in the ledger.
 */
export abstract class HookExecutor {
  /**
   * Takes a batch when its run has settled, before its result is handed back. May run it right there if too much is
   * pending already; the promise then resolves once its hooks have ended.
   */
  abstract accept(batch: HookBatch): Promise<void> | undefined;

  /** The response has closed, or there is none: the batch may start. Does nothing for a batch it does not hold. */
  abstract release(batch: HookBatch, delivered: boolean | undefined): void;

  /** Resolves when the hooks of this batch have ended or were dropped; at once if it does not hold the batch. */
  abstract ended(batch: HookBatch): Promise<void>;

  /** Resolves when every batch that is held now, but for the excluded ones, has ended. */
  abstract drain(isExcluded?: (batch: HookBatch) => boolean): Promise<void>;

  /**
   * Releases what it holds, and what hooks add meanwhile, and resolves when all of it has ended or the signal has
   * aborted. What could not be run is dropped and returned. From then on nothing is taken.
   *
   * @param settled - waits for runs that hooks have started and may add hooks; undefined if there are none
   */
  abstract stop(
    deadline: AbortSignal,
    settled?: () => Promise<void> | undefined,
  ): Promise<readonly HookTask[]>;
}
