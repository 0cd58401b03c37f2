let source: (() => number) | undefined;

/** The current time in epoch milliseconds, for display and storage. Deadlines do not use it. */
export function now(): number {
  return source ? source() : Date.now();
}

/** The current time in epoch seconds. */
export function nowInSeconds(): number {
  return Math.floor(now() / 1_000);
}

/**
 * A duration, for display.
 *
 * @param start - from `performance.now()`
 * @returns milliseconds; 0 while the clock is replaced
 */
export function millisecondsSince(start: number): number {
  return source ? 0 : performance.now() - start;
}

/**
 * Replaces the clock of the whole process, for tests that compare whole answers.
 *
 * @param next - epoch milliseconds
 * @returns a function that restores the real clock
 * @throws Error if the clock is already replaced
 */
export function useClock(next: () => number): () => void {
  if (source)
    throw new Error('The clock is already replaced. Only one application can replace it at a time.');
  source = next;
  return () => {
    source = undefined;
  };
}
