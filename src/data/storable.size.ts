import { types } from 'node:util';

import { copyPlainData, isPlainRecord } from './copy-plain-data.js';

/** Approximate bytes that V8 allocates for an object or a string beside its content. */
const OBJECT = 32;
const TEXT = 16;
const OTHER = 8;
/** Shorter texts are counted as one byte per character: an exact count would cost more than it is worth. */
const SHORT = 10_000;
/** Longer arrays with holes are read by their keys: there may be billions of holes. */
const LONG = 100_000;
/** Deeper than any real data. */
export const MAX_DEPTH = 400;

/** The parts of a stored run that its events share. */
interface StorableRun {
  readonly events: readonly object[];
  readonly output: unknown;
  readonly sessionState?: unknown;
}

/**
 * Estimates the bytes that data takes in memory (the order of magnitude is right); NaN if some store cannot keep all of
 * the data unchanged. One walk determines both, without allocating objects, since it runs for every stored run.
 *
 * @throws any error of a getter or a proxy
 */
export function sizeOfStorable(value: unknown): number {
  return sizeOf(value, 0);
}

/** The same for a run. Its last event shares the run's output and state, which are counted once. */
export function sizeOfStorableRun(run: StorableRun): number {
  const { events, output, sessionState } = run;
  let size = OBJECT;
  for (const key in run) if (key !== 'events') size += key.length + sizeOf(run[key as keyof StorableRun], 1);
  for (const event of events) {
    const fields = event as unknown as Readonly<Record<string, unknown>>;
    size += OBJECT;
    for (const key in fields) {
      const value = fields[key];
      size += key.length + (value === output || value === sessionState ? OTHER : sizeOf(value, 2));
    }
  }
  return size;
}

function sizeOf(value: unknown, depth: number): number {
  if (typeof value === 'string')
    return TEXT + (value.length < SHORT ? value.length : Buffer.byteLength(value));
  if (typeof value !== 'object')
    return typeof value === 'bigint' || typeof value === 'function' || typeof value === 'symbol'
      ? NaN
      : OTHER;
  if (value === null) return OTHER;
  if (depth > MAX_DEPTH) return NaN;
  if (Array.isArray(value)) return isOfSubclass(value) ? NaN : sizeOfArray(value, depth + 1);
  if (isPlainRecord(value)) return sizeOfFields(value, depth + 1);
  if (types.isProxy(value) || isOfSubclass(value)) return NaN;
  if (types.isMap(value))
    return sizeOfItems(value.keys(), depth + 1) + sizeOfItems(value.values(), depth + 1);
  if (types.isSet(value)) return sizeOfItems(value, depth + 1);
  if (!isCopyable(value)) return NaN;
  return OBJECT + (ArrayBuffer.isView(value) ? value.byteLength : 0);
}

function sizeOfArray(array: readonly unknown[], depth: number): number {
  return sizeOfItems(isEndless(array) ? Object.values(array) : array, depth);
}

function sizeOfItems(items: Iterable<unknown>, depth: number): number {
  let size = OBJECT;
  for (const item of items) size += sizeOf(item, depth);
  return size;
}

function sizeOfFields(record: Readonly<Record<string, unknown>>, depth: number): number {
  let size = OBJECT;
  for (const key in record) size += key.length + sizeOf(record[key], depth);
  return size;
}

/** Whether an array has too many holes to visit each of them. */
export function isEndless(array: readonly unknown[]): boolean {
  return array.length > LONG && Object.keys(array).length < array.length;
}

/** Whether it is an array, map or set with methods of its own, which a copy would lose. */
export function isOfSubclass(value: object): boolean {
  if (!Array.isArray(value) && !types.isMap(value) && !types.isSet(value)) return false;
  const base = Object.getPrototypeOf(Object.getPrototypeOf(value) ?? {}) as object | null;
  return base === null || Object.getPrototypeOf(base) !== null;
}

/** Whether it is a date, or bytes, that can be copied. */
export function isCopyable(value: object): boolean {
  try {
    copyPlainData(value, 'value');
    return true;
  } catch {
    return false;
  }
}
