import { setTimeout as sleep } from 'node:timers/promises';

import type { LoggerService } from '@nestjs/common';
import type { Job } from 'bullmq';
import { filter, type Subscription } from 'rxjs';

import { toError } from '../data/to-error.js';
import { quoted, reasonOf } from '../errors/log.text.js';
import type { HookExecution } from '../execution/hook-execution.js';
import type { HookDelivery, HookExecutorHost, HookTask } from '../execution/hook.executor.js';
import type { HookLimits } from '../execution/hook.limits.js';
import { now } from '../model/clock.js';
import { LONGEST_TIMER } from '../options/option.schemas.js';
import type { LostExecutions } from './lost.executions.js';
import {
  LIMITED_PAUSE,
  type Claim,
  type ClaimedBatch,
  type ClaimRequest,
  type Fence,
  type QueueStore,
} from './queue.store.js';
import { CodecMissingError } from './payload.codec.js';
import { PayloadVersionError, readJobData, type JobData } from './stored.batch.js';
import { RunDeletedError, type StoredSnapshots } from './stored.snapshots.js';

/** Classes of BullMQ that a worker throws; the package is an optional peer. */
export interface JobErrors {
  readonly UnrecoverableError: new (message: string) => Error;
  readonly DelayedError: new () => Error;
  readonly WaitingError: new () => Error;
}

/** The options of {@link HookWorker}. */
export interface HookWorkerOptions {
  readonly host: HookExecutorHost;
  readonly store: QueueStore;
  readonly snapshots: StoredSnapshots;
  readonly lost: LostExecutions;
  readonly errors: JobErrors;
  readonly lockDuration: number;
  readonly unknownAfter: number;
  readonly logger: Pick<LoggerService, 'error' | 'warn'>;
  /** Lets a job run now that is delayed. @returns whether it was */
  readonly promote: (jobId: string) => Promise<boolean>;
  /** All hooks of a batch have ended. */
  readonly onBatchEnded: (batchId: string) => void;
}

/** Milliseconds before a hook that this process does not know is looked at again: doubled each time, up to a minute. */
const UNKNOWN_BACKOFF = 1_000;
const LONGEST_BACKOFF = 60_000;
/** Milliseconds between looks for the end of an earlier batch, or of another hook of the tree. */
const EARLIER_BACKOFF = 250;
/** Milliseconds that a hook gets to end after its signal was aborted by a shutdown. */
const ENDING_TIME = 500;

/** A job whose execution this worker has claimed. */
interface ClaimedJob {
  readonly data: JobData;
  readonly claimed: Fence;
  readonly claim: Extract<Claim, { readonly kind: 'claimed' }>;
  readonly limits: HookLimits | undefined;
  /** In the time of `performance.now()`. */
  readonly startedAt: number;
}

/** Its task. */
interface ClaimedTask extends Pick<ClaimedJob, 'claimed' | 'limits'> {
  readonly task: HookTask;
  readonly batch: ClaimedBatch;
}

/** A hook that this process runs. */
interface RunningHook {
  readonly abort: AbortController;
  readonly claimed: Fence;
  readonly execution: HookExecution;
}

/**
 * Runs the hooks of jobs. A hook starts only after this worker has claimed its execution with a fence, the number of
 * times that the job was started; so a worker that stood still while another one took over records nothing.
 */
export class HookWorker {
  readonly #options: HookWorkerOptions;
  /** By job id. */
  readonly #running = new Map<string, RunningHook>();
  readonly #attempts: Subscription;
  readonly #stopping = new AbortController();

