import { LRUCache } from 'lru-cache';

import { toError } from '../data/to-error.js';
import type { QueueStore } from './queue.store.js';
import { decodeSnapshot } from './stored.batch.js';

/** Characters of snapshots that stay in memory: the hooks of a run mostly run one after another in one process. */
const CACHED = 16 * 1_048_576;

/** The snapshots of runs whose hooks run here. */
export class StoredSnapshots {
  readonly #store: QueueStore;
  readonly #cache = new LRUCache<string, { readonly snapshot: unknown; readonly size: number }>({
    maxSize: CACHED,
    sizeCalculation: ({ size }) => size,
  });

  constructor(store: QueueStore) {
    this.#store = store;
  }

  /** @returns an Error if the store does not have it any more, or it cannot be read */
  async get(batchId: string, runId: string): Promise<unknown> {
    const key = JSON.stringify([batchId, runId]);
    const cached = this.#cache.get(key);
    if (cached) return cached.snapshot;
    const encoded = await this.#store.snapshot(batchId, runId);
    if (!encoded) return new Error(`The data of run ${runId} is not in the store any more.`);
    let size = 1 + encoded.json.length + (encoded.meta?.length ?? 0);
    const files = new Map<string, string>();
    for (const hash of new Set(encoded.files)) {
      const content = hash === null ? undefined : await this.#store.file(batchId, hash);
      if (hash === null || content === undefined) continue;
      size += content.length;
      files.set(hash, content);
    }
    let snapshot: unknown;
    try {
      snapshot = decodeSnapshot(encoded, files);
    } catch (thrown) {
      return toError(thrown);
    }
    this.#cache.set(key, { snapshot, size });
    return snapshot;
  }
}
