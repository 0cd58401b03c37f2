import { randomUUID } from 'node:crypto';

import type { HookEndReason, HookExecution, HookExecutionState } from '../execution/hook-execution.js';
import type { HookLimits } from '../execution/hook.limits.js';
import type {
  CountedExecutions,
  HookExecutionFilter,
  HookTotalsFilter,
} from '../execution/hook.executions.js';
import type { RunOrigin } from '../model/run-origin.js';
import type { RunCriteria } from '../execution/run.criteria.js';
import type { EncodedSnapshot } from './stored.batch.js';

/** The ids of a batch and of its executions. */
export interface BatchIds {
  readonly id: string;
  /** The root run's id; batches of one tree run one after another. */
  readonly tree: string;
  readonly executions: readonly Pick<HookExecution, 'id' | 'runId'>[];
}

/** The batch of a run tree as it is stored, beside the jobs of its hooks. */
export interface NewBatch extends BatchIds {
  /** Host context for the worker, as JSON text. */
  readonly carry?: string;
  readonly executions: readonly HookExecution[];
  /** The ids of the jobs of the executions that wait, by execution id. */
  readonly jobs: ReadonlyMap<string, string>;
  /** The keys of executions that replace waiting ones, by execution id. */
  readonly keys: ReadonlyMap<string, string>;
  /** The origins of the runs that its hooks start, by run id. */
  readonly origins: ReadonlyMap<string, RunOrigin>;
  /** By run id. */
  readonly snapshots: ReadonlyMap<string, EncodedSnapshot>;
  /** Contents of files, by their hash. */
  readonly files: ReadonlyMap<string, string>;
}

/** The data of a batch that a worker needs to run one of its hooks. */
export interface ClaimedBatch {
  /** Absent: the process that answered the request has died, or there was no response. */
  readonly delivered?: boolean;
  readonly carry?: string;
}

/** The parts of the question of a job whether it may run its hook. */
export interface ClaimRequest {
  /** The id of the job: an execution is run by the job that the store names, which a retry replaces. */
  readonly jobId?: string;
  /** Only if these limits allow it. */
  readonly limits?: HookLimits | undefined;
  /** The id of its run, if the data of the run is needed, too. */
  readonly snapshotOf?: string;
}

/**
 * The answer to a worker that is about to run a hook: it may (`claimed`), the limits of the hook do not allow it yet
 * (`limited`), another hook of its run tree runs, and one of the two is a retry (`busy`), the hook has `ended` or is run by
 * another job, another worker with a higher fence has claimed it (`lost`), or the store does not know it any more (`gone`).
 */
export type Claim =
  | {
      readonly kind: 'claimed';
      readonly execution: HookExecution;
      readonly batch: ClaimedBatch;
      /** Only if it was asked for, and is there; `deleted` if {@link QueueStore.forget} has deleted it. */
      readonly snapshot?: EncodedSnapshot | 'deleted';
    }
  /** `wait`: milliseconds after which it is to be asked again. */
  | { readonly kind: 'limited'; readonly wait: number }
  | { readonly kind: 'ended' | 'lost' | 'gone' | 'busy' };

/** A worker's right to record results of an execution: the number of times that its jobs were started. */
export interface Fence {
  readonly executionId: string;
  readonly fence: number;
  /** It is retried: it runs outside the order of its run tree, while no other hook of the tree runs. */
  readonly isRetry?: boolean;
}

/**
 * The amount by which a retry raises the fence. A job whose process died before it told BullMQ of the failure is started again: it
 * must not run the hook beside the job of the retry, and no job is started so often.
 */
export const RETRY_FENCES = 100_000;

/** The id of the job that retries a hook: BullMQ ignores a job whose id it knows, even one that has ended. */
export function retryJobId(batchId: string): string {
  return `${batchId}-${randomUUID()}`;
}

/** The place of a failed execution in the store, for the job that retries it. */
export interface RetriedExecution {
  readonly batch: string;
  /** The root run's id. */
  readonly tree: string;
  readonly origin: RunOrigin;
  /** Beyond those of its earlier jobs: {@link RETRY_FENCES}. */
  readonly fence: number;
  /** The id that the job must have. */
  readonly jobId: string;
}

/**
 * Whether an execution is `retried`; it is not if it has not failed, or a later one with its key waits (`conflict`), or its data
 * is `gone`.
 */
export type RetryResult = 'retried' | 'conflict' | 'gone';

/** Why an execution ends that no worker runs. */
export interface WaitingEnd {
  readonly state: 'dropped' | 'skipped';
  readonly reason: HookEndReason;
  readonly endedAt: number;
}

/** An open execution that no worker will run: its job has failed in the queue, or is gone. */
export interface LostExecution {
  readonly execution: HookExecution;
  readonly fence: number;
  readonly reason: 'failed' | 'gone';
}

/** Milliseconds between checks of an execution that waits for another one to end, in case no event announces the end. */
export const LIMITED_PAUSE = 1_000;
/** The maximum number of these pauses in one wait. */
export const MOST_LIMITED_PAUSES = 30;
/** The number of jobs that {@link QueueStore.waiting} returns at most. */
export const NEXT_WAITING = 5;

/** The executions and batches that {@link QueueStore.forget} has ended. */
export interface ForgottenHooks {
  /** The ids of the executions that were dropped. */
  readonly dropped: readonly string[];
  /** The ids of the batches that have no open hooks any more. */
  readonly batchesEnded: readonly string[];
}

