export interface RejectionRecorder {
  /** Stops recording; resolves with the rejections that nobody had handled. */
  stop(): Promise<unknown[]>;
}

/** Records from here on what would end a process with Node's default settings. */
export function recordUnhandledRejections(): RejectionRecorder {
  const seen: unknown[] = [];
  const listener = (reason: unknown): void => void seen.push(reason);
  process.on('unhandledRejection', listener);
  return {
    async stop() {
      // Node reports a rejection once the microtasks of its turn have had their chance to handle it.
      await new Promise<void>((resolve) => setImmediate(resolve));
      process.off('unhandledRejection', listener);
      return seen;
    },
  };
}
