let source: (() => number) | undefined;

/** Epoch milliseconds of what happens now, as it is shown and stored. Deadlines do not look at it. */
export function now(): number {
  return source ? source() : Date.now();
}

/** The same in seconds. */
export function nowInSeconds(): number {
  return Math.floor(now() / 1_000);
}

/**
 * How long something took, as it is shown.
 *
 * @param start - as `performance.now()` said it
 * @returns milliseconds; 0 if times are taken from elsewhere
 */
export function millisecondsSince(start: number): number {
  return source ? 0 : performance.now() - start;
}

/**
 * Takes times from elsewhere, in this whole process: for tests that compare whole answers.
 *
 * @param next - epoch milliseconds
 * @returns puts the real ones back
 * @throws Error if they are taken from elsewhere already
 */
export function useClock(next: () => number): () => void {
  if (source) throw new Error('Times are taken from elsewhere already: one application at a time.');
  source = next;
  return () => {
    source = undefined;
  };
}
