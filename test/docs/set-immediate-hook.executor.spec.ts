import { describe, it } from '@jest/globals';
import {
  HookExecutor,
  isOfRuns,
  type HookBatch,
  type HookTask,
  type RunCriteria,
} from 'nestjs-agentos/executor';
import { hookExecutorContract } from 'nestjs-agentos/testing';

interface HeldBatch {
  readonly batch: HookBatch;
  readonly ended: Promise<void>;
  readonly end: () => void;
  isReleased: boolean;
}

/** Runs background hooks with `setImmediate`, for up to `concurrency` runs at once. */
class SetImmediateHookExecutor extends HookExecutor {
  readonly #held = new Map<HookBatch, HeldBatch>();
  readonly #due: (() => Promise<void>)[] = [];
  readonly #shutdown = new AbortController();
  readonly #concurrency: number;
  #running = 0;

  constructor(concurrency: number) {
    super();
    this.#concurrency = concurrency;
  }

  accept(batch: HookBatch): undefined {
    if (this.#shutdown.signal.aborted) {
      for (const task of batch.tasks) task.drop();
      return;
    }
    let end = (): void => undefined;
    const ended = new Promise<void>((resolve) => (end = resolve));
    this.#held.set(batch, { batch, ended, end, isReleased: false });
  }

  release(batch: HookBatch, delivered: boolean | undefined): void {
    const held = this.#held.get(batch);
    if (!held || held.isReleased) return;
    held.isReleased = true;
    this.#due.push(() => this.#run(held, delivered));
    setImmediate(() => void this.#next());
  }

  ended(batch: HookBatch): Promise<void> {
    return this.#held.get(batch)?.ended ?? Promise.resolve();
  }

  async drain(isExcluded: (batch: HookBatch) => boolean = () => false): Promise<void> {
    const held = [...this.#held.values()].filter(({ batch }) => !isExcluded(batch));
    await Promise.all(held.map(({ ended }) => ended));
  }

  forget(runs: RunCriteria): Promise<void> {
    const tasks = [...this.#held.keys()].flatMap((batch) => batch.tasks);
    for (const task of tasks)
      if (task.execution.state === 'scheduled' && isOfRuns(task, runs)) task.drop('deleted');
    return Promise.resolve();
  }

  async stop(deadline: AbortSignal, settled?: () => Promise<void> | undefined): Promise<readonly HookTask[]> {
    const timeIsUp = new Promise<void>((resolve) => {
      if (deadline.aborted) resolve();
      deadline.addEventListener('abort', () => resolve());
    });
    while (!deadline.aborted) {
      for (const batch of this.#held.keys()) this.release(batch, false);
      const work = this.#held.size > 0 ? this.drain() : settled?.();
      if (!work) break;
      await Promise.race([work, timeIsUp]);
    }
    this.#shutdown.abort();
    const held = [...this.#held.values()];
    const open = held.flatMap(({ batch }) => batch.tasks).filter(isOpen);
    for (const task of open) task.drop();
    for (const batch of held) this.#finish(batch);
    return open;
  }

  async #next(): Promise<void> {
    while (this.#running < this.#concurrency) {
      const run = this.#due.shift();
      if (!run) return;
      this.#running += 1;
      await run();
      this.#running -= 1;
    }
  }

  async #run(held: HeldBatch, delivered: boolean | undefined): Promise<void> {
    const { signal: shutdown } = this.#shutdown;
    const delivery = delivered === undefined ? { shutdown } : { shutdown, delivered };
    await held.batch.runInContext(async () => {
      for (const task of held.batch.tasks) {
        if (shutdown.aborted) return;
        await task.run(delivery);
      }
    });
    this.#finish(held);
  }

  #finish({ batch, end }: HeldBatch): void {
    this.#held.delete(batch);
    end();
  }
}

function isOpen({ execution }: HookTask): boolean {
  return execution.endedAt === undefined;
}

describe('SetImmediateHookExecutor', () => {
  const contract = hookExecutorContract(({ concurrency }) => new SetImmediateHookExecutor(concurrency));

  for (const { name, run } of contract) it(name, run);
});
