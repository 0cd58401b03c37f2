import { AgentOsConfigurationError } from '../errors/agent-os-configuration.error.js';

/** A stored value with its size, measured once when it is added. */
export interface Sized<T> {
  readonly value: T;
  readonly size: number;
}

/** The latest items of a list whose total size is at most `maxSize` bytes; always includes the last item. */
export function latestWithin<T>(kept: readonly Sized<T>[], maxSize: number): readonly Sized<T>[] {
  let total = 0;
  for (let index = kept.length - 1; index >= 0; index--) {
    total += kept[index]?.size ?? 0;
    if (total > maxSize) return kept.slice(Math.min(index + 1, kept.length - 1));
  }
  return kept;
}

/** @throws AgentOsConfigurationError if a limit of the store is not valid */
export function checkLimits(store: string, limits: Readonly<Record<string, number>>): void {
  for (const [name, limit] of Object.entries(limits)) {
    if (limit === Infinity || (Number.isSafeInteger(limit) && limit > 0)) continue;
    throw new AgentOsConfigurationError(
      `${store}: expected ${name} to be a whole number from 1 on, or Infinity, got ${String(limit)} (${typeof limit}).`,
    );
  }
}
