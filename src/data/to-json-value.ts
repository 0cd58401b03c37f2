import { types } from 'node:util';

import { isPlainRecord } from './copy-plain-data.js';
import { bytesOf } from './typed-arrays.js';

/**
 * Converts any value to JSON, since hooks and engines may put anything into a run: dates as ISO text, maps as objects,
 * sets as arrays, bytes as base64, big integers as text, and a placeholder for values that are no data. Never throws:
 * unreadable values become a placeholder, too.
 */
export function toJsonValue(value: unknown): unknown {
  return convert(value, new Set());
}

/** `JSON.stringify` fails on data that is nested too deep for the stack. */
const MAX_DEPTH = 1_000;
const LONG = 100_000;
const UNREADABLE = '[unreadable]';

function convert(value: unknown, ancestors: Set<object>): unknown {
  if (typeof value === 'bigint') return String(value);
  if (typeof value === 'function' || typeof value === 'symbol') return `[${typeof value}]`;
  if (typeof value !== 'object' || value === null) return value;
  if (ancestors.has(value)) return '[circular]';
  if (ancestors.size >= MAX_DEPTH) return '[nested too deep]';
  ancestors.add(value);
  try {
    return convertObject(value, (item) => convert(item, ancestors));
  } catch {
    // A getter or a proxy that throws: the rest of the data can still be shown.
    return UNREADABLE;
  } finally {
    ancestors.delete(value);
  }
}

function convertObject(value: object, inner: (item: unknown) => unknown): unknown {
  if (Array.isArray(value)) return fromArray(value, inner);
  if (types.isDate(value)) return dateText(value);
  if (types.isMap(value)) return fromMap(value, inner);
  if (types.isSet(value)) return [...Set.prototype.values.call(value)].map(inner);
  if (ArrayBuffer.isView(value)) return bytesOf(value).toString('base64');
  // An instance of a class is shown by its class name only: it may hold anything.
  if (isPlainRecord(value))
    return fromEntries(Object.keys(value).map((key) => [key, inner(read(value, key))]));
  return `[${value.constructor.name || 'object'}]`;
}

function fromArray(array: readonly unknown[], inner: (item: unknown) => unknown): unknown {
  // The holes may be billions, and JSON would have to write each of them.
  if (array.length > LONG && Object.keys(array).length < array.length) return '[sparse array]';
  return Array.from({ length: array.length }, (_, index) => inner(array[index]));
}

function read(record: Record<string, unknown>, key: string): unknown {
  try {
    return record[key];
  } catch {
    return UNREADABLE;
  }
}

function dateText(date: Date): string | null {
  const time = Date.prototype.getTime.call(date);
  return Number.isNaN(time) ? null : new Date(time).toISOString();
}

function fromMap(map: Map<unknown, unknown>, inner: (item: unknown) => unknown): Record<string, unknown> {
  const entries = [...Map.prototype.entries.call(map)] as [unknown, unknown][];
  return fromEntries(entries.map(([key, item]) => [String(inner(key)), inner(item)]));
}

/** Assigning `__proto__` would change the prototype; `Object.fromEntries` adds the key. */
function fromEntries(entries: readonly (readonly [string, unknown])[]): Record<string, unknown> {
  return Object.fromEntries(entries);
}
