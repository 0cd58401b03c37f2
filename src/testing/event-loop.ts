const NAP_MILLISECONDS = 5;

/** The options of {@link blockEventLoop}. */
export interface BlockOptions {
  /** Called every few milliseconds; true ends the block. It must read state from outside: a file, shared memory. */
  readonly until?: () => boolean;
}

/**
 * Blocks the event loop of this process like a long computation: no timer fires, no request is read.
 *
 * @param milliseconds - maximum duration
 * @returns whether `until` returned true in time; true without it
 * @example
 * ```ts
 * const slow = defineHook(() => void blockEventLoop(50), { name: 'slow', runInBackground: true });
 * ```
 * @throws RangeError if the time is not a number from 0 to 60,000
 */
export function blockEventLoop(milliseconds: number, { until }: BlockOptions = {}): boolean {
  if (!(milliseconds >= 0 && milliseconds <= 60_000)) {
    throw new RangeError(`blockEventLoop(): expected 0 to 60000 milliseconds, got ${String(milliseconds)}.`);
  }
  const nap = new Int32Array(new SharedArrayBuffer(4));
  const end = performance.now() + milliseconds;
  for (let left = milliseconds; left > 0; left = end - performance.now()) {
    if (until?.() === true) return true;
    Atomics.wait(nap, 0, 0, until ? Math.min(NAP_MILLISECONDS, left) : left);
  }
  return until === undefined || until();
}
