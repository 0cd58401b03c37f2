/** A clock that a test moves. */
export interface FixedClock {
  /** Epoch milliseconds. */
  (): number;
  /** Moves the clock on. */
  advance(milliseconds: number): void;
}

/**
 * Ids that are the same in every run of a test: `id-1`, `id-2`, …, in the order in which they are asked for.
 *
 * @param prefix - the beginning of each id. Default `id`
 * @example `const os = await createTestAgentOs({ agents: [support], ids: countedIds() });`
 */
export function countedIds(prefix = 'id'): () => string {
  let count = 0;
  return () => `${prefix}-${++count}`;
}

/**
 * A clock that stands still until the test moves it.
 *
 * @param start - the initial time. Default: 2030-01-01T00:00:00Z
 * @example
 * ```ts
 * const clock = fixedClock(new Date('2030-01-01T12:00:00Z'));
 * const os = await createTestAgentOs({ agents: [support], clock });
 * clock.advance(60_000);
 * ```
 * @throws RangeError if it is not a valid time
 */
export function fixedClock(start: Date | number = Date.UTC(2030, 0, 1)): FixedClock {
  let time = Number(start);
  if (!Number.isFinite(time)) throw new RangeError(`fixedClock(): expected a time, got ${String(start)}.`);
  const advance = (milliseconds: number): void => {
    time += milliseconds;
  };
  return Object.assign(() => time, { advance });
}