/** How many executions are in each state; a state without executions is absent. */
export type ExecutionCounts = Readonly<Partial<Record<HookExecutionState, number>>>;

/** How an execution ended; `batchEnded`: no other hook of its batch is open. */
export interface RecordedEnd {
  readonly isRecorded: boolean;
  readonly batchEnded?: string;
}

/**
 * Keeps batches and the ledger of their hooks beside BullMQ's jobs: in PostgreSQL, in PGlite or in Redis. Results are
 * fenced: a worker that stood still while another one took over records nothing.
 */
export interface QueueStore {
  /** The `Pool` or PGlite that it is kept in; undefined in Redis. */
  readonly client?: object;
  /** Makes tables and scripts, checks the server. @returns warnings about settings of the server that may lose hooks */
  open(): Promise<readonly string[]>;
  close(): Promise<void>;
  /**
   * Stores a batch and adds its jobs: all of it or nothing. Waiting executions with the key of a new one are skipped.
   *
   * @param addJobs - adds the jobs on the same connection
   * @param connection - of a transaction that others have begun and will commit; only for a store with a client
   * @returns the ids of the executions that were skipped
   */
  add(batch: NewBatch, addJobs: () => Promise<void>, connection?: object): Promise<readonly string[]>;
  /** Whether a batch is stored. Waits until a transaction that adds it has ended. */
  isStored(batchId: string): Promise<boolean>;
  /**
   * Removes a batch, if the store has it and none of its hooks has begun. Its jobs end by themselves, without a hook.
   */
  discard(batch: BatchIds): Promise<void>;
  /** Records whether the response of a batch was delivered. */
  release(batchId: string, delivered: boolean | undefined): Promise<void>;
  /** Whether an earlier batch of the same tree has open hooks. */
  hasEarlierOpen(batchId: string): Promise<boolean>;
  /** The snapshot of a run; `deleted` if {@link forget} has deleted it, undefined if it is not there any more. */
  snapshot(batchId: string, runId: string): Promise<EncodedSnapshot | 'deleted' | undefined>;
  /** The content of a file. */
  file(batchId: string, hash: string): Promise<string | undefined>;
  /**
   * Takes an execution over, unless a worker with a higher fence has it; counts an attempt. With limits, only if those of all
   * processes allow it: at most `concurrency` executions of the hook are `running` in the ledger, and at most `max`
   * have started within `per`, by the clock of the store. Otherwise the execution waits, and its job with it.
   */
  claim(claimed: Fence, startedAt: number, request?: ClaimRequest): Promise<Claim>;
  /** Counts a further attempt as a start. @returns milliseconds to wait before asking again; 0 if it may start */
  countRetry(limits: HookLimits): Promise<number>;
  /** The ids of the next jobs that wait for the limits of a hook. */
  waiting(hook: string): Promise<readonly string[]>;
  /** Takes the last attempt back: the hook was not called. */
  unclaim(claimed: Fence): Promise<void>;
  /** Records the number of attempts. */
  attempt(claimed: Fence, attempts: number): Promise<void>;
  /** Gives a hook that was called and has not ended back to other workers. */
  handBack(claimed: Fence): Promise<void>;
  /** Records how an execution ended. */
  end(claimed: Fence, ended: HookExecution): Promise<RecordedEnd>;
  /**
   * Open executions that no worker will run: some of them, if there are many; later calls return the others.
   *
   * @param executionId - looks at this one only
   */
  lost(executionId?: string): Promise<readonly LostExecution[]>;
  /** Ends an execution that no worker has claimed, or that was given back. */
  endWaiting(executionId: string, ended: WaitingEnd): Promise<RecordedEnd>;
  /**
   * Takes a failed execution back to `scheduled` and adds its job: both or nothing.
   *
   * @param addJob - adds the job on the same connection; it must not run before the promise has resolved
   */
  retry(executionId: string, addJob: (found: RetriedExecution) => Promise<void>): Promise<RetryResult>;
  /** The batches among these that have no open hooks. */
  ended(batchIds: readonly string[]): Promise<readonly string[]>;
  /** The number of batches that have open hooks; this limit if there are more. */
  countOpen(limit: number): Promise<number>;
  /** Executions, the newest first. */
  list(filter: HookExecutionFilter): Promise<HookExecution[]>;
  /** How many executions are in each state. */
  counts(): Promise<ExecutionCounts>;
  /** Counts executions by hook, state and duration, without reading each of them. */
  tally(filter: Omit<HookTotalsFilter, 'mode'>): Promise<readonly CountedExecutions[]>;
  /**
   * Deletes the data of runs, and drops those of their hooks that have not begun.
   *
   * @param endedAt - the moment at which they were dropped
   */
  forget(runs: RunCriteria, endedAt: number): Promise<ForgottenHooks>;
  /** Removes the records beyond the limits. */
  sweep(limits: SweepLimits): Promise<void>;
}

/** The limits of the records that {@link QueueStore.sweep} keeps. */
export interface SweepLimits {
  /** The maximum number of executions that have failed or timed out, and that of others that have ended. */
  readonly remembered: number;
  /** Milliseconds that the data of a run with failed hooks is kept. */
  readonly keepFailed: number;
}
