import { setMaxListeners } from 'node:events';

import type { HookExecution } from '../execution/hook-execution.js';
import { HookExecutor, type HookBatch, type HookTask } from '../execution/hook.executor.js';
import { isOfRuns, type RunCriteria } from '../execution/run.criteria.js';
import { checkTimeout, DEFAULT_TIMEOUT, withinTime } from './deadline.js';
import { describeExecutions, listNames } from './hook.texts.js';

/** Selects held hooks. */
export interface HeldHookSelector {
  /** Only hooks of this run. Default: of all runs. */
  readonly run?: string | { readonly runId: string };
}

/** The options of a release. */
export interface ReleaseOptions extends HeldHookSelector {
  /** Milliseconds that it waits for the response of a run to close. Default 4,000. */
  readonly timeout?: number;
}

/** A batch whose hooks wait for the test. */
interface HeldBatch {
  readonly batch: HookBatch;
  /** Hooks that the test has not released, in order. */
  readonly waiting: HookTask[];
  /** Resolves when the response has closed, with true if it was delivered. */
  readonly closed: Promise<boolean | undefined>;
  readonly close: (delivered: boolean | undefined) => void;
  /** Resolves when all of its hooks have ended. */
  readonly ended: Promise<void>;
  readonly end: () => void;
  /** The work of the hooks released so far: hooks of one run never overlap. */
  working: Promise<void>;
}

/**
 * Background hooks that wait until a test releases them: a fake of the queue that keeps them. `createTestAgentOs({ hooks:
 * 'hold' })` has it; for an application of your own override its {@link HookExecutor}.
 *
 * @example
 * ```ts
 * const held = new HeldHooks();
 * const testing = await Test.createTestingModule({ imports: [AppModule] })
 *   .overrideProvider(HookExecutor)
 *   .useValue(held.executor)
 *   .compile();
 * // …
 * await held.release('notify');
 * ```
 */
export class HeldHooks {
  readonly #batches = new Map<HookBatch, HeldBatch>();
  readonly #shutdown = new AbortController();
  /** The executor for the application. */
  readonly executor: HookExecutor;

