import type { BatchIds, QueueStore } from './queue.store.js';

/** Milliseconds between attempts while the store is away. */
const PAUSE = 500;
/** The maximum number of batches; the oldest ones are forgotten, since they have begun by themselves or were never stored. */
const MOST = 10_000;

/**
 * The batches that the store may have, although their runs were told that it has not taken them: it answered too late, or
 * its answer was lost. They are removed, so that none of their hooks begins; unless one has begun already.
 */
export class RefusedBatches {
  readonly #store: QueueStore;
  readonly #waiting = new Set<BatchIds>();
  #timer: NodeJS.Timeout | undefined;
  #isStopped = false;

  constructor(store: QueueStore) {
    this.#store = store;
  }

  /** @param adding - settles when the store has got the batch, or will not get it any more */
  add({ id, tree, executions }: BatchIds, adding: Promise<unknown>): void {
    const ids = {
      id,
      tree,
      executions: executions.map((execution) => ({ id: execution.id, runId: execution.runId })),
    };
    const onSettled = (): void => {
      this.#waiting.add(ids);
      const [oldest] = this.#waiting;
      if (oldest && this.#waiting.size > MOST) this.#waiting.delete(oldest);
      this.#removeIn(0);
    };
    adding.then(onSettled, onSettled);
  }

  stop(): void {
    this.#isStopped = true;
    clearTimeout(this.#timer);
  }

  #removeIn(milliseconds: number): void {
    if (this.#timer || this.#isStopped) return;
    this.#timer = setTimeout(() => void this.#remove(), milliseconds).unref();
  }

  async #remove(): Promise<void> {
    try {
      for (const batch of this.#waiting) {
        await this.#store.discard(batch);
        this.#waiting.delete(batch);
      }
      this.#timer = undefined;
    } catch {
      // The run has been told the reason already, and the workers tell of a store that is away.
      this.#timer = undefined;
      this.#removeIn(PAUSE);
    }
  }
}
