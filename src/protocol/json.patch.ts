import { isRecord } from '../data/is-record.js';
import type { JsonPatch } from './ag-ui.js';

/**
 * The changes that make one JSON value of another, as RFC 6902 describes them; empty if they are the same. Objects are compared
 * key by key; a list that has only grown gets its new items, any other list is replaced as a whole.
 */
export function toJsonPatch(before: unknown, after: unknown): JsonPatch {
  return changesAt('', before, after);
}

function changesAt(path: string, before: unknown, after: unknown): JsonPatch {
  if (isRecord(before) && isRecord(after)) return changesIn(path, before, after);
  if (isSame(before, after)) return [];
  if (Array.isArray(before) && Array.isArray(after) && isSame(before, after.slice(0, before.length)))
    return after
      .slice(before.length)
      .map((value: unknown, index) => ({ op: 'add', path: `${path}/${before.length + index}`, value }));
  return [{ op: 'replace', path, value: after }];
}

/** Keys of objects in lists are compared in the order in which they were written. */
function isSame(before: unknown, after: unknown): boolean {
  return JSON.stringify(before) === JSON.stringify(after);
}

function changesIn(
  path: string,
  before: Readonly<Record<string, unknown>>,
  after: Readonly<Record<string, unknown>>,
): JsonPatch {
  const removed = Object.keys(before).filter((key) => !Object.hasOwn(after, key));
  return [
    ...removed.map((key) => ({ op: 'remove', path: at(path, key) }) as const),
    ...Object.keys(after).flatMap((key): JsonPatch => {
      if (!Object.hasOwn(before, key)) return [{ op: 'add', path: at(path, key), value: after[key] }];
      return changesAt(at(path, key), before[key], after[key]);
    }),
  ];
}

function at(path: string, key: string): string {
  return `${path}/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`;
}
