import { Server } from 'node:http';

/**
 * The process that Node reports to. Jest gives every test file a copy of `process` whose listeners are never called:
 * a recorder on the copy would prove nothing. Node's own classes come from the real one.
 */
export const realProcess = Server.constructor('return process')() as NodeJS.Process;

export interface RejectionRecorder {
  /** Stops recording; resolves with the rejections that nobody had handled. */
  stop(): Promise<unknown[]>;
}

/** Records from here on what would end a process with Node's default settings. */
export function recordUnhandledRejections(): RejectionRecorder {
  const seen: unknown[] = [];
  const listener = (reason: unknown): void => void seen.push(reason);
  realProcess.on('unhandledRejection', listener);
  return {
    async stop() {
      // Node reports a rejection once the microtasks of its turn have had their chance to handle it.
      await new Promise<void>((resolve) => setImmediate(resolve));
      realProcess.off('unhandledRejection', listener);
      return seen;
    },
  };
}
