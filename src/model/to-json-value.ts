import { types } from 'node:util';

/**
 * What JSON can say of any value, since hooks and engines may put anything into a run: dates as ISO text, maps as
 * objects, sets as arrays, bytes as base64, big integers as text, and of what is no data only what it was.
 */
export function toJsonValue(value: unknown): unknown {
  return convert(value, new Set());
}

function convert(value: unknown, ancestors: Set<object>): unknown {
  if (typeof value === 'bigint') return String(value);
  if (typeof value === 'function' || typeof value === 'symbol') return `[${typeof value}]`;
  if (typeof value !== 'object' || value === null) return value;
  if (ancestors.has(value)) return '[circular]';
  ancestors.add(value);
  const converted = convertObject(value, (item) => convert(item, ancestors));
  ancestors.delete(value);
  return converted;
}

function convertObject(value: object, inner: (item: unknown) => unknown): unknown {
  if (Array.isArray(value)) return value.map(inner);
  if (types.isDate(value)) return Number.isNaN(value.getTime()) ? null : value.toISOString();
  if (types.isMap(value))
    return fromEntries([...value].map(([key, item]) => [String(inner(key)), inner(item)]));
  if (types.isSet(value)) return [...value].map(inner);
  if (ArrayBuffer.isView(value))
    return Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('base64');
  if (isRecord(value)) return fromEntries(Object.entries(value).map(([key, item]) => [key, inner(item)]));
  return `[${value.constructor.name || 'object'}]`;
}

/** Assigning `__proto__` would change the prototype; `Object.fromEntries` adds the key. */
function fromEntries(entries: readonly (readonly [string, unknown])[]): Record<string, unknown> {
  return Object.fromEntries(entries);
}

/** Of an instance of a class nothing is shown: it may hold anything. */
function isRecord(value: object): value is Record<string, unknown> {
  const prototype = Object.getPrototypeOf(value) as object | null;
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}
