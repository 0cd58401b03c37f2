import { setMaxListeners } from 'node:events';

import { LRUCache } from 'lru-cache';

import { HookDataGoneError, HookExecutionConflictError } from '../errors/hook-execution.errors.js';
import { sizeOfStorable } from '../data/storable.size.js';
import { aborted } from './aborted.js';
import type { HookExecution } from './hook-execution.js';
import { HookExecutor, type HookBatch, type HookDelivery, type HookTask } from './hook.executor.js';
import { HookLimiters, type HookLimiter } from './hook.limiter.js';
import { isOfRuns, type RunCriteria } from './run.criteria.js';

/** Limits and callbacks of the {@link InProcessHookExecutor}. */
export interface InProcessHookExecutorOptions {
  /** The number of batches that run at the same time. */
  readonly concurrency: number;
  /** The number of batches held, released or not. */
  readonly maxPending: number;
  /** A batch had to run before its result was handed back, because `maxPending` batches were held. */
  readonly onOverflow: (batch: HookBatch) => void;
}

/** The failed hooks that can be retried: at most so many, whose runs take at most so many bytes. */
const KEPT_FAILURES = 1_000;
const KEPT_BYTES = 32 * 1_048_576;

/** A hook that has failed, with everything needed to run it once more. */
interface FailedHook {
  readonly task: HookTask;
  readonly batch: Pick<HookBatch, 'id' | 'runInContext'>;
  readonly delivered: boolean | undefined;
}

interface PendingBatch {
  readonly batch: HookBatch;
  state: 'accepted' | 'ready' | 'running';
  delivered: boolean | undefined;
  readonly onEnded: (() => void)[];
}

/** Where a hook with limits runs. */
interface LimitedPlace {
  readonly limiter: HookLimiter;
  /** Its batch has one of the `concurrency` places, and has not overflowed. */
  readonly hasPlace: boolean;
}

/**
 * Runs background hooks in this process, from memory: nothing to install, but a crash loses hooks that have not run.
 * A batch is a sequence; batches proceed side by side up to `concurrency`, in the order of their release; those of one
 * run tree one after another. The data of the latest failed hooks is kept, within limits, so that they can be retried.
 */
