/** An entry, and its neighbours in the order of use. */
interface Entry<V> {
  readonly key: string;
  readonly value: V;
  older: Entry<V> | undefined;
  newer: Entry<V> | undefined;
}

/**
 * A map in the order of use. A `Map` keeps an order, too, but has to look for its first key behind the places of all keys
 * that were deleted, which a busy store does for each new session.
 */
export class RecencyMap<V> {
  readonly #entries = new Map<string, Entry<V>>();
  #oldest: Entry<V> | undefined;
  #newest: Entry<V> | undefined;

  get size(): number {
    return this.#entries.size;
  }

  /** The value that was not used for the longest time. */
  get oldest(): { readonly key: string; readonly value: V } | undefined {
    return this.#oldest;
  }

  /** The least recently used value first. */
  *values(): Generator<V> {
    for (let entry = this.#oldest; entry; entry = entry.newer) yield entry.value;
  }

  /** Does not count as use. */
  get(key: string): V | undefined {
    return this.#entries.get(key)?.value;
  }

  has(key: string): boolean {
    return this.#entries.has(key);
  }

  /** The value is used now; it is new, or that of the key. */
  use(key: string, value: V): void {
    const entry = this.#entries.get(key) ?? { key, value, older: undefined, newer: undefined };
    this.#entries.set(key, entry);
    if (entry === this.#newest) return;
    this.#unlink(entry);
    entry.older = this.#newest;
    if (this.#newest) this.#newest.newer = entry;
    this.#newest = entry;
    this.#oldest ??= entry;
  }

  delete(key: string): boolean {
    const entry = this.#entries.get(key);
    if (!entry) return false;
    this.#unlink(entry);
    return this.#entries.delete(key);
  }

  /** A deleted entry must not keep its neighbours in memory. */
  #unlink(entry: Entry<V>): void {
    const { older, newer } = entry;
    if (older) older.newer = newer;
    else if (this.#oldest === entry) this.#oldest = newer;
    if (newer) newer.older = older;
    else if (this.#newest === entry) this.#newest = older;
    entry.older = undefined;
    entry.newer = undefined;
  }
}
