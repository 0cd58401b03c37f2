import { AgentOsConfigurationError } from '../errors/agent-os-configuration.error.js';
import type { StoredRun } from './session.store.js';

/** What V8 takes for an object or a text beside its content, roughly. */
const OBJECT = 32;
const TEXT = 16;
/** Texts of fewer characters are taken for one byte each: looking closer costs more than it tells. */
const SHORT = 10_000;
/** Arrays longer than this are read by their keys: they may consist of holes. */
const LONG = 100_000;

/** About the bytes that data takes in memory, which stores have copied or checked: it holds no cycles. Of the right order. */
export function sizeOf(value: unknown): number {
  if (typeof value === 'string')
    return TEXT + (value.length < SHORT ? value.length : Buffer.byteLength(value));
  if (typeof value !== 'object' || value === null) return 8;
  if (Array.isArray(value) && value.length <= LONG) {
    let size = OBJECT;
    for (const item of value) size += sizeOf(item);
    return size;
  }
  if (ArrayBuffer.isView(value)) return OBJECT + value.byteLength;
  if (value instanceof Map || value instanceof Set) {
    let size = OBJECT;
    for (const [key, item] of value.entries()) size += sizeOf(key) + sizeOf(item);
    return size;
  }
  return sizeOfFields(value as Readonly<Record<string, unknown>>);
}

function sizeOfFields(record: Readonly<Record<string, unknown>>): number {
  let size = OBJECT;
  for (const key in record) size += key.length + sizeOf(record[key]);
  return size;
}

/** The last event of a run refers to the output and state that are kept with it: they count once, as they are kept once. */
export function sizeOfRun(run: StoredRun): number {
  const { events, output, sessionState } = run;
  let size = sizeOf({ ...run, events: [] });
  for (const event of events) {
    size += sizeOf(event);
    if ('output' in event && event.output === output) size -= sizeOf(output);
    if ('sessionState' in event && event.sessionState === sessionState) size -= sizeOf(sessionState);
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