export class InProcessHookExecutor extends HookExecutor {
  readonly #options: InProcessHookExecutorOptions;
  #pending = new Map<HookBatch, PendingBatch>();
  /** Batches that wait for one of the `concurrency` places. */
  readonly #ready: PendingBatch[] = [];
  /** Callbacks of those that have left their place to wait for the limits of a hook, and go on: they are served first. */
  readonly #resuming: (() => void)[] = [];
  readonly #limiters = new HookLimiters();
  readonly #shutdown = new AbortController();
  /** By execution id. */
  readonly #failed = new LRUCache<string, FailedHook>({
    max: KEPT_FAILURES,
    maxSize: KEPT_BYTES,
    // Data that cannot be measured are not kept.
    sizeCalculation: ({ task }) => sizeOfStorable(task.snapshot) || KEPT_BYTES + 1,
  });
  /** The tasks of batches that have not ended whose runs were deleted: they are not kept. */
  readonly #forgotten = new WeakSet<HookTask>();
  /** The ids of the run trees whose hooks run. */
  readonly #trees = new Set<string>();
  /** The tasks that wait, by their key. */
  readonly #keyed = new Map<string, HookTask>();
  #running = 0;
  #pumpScheduled = false;

  constructor(options: InProcessHookExecutorOptions) {
    super();
    this.#options = options;
    // Every running hook may listen; that is no leak.
    setMaxListeners(0, this.#shutdown.signal);
  }

  override accept(batch: HookBatch): Promise<void> | undefined {
    if (this.#shutdown.signal.aborted) {
      for (const task of batch.tasks) task.drop();
      return undefined;
    }
    const isOver = this.#pending.size >= this.#options.maxPending && !batch.cannotWait;
    if (isOver) this.#options.onOverflow(batch);
    const pending: PendingBatch = { batch, state: 'accepted', delivered: undefined, onEnded: [] };
    this.#pending.set(batch, pending);
    for (const task of batch.tasks) this.#supersede(task);
    return isOver ? batch.runInContext(() => this.#run(pending, false)) : undefined;
  }

  /** Only the last of the waiting tasks with one key is kept. */
  #supersede(task: HookTask): void {
    if (task.key === undefined || task.execution.endedAt !== undefined) return;
    const earlier = this.#keyed.get(task.key);
    if (earlier?.execution.state === 'scheduled') earlier.supersede();
    this.#keyed.set(task.key, task);
  }

  #forgetKey(task: HookTask): void {
    if (task.key !== undefined && this.#keyed.get(task.key) === task) this.#keyed.delete(task.key);
  }

  override release(batch: HookBatch, delivered: boolean | undefined): void {
    const pending = this.#pending.get(batch);
    if (pending?.state !== 'accepted') return;
    pending.state = 'ready';
    pending.delivered = delivered;
    this.#ready.push(pending);
    this.#schedulePump();
  }

  override ended(batch: HookBatch): Promise<void> {
    const pending = this.#pending.get(batch);
    return pending ? new Promise((resolve) => pending.onEnded.push(resolve)) : Promise.resolve();
  }

  override retry({ id }: HookExecution): Promise<void> {
    const failed = this.#failed.get(id) ?? this.#findFailed(id);
    if (failed && !isFailed(failed.task))
      return Promise.reject(new HookExecutionConflictError(id, 'It is retried already.'));
    if (!failed || this.#shutdown.signal.aborted) return Promise.reject(new HookDataGoneError(id));
    const { task, delivered } = failed;
    if (task.key !== undefined && this.#keyed.get(task.key)?.execution.state === 'scheduled')
      return Promise.reject(new HookExecutionConflictError(id, 'A later execution with its key waits.'));
    this.#failed.delete(id);
    task.reopen();
    const batch: HookBatch = { ...failed.batch, tasks: [task], cannotWait: true };
    const pending: PendingBatch = { batch, state: 'ready', delivered, onEnded: [] };
    this.#pending.set(batch, pending);
    this.#supersede(task);
    this.#ready.push(pending);
    this.#schedulePump();
    return Promise.resolve();
  }

  override async drain(isExcluded: (batch: HookBatch) => boolean = () => false): Promise<void> {
    const held = [...this.#pending.keys()].filter((batch) => !isExcluded(batch));
    await Promise.all(held.map((batch) => this.ended(batch)));
  }

  override forget(runs: RunCriteria): Promise<void> {
    for (const [id, { task }] of [...this.#failed.entries()])
      if (isOfRuns(task, runs)) this.#failed.delete(id);
    const tasks = [...this.#pending.keys()].flatMap((batch) => batch.tasks);
    for (const task of tasks.filter((pending) => isOfRuns(pending, runs))) {
      this.#forgotten.add(task);
      if (isWaiting(task)) task.drop('deleted');
    }
    return Promise.resolve();
  }

  override async stop(
    deadline: AbortSignal,
    settled?: () => Promise<void> | undefined,
  ): Promise<readonly HookTask[]> {
    // Hooks may start runs; the hooks of those runs are accepted as long as there is time.
    while (!deadline.aborted) {
      for (const batch of this.#pending.keys()) this.release(batch, false);
      const work = this.#pending.size > 0 ? this.drain() : settled?.();
      if (!work) break;
      await Promise.race([work, aborted(deadline)]);
    }
    const held = [...this.#pending.values()];
    // A hook that is retried while its batch runs is in two batches.
    const unfinished = [...new Set(held.flatMap(({ batch }) => batch.tasks))].filter(isUnfinished);
    this.#ready.length = 0;
    this.#resuming.length = 0;
    this.#shutdown.abort();
    this.#limiters.close();
    for (const task of unfinished) task.drop();
    for (const pending of held) this.#finish(pending);
    return unfinished;
  }

  /** The callback that releases a batch is code of the host: hooks start in a later turn of the event loop. */
  #schedulePump(): void {
    if (this.#pumpScheduled) return;
    this.#pumpScheduled = true;
    setImmediate(() => {
      this.#pumpScheduled = false;
      this.#pump();
    });
  }

  #pump(): void {
    while (this.#running < this.#options.concurrency) {
      const next = this.#resuming.shift() ?? this.#nextReady();
      if (!next) return;
      this.#running += 1;
      next();
    }
  }

  /** Starts the first batch whose tree has no running hooks; undefined if there is none. */
  #nextReady(): (() => void) | undefined {
    const index = this.#ready.findIndex(({ batch }) => !this.#trees.has(batch.id));
    const [next] = index < 0 ? [] : this.#ready.splice(index, 1);
    return next && (() => void next.batch.runInContext(() => this.#runReady(next)));
  }

  #leavePlace(): void {
    this.#running -= 1;
    if (this.#resuming.length + this.#ready.length > 0) this.#schedulePump();
  }

  #returnToPlace(): Promise<void> {
    return new Promise((resolve) => {
      this.#resuming.push(resolve);
      this.#schedulePump();
    });
  }

  async #runReady(pending: PendingBatch): Promise<void> {
    await this.#run(pending, true);
    this.#leavePlace();
  }

  async #run(pending: PendingBatch, hasPlace: boolean): Promise<void> {
    pending.state = 'running';
    const { batch, delivered } = pending;
    this.#trees.add(batch.id);
    const delivery = { ...(delivered === undefined ? {} : { delivered }), shutdown: this.#shutdown.signal };
    for (const task of batch.tasks) {
      if (this.#shutdown.signal.aborted) break;
      // It was cancelled while it waited.
      if (task.execution.endedAt !== undefined) continue;
      const { limits } = task;
      const running = limits
        ? this.#runLimited(task, delivery, { limiter: this.#limiters.of(limits), hasPlace })
        : task.run(delivery);
      if (running !== undefined) await running;
    }
    this.#trees.delete(batch.id);
    this.#keepFailed(pending);
    this.#finish(pending);
  }

  /** Runs a hook when its limits allow it. Meanwhile other batches have the place of this one. */
  async #runLimited(
    task: HookTask,
    delivery: HookDelivery,
    { limiter, hasPlace }: LimitedPlace,
  ): Promise<void> {
    let permit = limiter.tryTake();
    if (!permit) {
      if (hasPlace) this.#leavePlace();
      permit = await limiter.take();
      if (hasPlace) await this.#returnToPlace();
    }
    if (!permit) return;
    // Meanwhile it may have been cancelled, or dropped.
    if (task.execution.endedAt === undefined) {
      permit.start();
      await task.run({ ...delivery, beforeRetry: () => permit.restart() });
    }
    permit.end();
  }

  /** A hook of a batch that has not ended. It may have been retried already. */
  #findFailed(id: string): FailedHook | undefined {
    for (const { batch, delivered } of this.#pending.values()) {
      const task = batch.tasks.find(({ execution }) => execution.id === id);
      if (task && this.#isKept(task)) return failedHook(task, batch, delivered);
    }
    return undefined;
  }

  /** Not hooks whose run cannot be copied: they would fail again. */
  #isKept(task: HookTask): boolean {
    return !(task.snapshot instanceof Error) && !this.#forgotten.has(task);
  }

  #keepFailed({ batch, delivered }: PendingBatch): void {
    for (const task of batch.tasks)
      if (isFailed(task) && this.#isKept(task))
        this.#failed.set(task.execution.id, failedHook(task, batch, delivered));
  }

  /** The hooks of a batch have ended, or were dropped. */
  #finish({ batch, onEnded }: PendingBatch): void {
    for (const task of batch.tasks) this.#forgetKey(task);
    this.#pending.delete(batch);
    // A busy map leaves old tables behind that hold its former batches until the next full garbage collection.
    if (this.#pending.size === 0) this.#pending = new Map();
    for (const resolve of onEnded) resolve();
  }
}

/** Without the other hooks of its batch, and without its response. */
function failedHook(task: HookTask, batch: HookBatch, delivered: boolean | undefined): FailedHook {
  const { id, runInContext } = batch;
  return { task, batch: { id, runInContext }, delivered };
}

function isFailed({ execution: { state } }: HookTask): boolean {
  return state === 'failed' || state === 'timed_out';
}

function isWaiting({ execution }: HookTask): boolean {
  return execution.state === 'scheduled';
}

function isUnfinished({ execution }: HookTask): boolean {
  return execution.endedAt === undefined;
}
