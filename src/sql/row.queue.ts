import { Deadlines } from '../execution/deadlines.js';
import { SqlStoreError } from './sql-store.error.js';

/** SQLSTATE of a lock that could not be acquired in time. */
const LOCK_NOT_AVAILABLE = '55P03';

/**
 * Serializes writes of this process to the same row. If a row is locked by another process, only one of the waiting
 * writes takes a connection, and the pool stays available for other rows.
 */
export class RowQueue {
  readonly #deadlines = new Deadlines();
  readonly #maxWait: number;
  /** The end of the latest write of each row, by the id of the row. */
  readonly #ends = new Map<string, Promise<void>>();

  /** @param maxWait - milliseconds that a write waits for earlier ones */
  constructor(maxWait: number) {
    this.#maxWait = maxWait;
  }

  /**
   * Calls `write` when all earlier writes of its rows have ended.
   *
   * @throws SqlStoreError with the code 55P03 if they take too long; then `write` is not called
   */
  async run<T>(ids: readonly string[], write: () => Promise<T>): Promise<T> {
    const earlier = ids.flatMap((id) => this.#ends.get(id) ?? []);
    // In the common case there is nothing to wait for, so the write starts synchronously.
    const before = earlier.length > 0 ? this.#within(Promise.all(earlier)) : undefined;
    const writing = before ? before.then(write) : write();
    // After a write that times out, later writes still wait for the earlier ones.
    const end = Promise.allSettled([...earlier, writing]).then(() => {
      for (const id of ids) if (this.#ends.get(id) === end) this.#ends.delete(id);
    });
    for (const id of ids) this.#ends.set(id, end);
    return writing;
  }

  #within(earlier: Promise<unknown>): Promise<void> {
    return new Promise((resolve, reject) => {
      const giveUp = (): void => {
        const message = `Earlier writes of the row have not ended within ${this.#maxWait} ms.`;
        reject(new SqlStoreError(message, undefined, LOCK_NOT_AVAILABLE));
      };
      const deadline = this.#deadlines.set(this.#maxWait, giveUp);
      void earlier.then(() => {
        this.#deadlines.clear(deadline);
        resolve();
      });
    });
  }
}
