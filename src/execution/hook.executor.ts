import type { LoggerService } from '@nestjs/common';
import type { Observable } from 'rxjs';

import type { RunOrigin } from '../model/run-origin.js';
import { HookDataGoneError, HookExecutionConflictError } from '../errors/hook-execution.errors.js';
import type { HookExecution, HookIdentity } from './hook-execution.js';
import type { HookExecutions } from './hook.executions.js';
import type { HookLimits } from './hook.limits.js';
import type { RunCriteria } from './run.criteria.js';

/** The state of the response when an executor runs a hook. */
export interface HookDelivery {
  /** Whether the response carried the run's result to its last byte; absent if there was no response. */
  readonly delivered?: boolean;
  /** Aborted when shutdown waits no longer. */
  readonly shutdown?: AbortSignal;
  /** Resolves when a further attempt may start, as the limits of the hook say. Absent: at once. Never rejects. */
  readonly beforeRetry?: () => Promise<void>;
}

/** One background hook that is due, with everything needed to run it. */
export interface HookTask {
  readonly execution: HookExecution;
  /**
   * The run as it settled: plain data (JSON values, Date, Map, Set, Buffer, typed arrays), never changed again, and
   * shared by all hooks of a run. An `Error` if the run holds something else: then `run()` fails the hook with it, and
   * there is nothing to store.
   */
  readonly snapshot: unknown;
  /** The origin of the runs that the hook starts, with their user: JSON. */
  readonly origin: RunOrigin;
  /**
   * The ids of the run's span, in the format of the header `traceparent`: the span of the hook links to it in any process.
   * Absent without OpenTelemetry.
   */
  readonly traceparent?: string | undefined;
  /**
   * Whether {@link HookExecutorHost.rebuild} finds the hook. It does not if the component is not registered, such as
   * one that was given to `AgentOsService.run()` itself: such a task can be run in this process only.
   */
  readonly isRebuildable: boolean;
  /** The limits of the hook, if it has any. The executor keeps them. */
  readonly limits?: HookLimits;
  /**
   * Of waiting executions with this key, the last one replaces the others. It names the hook, too, and is a hash without
   * content. Absent: the hook has no key.
   */
  readonly key?: string | undefined;
  /**
   * For hooks that may run together: neighbours in a batch with the same number. Absent, as in this version: alone.
   * An executor may always run the hooks of a batch one after another.
   */
  readonly group?: number;
  /**
   * Runs the hook on copies of its own, with all its attempts, and records how it ended; does nothing if it has ended
   * already, since it was cancelled or dropped. Never throws or rejects; returns nothing if the hook ended at once.
   */
  run(delivery: HookDelivery): Promise<void> | undefined;
  /** Records that the hook has failed without being called, and reports the error. */
  fail(error: Error): void;
  /** Records that the hook will not be run, and lets go of its snapshot. Default reason `shutdown`. */
  drop(reason?: 'shutdown' | 'deleted'): void;
  /** Records that the store of a durable executor could not take the hook: it is kept in this process only. */
  markVolatile(): void;
  /** Records that a later execution with its key waits in its place. */
  supersede(): void;
  /** Takes its failed execution back to `scheduled`, so that it can be run once more. */
  reopen(): void;
}

/** The stored form of a task: plain data, from which {@link HookExecutorHost.rebuild} makes the task again. */
export type StoredHookTask = Pick<HookTask, 'execution' | 'snapshot' | 'origin' | 'traceparent'>;

/** The record of hook executions in this process, as an executor sees it. */
export interface HookExecutorLedger {
  /** Every change of state, as it happens. The object is the live record: copy it to keep it. */
  readonly changes: Observable<HookExecution>;
  /** The execution with this id, if it has not ended. */
  find(id: string): HookExecution | undefined;
  /**
   * The executor keeps the record of this execution elsewhere from here on: here it is neither listed nor counted, but
   * its changes of state are still told of.
   */
  forget(execution: HookExecution): void;
  /**
   * Tells of a change of state that the executor has made in a store of its own, without running the hook: it was cancelled,
   * superseded, or the data of its run was deleted.
   */
  tell(execution: HookExecution): void;
}

/**
 * Whether this process answers requests and runs hooks (`both`), only stores hooks for others (`server`), or only runs
 * those of others (`worker`).
 */
export type HookExecutorRole = 'server' | 'worker' | 'both';

/** The context of the host around a batch, for hooks that run in another process. */
export interface HookCarry {
  /** The context of the caller as JSON text; undefined if there is none. */
  capture(): string | undefined;
  /** Calls back in this context. */
  run<R>(captured: string | undefined, callback: () => R): R;
}

/** The services that AgentOS gives an executor, and the options that it has to know. */
export interface HookExecutorHost {
  readonly role: HookExecutorRole;
  /** Milliseconds after which a batch is released though its response is still open. */
  readonly releaseAfter: number;
  /** Milliseconds from the beginning of a shutdown to the deadline of {@link HookExecutor.stop}. */
  readonly shutdownTimeout: number;
  /** The option `carry`; absent if the application has none. */
  readonly carry?: HookCarry;
  /**
   * The client of the session store's database, if its transactions can be shared: a `Pool` of `pg` or a PGlite. See
   * {@link StoreRun}.
   */
  readonly sessionClient?: object;
  readonly ledger: HookExecutorLedger;
  readonly logger: Pick<LoggerService, 'error' | 'warn'>;
  /** The limits that a hook has here, so that they can be asked for before its task is made; undefined if it has none. */
  limitsOf(hook: HookIdentity): HookLimits | undefined;
  /**
   * Makes a task from stored data, in this or another process with the same module. The hook is found by component,
   * position, phase and name, and runs with the options that it has here; attempts on record count.
   * The execution is open in the ledger from now on: run the task, drop it, or make the ledger forget it.
   *
   * @returns undefined if there is no such component or hook here
   * @throws TypeError if the snapshot is not that of a run
   */
  rebuild(stored: StoredHookTask): HookTask | undefined;
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
  readonly runInContext: <R>(callback: () => R) => R;
}

