import { AgentOsConfigurationError } from '../errors/agent-os-configuration.error.js';

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
