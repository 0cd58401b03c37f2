import { setMaxListeners } from 'node:events';

import { aborted } from './aborted.js';
import { HookExecutor, type HookBatch, type HookDelivery, type HookTask } from './hook.executor.js';

/** Limits and callbacks of the {@link InProcessHookExecutor}. */
export interface InProcessHookExecutorOptions {
  /** The number of batches that run at the same time. */
  readonly concurrency: number;
  /** The number of batches held, released or not. */
  readonly maxPending: number;
  /** A batch had to run before its result was handed back, because `maxPending` batches were held. */
  readonly onOverflow: (batch: HookBatch) => void;
}

interface PendingBatch {
  readonly batch: HookBatch;
  state: 'accepted' | 'ready' | 'running';
  delivered: boolean | undefined;
  readonly onEnded: (() => void)[];
}

/**
 * Runs background hooks in this process, from memory: nothing to install, but a crash loses hooks that have not run.
 * A batch is a sequence; batches proceed side by side up to `concurrency`, in the order of their release.
 */
export class InProcessHookExecutor extends HookExecutor {
  readonly #options: InProcessHookExecutorOptions;
  #pending = new Map<HookBatch, PendingBatch>();
  readonly #ready: PendingBatch[] = [];
  readonly #shutdown = new AbortController();
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
    return isOver ? batch.runInContext(() => this.#run(pending)) : undefined;
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

  override async drain(isExcluded: (batch: HookBatch) => boolean = () => false): Promise<void> {
    const held = [...this.#pending.keys()].filter((batch) => !isExcluded(batch));
    await Promise.all(held.map((batch) => this.ended(batch)));
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
    const unfinished = held.flatMap(({ batch }) => batch.tasks).filter(isUnfinished);
    this.#ready.length = 0;
    this.#shutdown.abort();
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
      const next = this.#ready.shift();
      if (!next) return;
      this.#running += 1;
      void next.batch.runInContext(() => this.#runReady(next));
    }
  }

  async #runReady(pending: PendingBatch): Promise<void> {
    await this.#run(pending);
    this.#running -= 1;
    if (this.#ready.length > 0) this.#schedulePump();
  }

  async #run(pending: PendingBatch): Promise<void> {
    pending.state = 'running';
    const { batch, delivered } = pending;
    await this.#runTasks(batch, delivered === undefined ? {} : { delivered });
    this.#finish(pending);
  }

  /** The hooks of a batch have ended, or were dropped. */
  #finish({ batch, onEnded }: PendingBatch): void {
    this.#pending.delete(batch);
    // A busy map leaves old tables behind that hold its former batches until the next full garbage collection.
    if (this.#pending.size === 0) this.#pending = new Map();
    for (const resolve of onEnded) resolve();
  }

  async #runTasks(batch: HookBatch, delivery: HookDelivery): Promise<void> {
    const whole = { ...delivery, shutdown: this.#shutdown.signal };
    for (const task of batch.tasks) {
      if (this.#shutdown.signal.aborted) return;
      const running = task.run(whole);
      if (running !== undefined) await running;
    }
  }
}

function isUnfinished({ execution }: HookTask): boolean {
  return execution.endedAt === undefined;
}