/**
 * Stores the settled root run of a batch in its session now; without this call the run is stored when
 * {@link HookExecutor.accept} has resolved.
 *
 * @param within - stores the batch in the transaction of the run, if the executor has the client
 *   {@link HookExecutorHost.sessionClient}. Called with the connection of the transaction. Not called if the run is not
 *   stored, since its session is gone, it needs none, or the store of sessions fails: then store the batch by itself.
 * @returns whether the run and the data that `within` has stored are committed
 * @throws the error of `within`: then the run is not stored, either, and is stored later by itself unless it fails
 */
export type StoreRun = (within?: (connection: object) => Promise<void>) => Promise<boolean>;

/**
 * The port that takes the background hooks of settled runs.
 *
 * Every executor promises: a batch starts only after {@link release}; its hooks run one after another, in order,
 * each exactly once in process (at least once if durable); batches do not wait for each other, up to a limit; a hook
 * that fails, exceeds its timeout or throws any value stops neither the next hook nor the next batch; a hook that waits for
 * its limits holds up only its own batch; and every hook that was accepted ends in the ledger.
 */
export abstract class HookExecutor {
  /** Milliseconds that {@link start} may take. Undefined: the module's `storeTimeout`. */
  get startTimeout(): number | undefined {
    return undefined;
  }

  /**
   * Milliseconds that {@link accept} may take while none of its hooks runs; Infinity if the executor ends it in time by
   * itself. Undefined: the module's `storeTimeout`.
   */
  get acceptTimeout(): number | undefined {
    return undefined;
  }

  /**
   * Called once, when the application has started and before it listens. A provider that runs components in its
   * `onModuleInit` makes batches earlier. A rejection stops the start. Does nothing unless overridden.
   */
  start(_host: HookExecutorHost): Promise<void> | void {
    // The in-process executor has nothing to start.
  }

  /**
   * Whether {@link accept} stores batches and never runs their hooks. Then it is called before the run itself is stored,
   * and may fail it. Default false.
   */
  get isDurable(): boolean {
    return false;
  }

  /**
   * The record of hook executions that the application reads. An executor that keeps the background hooks of all
   * processes in a store returns a record of its own, which takes the inline hooks from `local`. Called once, before
   * {@link start}. Returns `local` unless overridden.
   *
   * @param local - the executions of this process
   */
  executions(local: HookExecutions): HookExecutions {
    return local;
  }

  /**
   * Takes a batch when its run has settled, before its result is handed back. May run it at once if too much is
   * pending already; the promise then resolves once its hooks have ended.
   *
   * @param storeRun - stores the run before {@link accept} resolves; only given if the executor is durable and the batch
   *   is the first one of its run tree
   * @throws HooksNotStoredError to fail the run, if the executor is durable; after any other error the hooks are lost
   */
  abstract accept(batch: HookBatch, storeRun?: StoreRun): Promise<void> | undefined;

  /** The response has closed, or there is none: the batch may start. Does nothing for a batch it does not hold. */
  abstract release(batch: HookBatch, delivered: boolean | undefined): void;

  /** Resolves when the hooks of this batch have ended or were dropped; at once if it does not hold the batch. */
  abstract ended(batch: HookBatch): Promise<void>;

  /**
   * Takes a failed or timed-out execution back to `scheduled` and runs its hook once more, outside the order of its run
   * tree and never at the same time as another hook of the tree. Resolves when it is scheduled.
   *
   * @throws HookDataGoneError if the executor does not have the hook's data, as always unless overridden
   * @throws HookExecutionConflictError if the execution has been retried already
   */
  retry({ id }: HookExecution): Promise<void> {
    return Promise.reject(new HookDataGoneError(id));
  }

  /**
   * Drops an execution that waits and of which the ledger of this process has no record, since the executor keeps it.
   *
   * @throws HookExecutionConflictError if it does not wait any longer, and always unless overridden
   */
  cancel({ id }: HookExecution): Promise<void> {
    return Promise.reject(new HookExecutionConflictError(id, 'It does not wait any longer.'));
  }

  /** Resolves when every batch that is held now, but for the excluded ones, has ended. */
  abstract drain(isExcluded?: (batch: HookBatch) => boolean): Promise<void>;

  /**
   * Deletes the data of these runs, since their session or the data of their user is deleted: their hooks that have not
   * begun are dropped with the reason `deleted`, in all processes if the executor is durable; those that run may finish. Data that
   * is kept for a retry is deleted, too. Nothing of the runs is in the store when it resolves.
   */
  abstract forget(runs: RunCriteria): Promise<void>;

  /**
   * Releases all batches, also those that hooks add meanwhile. Resolves when all have ended or the signal has
   * aborted. Hooks that could not run are dropped and returned. From then on no batch is accepted.
   *
   * @param settled - waits for runs that hooks have started and may add hooks; undefined if there are none
   */
  abstract stop(
    deadline: AbortSignal,
    settled?: () => Promise<void> | undefined,
  ): Promise<readonly HookTask[]>;
}
