import type { QueueStore } from './queue.store.js';

/** Milliseconds between two counts. */
const INTERVAL = 1_000;

/**
 * The limit of the number of batches in the store. They are counted about once a second, and those that this process
 * has stored since are added: a run does not wait for the count.
 */
export class StoredLimit {
  readonly #store: QueueStore;
  readonly #limit: number;
  readonly #onError: (error: Error) => void;
  #count = 0;
  #countedAt = 0;
  #isCounting = false;

  constructor(store: QueueStore, limit: number, onError: (error: Error) => void) {
    this.#store = store;
    this.#limit = limit;
    this.#onError = onError;
  }

  /** Counts the batches; at the start, those that earlier processes have left. */
  async count(): Promise<void> {
    this.#isCounting = true;
    try {
      this.#count = await this.#store.countOpen(this.#limit);
    } finally {
      this.#countedAt = performance.now();
      this.#isCounting = false;
    }
  }

  /** This process has stored a batch. */
  add(): void {
    this.#count += 1;
  }

  /** Whether no more batches should be stored. Counts them in the background if the last count is old. */
  isReached(): boolean {
    const isOld = performance.now() - this.#countedAt > INTERVAL;
    if (isOld && !this.#isCounting) this.count().catch(this.#onError);
    return this.#count >= this.#limit;
  }
}
