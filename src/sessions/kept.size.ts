import { AgentOsConfigurationError } from '../errors/agent-os-configuration.error.js';

/** What V8 takes for an object or a text beside its content, roughly. */
const OBJECT = 32;
const TEXT = 16;
/** Texts of fewer characters are taken for one byte each: looking closer costs more than it tells. */
const SHORT = 1_000;
/** Arrays longer than this are read by their keys: they may consist of holes. */
const LONG = 100_000;

/**
 * About the bytes that plain data takes in memory. What is referred to several times counts once, as it is kept once.
 * An estimate: cheap, and of the right order.
 */
export function sizeOf(value: unknown, seen: Set<object> = new Set()): number {
  if (typeof value === 'string')
    return TEXT + (value.length < SHORT ? value.length : Buffer.byteLength(value));
  if (typeof value !== 'object' || value === null) return 8;
  if (seen.has(value)) return 0;
  seen.add(value);
  let size = OBJECT;
  if (ArrayBuffer.isView(value)) return size + value.byteLength;
  if (Array.isArray(value) && value.length <= LONG) {
    for (const item of value) size += sizeOf(item, seen);
    return size;
  }
  if (value instanceof Map || value instanceof Set) {
    for (const [key, item] of value.entries()) size += sizeOf(key, seen) + sizeOf(item, seen);
    return size;
  }
  for (const key of Object.keys(value)) {
    size += key.length + sizeOf((value as Readonly<Record<string, unknown>>)[key], seen);
  }
  return size;
}

/** Something that is kept, with its size: counted once, when it comes. */
export interface Sized<T> {
  readonly value: T;
  readonly size: number;
}

/** The latest ones of a list that have at most so many bytes together; the latest one in any case. */
export function latestWithin<T>(kept: readonly Sized<T>[], maxSize: number): readonly Sized<T>[] {
  let total = 0;
  for (let index = kept.length - 1; index >= 0; index--) {
    total += kept[index]?.size ?? 0;
    if (total > maxSize) return kept.slice(Math.min(index + 1, kept.length - 1));
  }
  return kept;
}

/** @throws AgentOsConfigurationError if one of the limits of a store is none */
export function checkLimits(store: string, limits: Readonly<Record<string, number>>): void {
  for (const [name, limit] of Object.entries(limits)) {
    if (limit === Infinity || (Number.isSafeInteger(limit) && limit > 0)) continue;
    throw new AgentOsConfigurationError(
      `${store}: expected ${name} to be a whole number from 1 on, or Infinity, got ${String(limit)} (${typeof limit}).`,
    );
  }
}
