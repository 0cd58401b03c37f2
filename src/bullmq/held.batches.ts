import type { HookBatch } from '../execution/hook.executor.js';
import type { QueueStore } from './queue.store.js';

/** Milliseconds between looks for batches that other processes have ended, while something waits for them. */
const SHORTEST_PAUSE = 20;
const LONGEST_PAUSE = 500;
/** The same, while nothing waits. */
const IDLE_PAUSE = 5_000;

/** A batch that this process has stored and that has not ended, as far as it knows. */
export class HeldBatch {
  readonly id: string;
  /** The root run's id. */
  readonly tree: string;
  readonly promote: () => Promise<void>;
  readonly ended: Promise<void>;
  readonly runIds: readonly string[];
  #batch: HookBatch | undefined;
  #end: () => void = () => undefined;

  /** @param batch - undefined if its hooks need no release */
  constructor({ id, tree, runIds, promote }: StoredBatch, batch?: HookBatch) {
    this.id = id;
    this.tree = tree;
    this.promote = promote;
    this.runIds = runIds;
    this.ended = new Promise((resolve) => (this.#end = resolve));
    this.#batch = batch;
  }

  get isReleased(): boolean {
    return this.#batch === undefined;
  }

  /** Its runs need not stay in memory any longer. */
  markReleased(): void {
    this.#batch = undefined;
  }

  /** These executions were dropped, since the data of their runs was deleted. @returns those whose tasks are here */
  drop(executionIds: ReadonlySet<string>): readonly string[] {
    const own = (this.#batch?.tasks ?? []).filter(({ execution }) => executionIds.has(execution.id));
    for (const task of own) task.drop('deleted');
    return own.map(({ execution }) => execution.id);
  }

  isExcludedBy(isExcluded: (batch: HookBatch) => boolean): boolean {
    return this.#batch !== undefined && isExcluded(this.#batch);
  }

  end(): void {
    this.#batch = undefined;
    this.#end();
  }
}

/** How a batch was stored. */
export interface StoredBatch {
  readonly id: string;
  /** The root run's id. */
  readonly tree: string;
  readonly runIds: readonly string[];
  /** Lets its first hook run now. */
  readonly promote: () => Promise<void>;
}

/** The batches that this process has stored and that have not ended. It polls the store for those that other processes end. */
export class HeldBatches {
  readonly #store: QueueStore;
  readonly #onError: (error: Error) => void;
  readonly #byBatch = new WeakMap<HookBatch, HeldBatch>();
  readonly #byId = new Map<string, HeldBatch>();
  #waiting = 0;
  #pause = SHORTEST_PAUSE;
  #timer: NodeJS.Timeout | undefined;

  constructor(store: QueueStore, onError: (error: Error) => void) {
    this.#store = store;
    this.#onError = onError;
  }

  get size(): number {
    return this.#byId.size;
  }

  get(batch: HookBatch): HeldBatch | undefined {
    return this.#byBatch.get(batch);
  }

  add(batch: HookBatch, stored: StoredBatch): void {
    const held = new HeldBatch(stored, batch);
    this.#byBatch.set(batch, held);
    this.#byId.set(held.id, held);
    this.#lookSoon();
  }

  /** A hook of a batch is retried; this process may not have stored the batch. */
  reopen(stored: StoredBatch): void {
    if (this.#byId.has(stored.id)) return;
    this.#byId.set(stored.id, new HeldBatch(stored));
    this.#lookSoon();
  }

  /** All hooks of this batch have ended. */
  end(id: string): void {
    this.#byId.get(id)?.end();
    this.#byId.delete(id);
  }

  unreleased(): readonly HeldBatch[] {
    return [...this.#byId.values()].filter(({ isReleased }) => !isReleased);
  }

  /** The ids of the runs whose hooks are held. */
  runIds(): ReadonlySet<string> {
    return new Set([...this.#byId.values()].flatMap(({ runIds }) => runIds));
  }

  /** These executions were dropped, since the data of their runs was deleted. @returns those whose tasks are here */
  drop(executionIds: ReadonlySet<string>): ReadonlySet<string> {
    return new Set([...this.#byId.values()].flatMap((held) => held.drop(executionIds)));
  }

  /** Resolves when the hooks of this batch have ended; at once if it is not held. */
  async ended(batch: HookBatch): Promise<void> {
    const held = this.#byBatch.get(batch);
    if (held && this.#byId.get(held.id) === held) await this.#wait([held]);
  }

  /** Resolves when all batches that are held now, but for the excluded ones, have ended. */
  async drain(isExcluded: (batch: HookBatch) => boolean = () => false): Promise<void> {
    const held = [...this.#byId.values()].filter((batch) => !batch.isExcludedBy(isExcluded));
    if (held.length > 0) await this.#wait(held);
  }

  async #wait(held: readonly HeldBatch[]): Promise<void> {
    this.#waiting += 1;
    this.#pause = SHORTEST_PAUSE;
    this.#lookSoon();
    try {
      await Promise.all(held.map(({ ended }) => ended));
    } finally {
      this.#waiting -= 1;
    }
  }

  /** Nothing waits any longer: the process ends. */
  forgetAll(): void {
    clearTimeout(this.#timer);
    for (const id of [...this.#byId.keys()]) this.end(id);
  }

  #lookSoon(): void {
    if (this.#timer && this.#waiting === 0) return;
    clearTimeout(this.#timer);
    const pause = this.#waiting > 0 ? this.#pause : IDLE_PAUSE;
    this.#timer = setTimeout(() => void this.#look(), pause);
    // Something that waits keeps the process alive.
    if (this.#waiting === 0) this.#timer.unref();
  }

  async #look(): Promise<void> {
    this.#timer = undefined;
    try {
      for (const id of await this.#store.ended([...this.#byId.keys()])) this.end(id);
    } catch (thrown) {
      this.#onError(thrown as Error);
    }
    this.#pause = Math.min(2 * this.#pause, LONGEST_PAUSE);
    if (this.#byId.size > 0) this.#lookSoon();
  }
}
