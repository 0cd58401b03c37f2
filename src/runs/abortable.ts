/**
 * Waits for a promise, but no longer than the signal lets it. What is waited for may go on; nobody listens any more.
 *
 * @throws the signal's reason once it is aborted
 */
export function abortable<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason as Error);
    signal.addEventListener('abort', onAbort, { once: true });
    promise.then(
      (value) => {
        signal.removeEventListener('abort', onAbort);
        resolve(value);
      },
      (error: unknown) => {
        signal.removeEventListener('abort', onAbort);
        reject(error);
      },
    );
    if (signal.aborted) onAbort();
  });
}

/** Waits for a promise, but no longer than the signal lets it; does not say which of the two came first. */
export async function untilAborted(promise: Promise<void>, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  try {
    await abortable(promise, signal);
  } catch (thrown) {
    if (!signal.aborted) throw thrown;
  }
}
