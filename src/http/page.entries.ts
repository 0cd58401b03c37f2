import { sizeOfJson } from '../protocol/json.values.js';
import { MAX_PAGE_MIB } from '../protocol/pages.js';
import type { PageRange } from '../protocol/requests.js';

/** Maximum bytes of JSON of the entries of one page before some of them are shortened. */
const MAX_BYTES = MAX_PAGE_MIB * 1024 * 1024;

/** The number of entries that are read at once. */
const ENTRIES_AT_ONCE = 100;

/** A part of a list. */
export type ListPart = Pick<PageRange, 'limit' | 'offset'>;

/** Reads a page of a list in batches: entries may be large. */
export async function readInBatches<E>(
  { limit, offset }: ListPart,
  read: (part: ListPart) => Promise<readonly E[]>,
  take: (entry: E) => void,
): Promise<void> {
  for (let done = 0; done < limit; done += ENTRIES_AT_ONCE) {
    const part = { limit: Math.min(ENTRIES_AT_ONCE, limit - done), offset: offset + done };
    const entries = await read(part);
    for (const entry of entries) take(entry);
    if (entries.length < part.limit) return;
  }
}

/**
 * The entries of one page of a list. Each keeps its place, so that pages and totals stay the same; an entry that
 * does not fit is shortened and marked with `truncated`.
 */
export class PageEntries<T extends { truncated?: boolean | undefined }> {
  readonly #entries: T[] = [];
  #left = MAX_BYTES;

  get all(): readonly T[] {
    return this.#entries;
  }

  /** @param shorten - removes the fields that may be large: they are in the details of the entry */
  add(entry: T, shorten: (entry: T) => T): void {
    const size = sizeOfJson(entry, this.#left);
    const shown = size <= this.#left ? entry : { ...shorten(entry), truncated: true };
    this.#left -= shown === entry ? size : sizeOfJson(shown, this.#left);
    this.#entries.push(shown);
  }
}
