import type { StoredRun } from './session.store.js';

/** Those of the runs, the latest ones, that have at most so many bytes together; the latest one in any case. */
export function latestWithin(runs: readonly StoredRun[], maxSize: number): readonly StoredRun[] {
  let total = 0;
  for (let index = runs.length - 1; index >= 0; index--) {
    total += sizeOf(runs[index], new Set());
    if (total > maxSize) return runs.slice(Math.min(index + 1, runs.length - 1));
  }
  return runs;
}

/** About the bytes of plain data; what is referred to several times counts once, as it is kept once. */
function sizeOf(value: unknown, seen: Set<object>): number {
  if (typeof value === 'string') return value.length;
  if (typeof value !== 'object' || value === null) return 8;
  if (seen.has(value)) return 0;
  seen.add(value);
  if (ArrayBuffer.isView(value)) return value.byteLength;
  let size = 0;
  const entries = value instanceof Map || value instanceof Set ? [...value.entries()] : Object.entries(value);
  for (const [key, item] of entries) size += sizeOf(key, seen) + sizeOf(item, seen);
  return size;
}
