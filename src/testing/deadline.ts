/** Milliseconds that the kit waits: less than the 5 seconds after which runners end a test without a reason. */
export const DEFAULT_TIMEOUT = 4_000;

/**
 * Waits no longer than the time given.
 *
 * @param timeout - milliseconds
 * @param late - the error if the time is over first
 */
export async function withinTime<T>(work: Promise<T>, timeout: number, late: () => Error): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const timeIsUp = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(late()), timeout);
  });
  try {
    return await Promise.race([work, timeIsUp]);
  } finally {
    clearTimeout(timer);
  }
}

/** @throws TypeError if it is no number of milliseconds */
export function checkTimeout(timeout: unknown, where: string): void {
  if (typeof timeout === 'number' && timeout >= 0) return;
  throw new TypeError(`${where}: expected timeout to be a number of milliseconds, got ${String(timeout)}.`);
}
