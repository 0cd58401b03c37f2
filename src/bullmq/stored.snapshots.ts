import { LRUCache } from 'lru-cache';

import { toError } from '../data/to-error.js';
import { PayloadDecodeError, type PayloadTexts } from './payload.codec.js';
import type { QueueStore } from './queue.store.js';
import { decodeSnapshot, type EncodedSnapshot } from './stored.batch.js';

/** Characters of snapshots that stay in memory: the hooks of a run mostly run one after another in one process. */
const CACHED = 16 * 1_048_576;

/** The session of a run, or the data of its user, was deleted: so the hook is dropped. */
export class RunDeletedError extends Error {
  constructor(runId: string) {
    super(`The data of run ${runId} was deleted.`);
    this.name = new.target.name;
  }
}

/** Milliseconds that an unused snapshot stays in memory: another process may have deleted it from the store. */
const CACHING_TIME = 60_000;

/** The run whose snapshot a hook needs. */
export interface SnapshotRequest {
  readonly batchId: string;
  readonly runId: string;
  /** It is read from the store, which may have deleted it since. */
  readonly isFresh: boolean;
  /** The claim has returned it. */
  readonly found: EncodedSnapshot | 'deleted' | undefined;
}

function keyOf(batchId: string, runId: string): string {
  return JSON.stringify([batchId, runId]);
}

/** The snapshots of runs whose hooks run here. */
export class StoredSnapshots {
  readonly #store: QueueStore;
  readonly #cache = new LRUCache<string, { readonly snapshot: unknown; readonly size: number }>({
    maxSize: CACHED,
    sizeCalculation: ({ size }) => size,
    ttl: CACHING_TIME,
    // Between 0 and the next millisecond the cache would keep a timer.
    ttlResolution: 0,
  });

  readonly #texts: PayloadTexts;

  constructor(store: QueueStore, texts: PayloadTexts) {
    this.#store = store;
    this.#texts = texts;
  }

  /**
   * Host context of a batch.
   *
   * @throws CodecMissingError, PayloadDecodeError
   */
  async carry(stored: string, runId: string): Promise<string> {
    return this.#texts.decode(stored, `The context that "carry" has captured for run ${runId}`);
  }

  /** The data of runs was deleted. */
  clear(): void {
    this.#cache.clear();
  }

  /** Whether the data of a run is here. */
  has(batchId: string, runId: string): boolean {
    return this.#cache.has(keyOf(batchId, runId));
  }

  /**
   * @returns an Error if the store does not have it any more, or it cannot be read; RunDeletedError if it was deleted;
   *   CodecMissingError; PayloadDecodeError
   */
  async get({ batchId, runId, isFresh, found }: SnapshotRequest): Promise<unknown> {
    this.#cache.purgeStale();
    const key = keyOf(batchId, runId);
    const cached = isFresh ? undefined : this.#cache.get(key);
    if (cached) return cached.snapshot;
    const encoded = found ?? (await this.#store.snapshot(batchId, runId));
    if (encoded === 'deleted') return new RunDeletedError(runId);
    if (!encoded) return new Error(`The data of run ${runId} is not in the store any more.`);
    const contents = new Map<string, string>();
    for (const hash of new Set(encoded.files)) {
      const content = hash === null ? undefined : await this.#store.file(batchId, hash);
      if (hash !== null && content !== undefined) contents.set(hash, content);
    }
    try {
      const decoded = await this.#decode(runId, encoded, contents);
      this.#cache.set(key, decoded);
      return decoded.snapshot;
    } catch (thrown) {
      return toError(thrown);
    }
  }

  async #decode(
    runId: string,
    { json, meta, files }: EncodedSnapshot,
    contents: ReadonlyMap<string, string>,
  ): Promise<{ readonly snapshot: unknown; readonly size: number }> {
    const payload = `The data of run ${runId}`;
    const isEncoded = this.#texts.isEncoded(json);
    const plain = {
      json: await this.#texts.decode(json, payload),
      meta: meta === null ? null : await this.#texts.decode(meta, payload),
      files,
    };
    let size = 1 + plain.json.length + (plain.meta?.length ?? 0);
    const decoded = new Map<string, string>();
    for (const [hash, content] of contents) {
      const text = isEncoded ? await this.#texts.decode(content, payload) : content;
      size += text.length;
      decoded.set(hash, text);
    }
    try {
      return { snapshot: decodeSnapshot(plain, decoded), size };
    } catch (thrown) {
      // The message of an error of JSON.parse() quotes the text.
      if (thrown instanceof SyntaxError) throw new PayloadDecodeError(payload, 'it is not JSON');
      throw thrown;
    }
  }
}
