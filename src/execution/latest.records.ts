/**
 * The latest records, at most so many. A new record is written into the object of the oldest one: a busy application
 * that remembered new objects would keep the garbage collector at work, since each of them lives for long and then dies.
 */
export class LatestRecords<R extends object> {
  readonly #records: R[] = [];
  readonly #capacity: number;
  readonly #create: () => R;
  #oldest = 0;

  /**
   * @param capacity - how many records are remembered
   * @param create - a record to write into
   */
  constructor(capacity: number, create: () => R) {
    this.#capacity = capacity;
    this.#create = create;
  }

  /** The record to write the next one into; undefined if the capacity is 0. */
  next(): R | undefined {
    if (this.#records.length < this.#capacity) {
      const record = this.#create();
      this.#records.push(record);
      return record;
    }
    const record = this.#records[this.#oldest];
    this.#oldest = (this.#oldest + 1) % this.#capacity;
    return record;
  }

  /** The newest first. */
  *newestFirst(): Generator<R, undefined> {
    const size = this.#records.length;
    for (let back = 1; back <= size; back++) yield this.#records[(this.#oldest - back + size) % size] as R;
    return undefined;
  }

  /** @returns whether the record was there */
  remove(removed: R): boolean {
    if (!this.#records.includes(removed)) return false;
    // The oldest one comes first again.
    const inOrder = [...this.#records.slice(this.#oldest), ...this.#records.slice(0, this.#oldest)];
    this.#records.splice(0, Infinity, ...inOrder.filter((record) => record !== removed));
    this.#oldest = 0;
    return true;
  }
}
