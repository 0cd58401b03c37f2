const NAP_MILLISECONDS = 5;

/** What ends a block of the event loop. */
export interface BlockOptions {
  /** Asked every few milliseconds; the block ends when it says true. It must look outside the process: at a file, at shared memory. */
  readonly until?: () => boolean;
}

/**
 * Blocks the event loop of this process, as a computation does: no timer fires, no request is read.
 *
 * @param milliseconds - how long at most
 * @returns whether `until` said true in time; true without it
 * @example
 * ```ts
 * const slow = defineHook(() => void blockEventLoop(50), { name: 'slow', runInBackground: true });
 * ```
 * @throws RangeError if the time is no number from 0 to 60,000
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