  constructor() {
    // Each running hook may add a listener; that is no leak.
    setMaxListeners(0, this.#shutdown.signal);
    this.executor = new HoldingExecutor({
      accept: (batch) => this.#accept(batch),
      close: (batch, delivered) => this.#batches.get(batch)?.close(delivered),
      ended: (batch) => this.#batches.get(batch)?.ended ?? Promise.resolve(),
      drain: (isExcluded) => this.#drain(isExcluded),
      forget: (runs) => this.#forget(runs),
      stop: () => this.#stop(),
    });
  }

  /** Copies of the held executions, in the order of their runs. */
  held({ run }: HeldHookSelector = {}): HookExecution[] {
    return this.#waiting({ run }).map(({ task }) => ({ ...task.execution }));
  }

  /**
   * Runs the held hooks with this name, one after another, and resolves with how they ended. Waits for the responses of
   * their runs. Other hooks of the run stay held, those before it too: the test decides.
   *
   * @throws Error if none is held; the message lists those that are
   * @throws Error if the response of a run does not close in time: its client has to read it to the end
   */
  async release(
    hook: string,
    { timeout = DEFAULT_TIMEOUT, ...selector }: ReleaseOptions = {},
  ): Promise<HookExecution[]> {
    checkTimeout(timeout, `release("${hook}")`);
    const found = this.#waiting(selector).filter(({ task }) => task.execution.hook === hook);
    if (found.length === 0) {
      const names = listNames(this.#waiting({}).map(({ task }) => task.execution.hook));
      throw new Error(`release(): no hook "${hook}"${of(selector)} is held. Held: ${names}.`);
    }
    for (const { held, task } of found) await this.#run(held, task, timeout);
    return found.map(({ task }) => ({ ...task.execution }));
  }

  /** Runs all held hooks, and those that they add: in order within a run, runs side by side. Resolves when they have ended. */
  async releaseAll(): Promise<HookExecution[]> {
    const done: HookExecution[] = [];
    for (;;) {
      const found = this.#waiting({});
      if (found.length === 0) return done;
      await Promise.all(found.map(({ held, task }) => this.#run(held, task, DEFAULT_TIMEOUT)));
      done.push(...found.map(({ task }) => ({ ...task.execution })));
    }
  }

  /** Drops all held hooks: they end as `dropped`. For a test that is not about them. */
  dropAll(): void {
    for (const held of [...this.#batches.values()]) {
      for (const task of held.waiting.splice(0)) task.drop();
      this.#finishIfDone(held);
    }
  }

  #accept(batch: HookBatch): undefined {
    if (this.#shutdown.signal.aborted) {
      for (const task of batch.tasks) task.drop();
      return;
    }
    let close!: HeldBatch['close'];
    let end!: HeldBatch['end'];
    const closed = new Promise<boolean | undefined>((resolve) => (close = resolve));
    const ended = new Promise<void>((resolve) => (end = resolve));
    const working = Promise.resolve();
    this.#batches.set(batch, { batch, waiting: [...batch.tasks], closed, close, ended, end, working });
  }

  #waiting({ run }: HeldHookSelector): { readonly held: HeldBatch; readonly task: HookTask }[] {
    const runId = typeof run === 'object' ? run.runId : run;
    return [...this.#batches.values()]
      .flatMap((held) => held.waiting.map((task) => ({ held, task })))
      .filter(
        ({ task: { execution } }) =>
          execution.endedAt === undefined && (runId === undefined || execution.runId === runId),
      );
  }

  /** Runs the task after the tasks of its run that were released before. */
  #run(held: HeldBatch, task: HookTask, timeout: number): Promise<void> {
    held.waiting.splice(held.waiting.indexOf(task), 1);
    const before = held.working;
    const work = (async () => {
      await before.catch(() => undefined);
      const delivered = await this.#closed(held, task, timeout);
      const { signal: shutdown } = this.#shutdown;
      if (shutdown.aborted) return task.drop();
      const delivery = { shutdown, ...(delivered === undefined ? {} : { delivered }) };
      await held.batch.runInContext(() => task.run(delivery));
    })();
    held.working = work;
    return work.finally(() => this.#finishIfDone(held));
  }

  async #closed(held: HeldBatch, task: HookTask, timeout: number): Promise<boolean | undefined> {
    const late = (): Error =>
      new Error(
        `release(): the response of run ${held.batch.id} has not closed within ${timeout} ms, so ` +
          `"${task.execution.hook}" cannot run after it. Read the response to its end, or leave.`,
      );
    try {
      return await withinTime(held.closed, timeout, late);
    } catch (thrown) {
      held.waiting.unshift(task);
      throw thrown;
    }
  }

  #finishIfDone(held: HeldBatch): void {
    if (held.batch.tasks.some(({ execution }) => execution.endedAt === undefined)) return;
    this.#batches.delete(held.batch);
    held.end();
  }

  async #drain(isExcluded: (batch: HookBatch) => boolean): Promise<void> {
    // Those whose last waiting hooks were cancelled have ended.
    for (const held of [...this.#batches.values()]) this.#finishIfDone(held);
    const batches = [...this.#batches.values()].filter(({ batch }) => !isExcluded(batch));
    const waiting = batches
      .flatMap((held) => held.waiting.map(({ execution }) => execution))
      .filter(({ endedAt }) => endedAt === undefined);
    if (waiting.length > 0) {
      throw new Error(
        `drain() would wait forever: these hooks are held. Call release() or releaseAll(). Held: ${describeExecutions(waiting)}`,
      );
    }
    await Promise.all(batches.map(({ ended }) => ended));
  }

  #forget(runs: RunCriteria): void {
    for (const held of [...this.#batches.values()]) {
      for (const task of held.waiting.filter((waiting) => isOfRuns(waiting, runs))) {
        held.waiting.splice(held.waiting.indexOf(task), 1);
        task.drop('deleted');
      }
      this.#finishIfDone(held);
    }
  }

  #stop(): readonly HookTask[] {
    this.#shutdown.abort();
    const batches = [...this.#batches.values()];
    const unfinished = batches
      .flatMap(({ batch }) => batch.tasks)
      .filter(({ execution }) => execution.endedAt === undefined);
    for (const task of unfinished) task.drop();
    for (const held of batches) this.#finishIfDone(held);
    return unfinished;
  }
}

interface Holder {
  accept(batch: HookBatch): undefined;
  close(batch: HookBatch, delivered: boolean | undefined): void;
  ended(batch: HookBatch): Promise<void>;
  drain(isExcluded: (batch: HookBatch) => boolean): Promise<void>;
  forget(runs: RunCriteria): void;
  stop(): readonly HookTask[];
}

/** The executor's side of {@link HeldHooks}: it has a `release()` of its own, which says that a response has closed. */
class HoldingExecutor extends HookExecutor {
  readonly #holder: Holder;

  constructor(holder: Holder) {
    super();
    this.#holder = holder;
  }

  override accept(batch: HookBatch): undefined {
    return this.#holder.accept(batch);
  }

  override release(batch: HookBatch, delivered: boolean | undefined): void {
    this.#holder.close(batch, delivered);
  }

  override ended(batch: HookBatch): Promise<void> {
    return this.#holder.ended(batch);
  }

  override drain(isExcluded: (batch: HookBatch) => boolean = () => false): Promise<void> {
    return this.#holder.drain(isExcluded);
  }

  override forget(runs: RunCriteria): Promise<void> {
    this.#holder.forget(runs);
    return Promise.resolve();
  }

  override stop(): Promise<readonly HookTask[]> {
    return Promise.resolve(this.#holder.stop());
  }
}

function of({ run }: HeldHookSelector): string {
  return run === undefined ? '' : ` of run ${typeof run === 'string' ? run : run.runId}`;
}
