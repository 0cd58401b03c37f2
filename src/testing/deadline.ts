/** Default wait in milliseconds: less than the 5 seconds after which test runners end a test without a reason. */
export const DEFAULT_TIMEOUT = 4_000;

/**
 * Waits for the work, at most until the timeout.
 *
 * @param timeout - milliseconds
 * @param late - creates the error for a timeout
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

/** @throws TypeError if it is not a number of milliseconds */
export function checkTimeout(timeout: unknown, where: string): void {
  if (typeof timeout === 'number' && timeout >= 0) return;
  throw new TypeError(`${where}: expected timeout to be a number of milliseconds, got ${String(timeout)}.`);
}