  constructor(options: HookWorkerOptions) {
    this.#options = options;
    this.#attempts = options.host.ledger.changes
      .pipe(filter(({ state, attempts }) => state === 'running' && attempts > 1))
      .subscribe((execution) => void this.#recordAttempt(execution));
  }

  /** The executions that run here now. */
  get running(): readonly HookExecution[] {
    return [...this.#running.values()].map(({ execution }) => execution);
  }

  /** The worker has lost the locks of these jobs: it must not run them any longer. */
  abandon(jobIds: readonly string[]): void {
    for (const id of jobIds) this.#running.get(id)?.abort.abort(new LockLostError());
  }

  /** Aborts the signals of all hooks; those that do not end soon are given back. */
  stop(): void {
    this.#stopping.abort();
    this.#attempts.unsubscribe();
    for (const { abort } of this.#running.values()) abort.abort();
  }

  /**
   * Runs the hook of a job.
   *
   * @returns the final state of its execution
   * @throws UnrecoverableError if the hook failed; DelayedError or WaitingError if the job was put back
   */
  async process(job: Job, token: string): Promise<string> {
    const startedAt = performance.now();
    if (this.#stopping.signal.aborted) return this.#putBack(job, token);
    const data = await this.#read(job, token);
    const { store } = this.#options;
    if (data.isLater && (await this.#persist(() => store.hasEarlierOpen(data.batch))))
      return this.#delay(job, token, EARLIER_BACKOFF);
    const claimed = fenceOf(job, data);
    const limits = data.hook && this.#options.host.limitsOf(data.hook);
    const request = this.#requestOf(job, data, limits);
    const claim = await this.#persist(() => store.claim(claimed, now(), request));
    if (claim.kind === 'limited') return this.#delay(job, token, claim.wait);
    if (claim.kind === 'lost') return this.#leave();
    if (claim.kind === 'busy') return this.#delay(job, token, EARLIER_BACKOFF);
    if (claim.kind === 'gone') this.#warnOfUnknown(job);
    if (claim.kind !== 'claimed') return claim.kind;
    try {
      return await this.#runClaimed(job, token, { data, claimed, claim, limits, startedAt });
    } finally {
      if (limits) await this.#callNext(limits);
    }
  }

  /** The data of the run is read with the first claim, unless it is here; later ones ask whether it was deleted meanwhile. */
  #requestOf(job: Job, data: JobData, limits: HookLimits | undefined): ClaimRequest {
    const { batch, run } = data;
    const isNeeded = job.attemptsStarted === 1 && !this.#options.snapshots.has(batch, run);
    return {
      limits,
      ...(job.id === undefined ? {} : { jobId: job.id }),
      ...(isNeeded ? { snapshotOf: run } : {}),
    };
  }

  async #runClaimed(
    job: Job,
    token: string,
    { data, claimed, claim, limits, startedAt }: ClaimedJob,
  ): Promise<string> {
    const { store, lockDuration } = this.#options;
    const { execution, batch } = claim;
    // Of a hook that is run once more the data may have been deleted meanwhile.
    const isFresh = execution.attempts > 1;
    const found = isFresh ? undefined : claim.snapshot;
    const snapshot = await this.#persist(() =>
      this.#options.snapshots.get({ batchId: data.batch, runId: data.run, isFresh, found }),
    );
    if (snapshot instanceof RunDeletedError) {
      await this.#record(claimed, { ...execution, state: 'dropped', reason: 'deleted', endedAt: now() });
      return 'dropped';
    }
    const carry = snapshot instanceof Error ? undefined : await this.#carryOf(batch, execution);
    // It stood still, or the store was slow, since it was given the job: another worker may have it, and have ended it.
    if (performance.now() - startedAt > lockDuration) {
      await this.#persist(() => store.unclaim(claimed));
      return this.#leave();
    }
    const unreadable = [snapshot, carry].find((part) => part instanceof Error);
    if (unreadable instanceof CodecMissingError && !this.#isTooOld(execution.scheduledAt)) {
      await this.#persist(() => store.unclaim(claimed));
      return this.#leaveUnread(job, token, unreadable);
    }
    if (unreadable instanceof Error) return this.#fail(claimed, execution, unreadable);
    const task = this.#rebuild(data, execution, snapshot);
    if (task instanceof Error) return this.#fail(claimed, execution, task);
    const decoded = { ...batch, ...(typeof carry === 'string' ? { carry } : {}) };
    if (task) return this.#run(job, token, { task, claimed, batch: decoded, limits });
    if (this.#isTooOld(execution.scheduledAt))
      return this.#fail(claimed, execution, new HookNotFoundError(execution));
    await this.#persist(() => store.unclaim(claimed));
    return this.#leaveToOthers(job, token, execution);
  }

  async #carryOf({ carry }: ClaimedBatch, { runId }: HookExecution): Promise<string | Error | undefined> {
    if (carry === undefined) return undefined;
    try {
      return await this.#options.snapshots.carry(carry, runId);
    } catch (thrown) {
      return toError(thrown);
    }
  }

  /** Workers have left it to others for long enough. */
  #isTooOld(scheduledAt: number): boolean {
    return Date.now() - scheduledAt > this.#options.unknownAfter;
  }

  /** BullMQ has failed a job whose workers have died too often: its execution ends, too. */
  async endStalled(job: Job): Promise<void> {
    const { execution } = readJobData(job.data);
    await this.#persist(() => this.#options.lost.end(execution));
  }

  async #run(job: Job, token: string, { task, claimed, batch, limits }: ClaimedTask): Promise<string> {
    const { store, errors } = this.#options;
    const abort = new AbortController();
    const id = job.id ?? '';
    // This process stood still for so long that it is given its own job again, before it has noticed.
    this.abandon([id]);
    const own = { abort, claimed, execution: task.execution };
    this.#running.set(id, own);
    try {
      const { delivered, carry } = batch;
      const delivery: HookDelivery = {
        shutdown: abort.signal,
        ...(delivered === undefined ? {} : { delivered }),
        ...(limits ? { beforeRetry: () => this.#waitForRetry(limits, abort.signal) } : {}),
      };
      const running = this.#start(task, delivery, carry);
      if (running) await this.#settled(running, abort.signal);
    } finally {
      if (this.#running.get(id) === own) this.#running.delete(id);
    }
    const { execution } = task;
    if (abort.signal.reason instanceof LockLostError) return this.#leave();
    // A hook that fails after its signal was aborted has most likely failed for that reason.
    const isGivenBack =
      execution.endedAt === undefined || (abort.signal.aborted && execution.state === 'failed');
    if (isGivenBack) {
      await this.#persist(() => store.handBack(claimed));
      return this.#putBack(job, token);
    }
    await this.#record(claimed, execution);
    if (execution.state === 'failed' || execution.state === 'timed_out')
      throw nameless(new errors.UnrecoverableError(execution.errorName ?? execution.state));
    return execution.state;
  }

  /** An execution of this hook has ended or was given back: the next one that waits for its limits need not wait longer. */
  async #callNext({ hook }: HookLimits): Promise<void> {
    const { store, promote, logger } = this.#options;
    try {
      for (const jobId of await store.waiting(hook)) if (await promote(jobId)) return;
    } catch (thrown) {
      logger.warn(
        `Hooks that wait for the limits of ${quoted(hook)} could not be called: ${reasonOf(thrown)}. They ask again by themselves.`,
      );
    }
  }

  /** Resolves when the rate of the hook allows a further attempt, or the signal has aborted. */
  async #waitForRetry(limits: HookLimits, signal: AbortSignal): Promise<void> {
    const { store, logger } = this.#options;
    while (!signal.aborted) {
      let wait = LIMITED_PAUSE;
      try {
        wait = await store.countRetry(limits);
      } catch (thrown) {
        logger.warn(`The store of background hooks does not answer: ${reasonOf(thrown)}`);
      }
      if (wait === 0) return;
      await sleep(Math.min(wait, LONGEST_TIMER), undefined, { signal }).catch(() => undefined);
    }
  }

  /** Calls the hook in the context that was carried along; the hook fails if `carry.run()` does not call back. */
  #start(task: HookTask, delivery: HookDelivery, captured: string | undefined): Promise<void> | undefined {
    const { carry } = this.#options.host;
    if (!carry) return task.run(delivery);
    let started: { readonly running: Promise<void> | undefined } | undefined;
    try {
      carry.run(captured, () => (started = { running: task.run(delivery) }));
      if (!started) task.fail(new Error('carry.run() did not call back at once.'));
    } catch (thrown) {
      if (!started) task.fail(toError(thrown));
    }
    return started?.running;
  }

  /** Waits until the hook has ended; not much longer than its signal was aborted. */
  async #settled(running: Promise<void>, signal: AbortSignal): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const abandoned = new Promise<void>((resolve) => {
      const onAbort = (): void => {
        if (signal.reason instanceof LockLostError) resolve();
        else timer = setTimeout(resolve, ENDING_TIME);
      };
      signal.addEventListener('abort', onAbort, { once: true });
      if (signal.aborted) onAbort();
    });
    await Promise.race([running, abandoned]);
    clearTimeout(timer);
  }

  async #record(claimed: Fence, execution: HookExecution): Promise<void> {
    const { store, logger, onBatchEnded } = this.#options;
    const { isRecorded, batchEnded } = await this.#persist(() => store.end(claimed, execution));
    if (!isRecorded) {
      logger.warn(
        `The result of hook ${quoted(execution.hook)} of run ${execution.runId} was not recorded: another worker has ` +
          'taken the hook over, since this one stood still for longer than lockDuration.',
      );
      return this.#leave();
    }
    if (batchEnded !== undefined) onBatchEnded(batchEnded);
  }

  /** The hook was not called. */
  async #fail(claimed: Fence, execution: HookExecution, thrown: unknown): Promise<never> {
    const { logger, errors } = this.#options;
    const error = toError(thrown);
    logger.error(`Hook ${quoted(execution.hook)} of run ${execution.runId} failed: ${reasonOf(error)}`);
    const { name: errorName } = error.constructor;
    await this.#record(claimed, { ...execution, state: 'failed', errorName, endedAt: now() });
    throw nameless(new errors.UnrecoverableError(errorName));
  }

  #rebuild(
    { origin, traceparent }: JobData,
    execution: HookExecution,
    snapshot: unknown,
  ): HookTask | Error | undefined {
    const { host } = this.#options;
    // The claim has counted the attempt that is about to begin, and the hook's runner counts it again.
    const before = { ...execution, attempts: execution.attempts - 1 };
    const { userId, owner, ...rest } = origin;
    try {
      const task = host.rebuild({
        execution: before,
        snapshot,
        traceparent,
        origin: {
          ...rest,
          ...(userId === undefined ? {} : { userId }),
          ...(owner === undefined ? {} : { owner }),
        },
      });
      // The store has the record of it.
      if (task) host.ledger.forget(task.execution);
      return task;
    } catch (thrown) {
      return toError(thrown);
    }
  }

  /** Calls the store again and again while it is away, as long as this worker may hold its lock. */
  async #persist<T>(call: () => Promise<T>): Promise<T> {
    const { lockDuration, logger } = this.#options;
    const startedAt = performance.now();
    for (let pause = 100; ; pause = Math.min(2 * pause, 2_000)) {
      try {
        return await call();
      } catch (thrown) {
        if (pause === 100) logger.warn(`The store of background hooks does not answer: ${reasonOf(thrown)}`);
        if (this.#stopping.signal.aborted || performance.now() - startedAt > lockDuration)
          return this.#leave();
        await sleep(pause, undefined, { signal: this.#stopping.signal }).catch(() => undefined);
      }
    }
  }

  /** Leaves the job as it is: when its lock has run out, it is given to a worker again. */
  #leave(): never {
    throw new this.#options.errors.WaitingError();
  }

  /** Reads valid data of a hook only: any client of the store can add jobs to a queue. */
  async #read(job: Job, token: string): Promise<JobData> {
    try {
      return readJobData(job.data);
    } catch (thrown) {
      if (thrown instanceof PayloadVersionError) {
        if (!this.#isTooOld(job.timestamp)) return this.#leaveUnread(job, token, thrown);
        await this.#failUnread(job, thrown);
      }
      const reason = reasonOf(thrown);
      this.#options.logger.error(
        `The job ${quoted(String(job.id))} (${quoted(job.name)}) was refused: ${reason}`,
      );
      throw nameless(new this.#options.errors.UnrecoverableError(reason));
    }
  }

  /** Uses only the fields of the data that have not changed since version 1. */
  async #failUnread(job: Job, thrown: PayloadVersionError): Promise<void> {
    const { execution, retryOf } = job.data as Partial<Record<'execution' | 'retryOf', unknown>>;
    if (typeof execution !== 'string') return;
    const fence = job.attemptsStarted + (typeof retryOf === 'number' ? retryOf : 0);
    const claimed: Fence = { executionId: execution, fence };
    const claim = await this.#persist(() => this.#options.store.claim(claimed, now()));
    if (claim.kind === 'claimed') await this.#fail(claimed, claim.execution, thrown);
  }

  #leaveUnread(job: Job, token: string, { message }: Error): Promise<never> {
    this.#options.logger.warn(
      `Hook ${quoted(job.name)} (job ${quoted(String(job.id))}) is left to other workers: ${message}`,
    );
    return this.#delay(job, token, backoffOf(job.attemptsStarted));
  }

  #warnOfUnknown(job: Job): void {
    this.#options.logger.warn(
      `The job ${quoted(String(job.id))} (${quoted(job.name)}) ends without a hook: the store does not know its execution.`,
    );
  }

  #leaveToOthers(job: Job, token: string, { hook, component, runId }: HookExecution): Promise<never> {
    this.#options.logger.warn(
      `Hook ${quoted(hook)} of ${component.kind} ${quoted(component.id)} (run ${runId}) is not known in this process; it ` +
        'is left to other workers. All workers need the same module.',
    );
    return this.#delay(job, token, backoffOf(job.attemptsStarted));
  }

  async #delay(job: Job, token: string, milliseconds: number): Promise<never> {
    await job.moveToDelayed(Date.now() + milliseconds, token);
    throw new this.#options.errors.DelayedError();
  }

  async #putBack(job: Job, token: string): Promise<never> {
    await job.moveToWait(token);
    throw new this.#options.errors.WaitingError();
  }

  async #recordAttempt(execution: HookExecution): Promise<void> {
    const found = [...this.#running.values()].find((running) => running.execution === execution);
    if (!found) return;
    const { store, logger } = this.#options;
    try {
      await store.attempt(found.claimed, execution.attempts);
    } catch (thrown) {
      logger.warn(
        `Attempt ${execution.attempts} of ${execution.id} could not be recorded: ${reasonOf(thrown)}`,
      );
    }
  }
}

/** The reason of a signal: the worker has lost its lock, and another one runs the hook. */
class LockLostError extends Error {
  constructor() {
    super('The lock of the hook was lost: another worker runs it.');
    this.name = new.target.name;
  }
}

/** No worker has had the hook for `unknownAfter`. */
export class HookNotFoundError extends Error {
  readonly code = 'hook_not_found';

  constructor({ hook, component }: HookExecution) {
    super(`No worker knows the hook ${quoted(hook)} of ${component.kind} ${quoted(component.id)}.`);
    this.name = new.target.name;
  }
}

function fenceOf({ attemptsStarted }: Job, { execution, retryOf }: JobData): Fence {
  const isRetry = retryOf !== undefined;
  return { executionId: execution, fence: (retryOf ?? 0) + attemptsStarted, isRetry };
}

function backoffOf(starts: number): number {
  return Math.min(LONGEST_BACKOFF, UNKNOWN_BACKOFF * 2 ** Math.min(starts - 1, 10));
}

/** BullMQ stores the stack of an error, which may quote data. */
function nameless(error: Error): Error {
  error.stack = '';
  return error;
}
