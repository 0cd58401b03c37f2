import type { AgentRunError } from '../errors/agent-run.error.js';

type CancelListener = (reason: AgentRunError) => void;

/**
 * Whether a run is to stop, and why. The `AbortSignal` is created on first access: it would be the most expensive part
 * of a short run, and most engines never read it.
 */
export class Cancellation {
  /** Created with the first listener: many runs end without one. */
  #listeners: Set<CancelListener> | undefined;
  #reason: AgentRunError | undefined;
  #controller: AbortController | undefined;

  /** Why the run is to stop; undefined while it may go on. */
  get reason(): AgentRunError | undefined {
    return this.#reason;
  }

  /** Aborted with the reason. */
  get signal(): AbortSignal {
    if (this.#controller) return this.#controller.signal;
    this.#controller = new AbortController();
    if (this.#reason) this.#controller.abort(this.#reason);
    return this.#controller.signal;
  }

  /** The first call counts. */
  cancel(reason: AgentRunError): void {
    if (this.#reason) return;
    this.#reason = reason;
    this.#controller?.abort(reason);
    const listeners = this.#listeners ?? [];
    this.#listeners = undefined;
    for (const listener of listeners) listener(reason);
  }

  /** @throws the reason if the run is to stop */
  throwIfCancelled(): void {
    if (this.#reason) throw this.#reason;
  }

  /**
   * Calls back once the run is to stop; at once if it is already.
   *
   * @returns takes the listener back
   */
  onCancel(listener: CancelListener): () => void {
    if (this.#reason) listener(this.#reason);
    else (this.#listeners ??= new Set()).add(listener);
    return () => this.#listeners?.delete(listener);
  }

  /**
   * Waits for a promise until the run is to stop. The awaited work may go on; its result is then ignored.
   *
   * @throws the reason if the run is to stop
   */
  race<T>(promise: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const forget = this.onCancel(reject);
      promise.then(
        (value) => {
          forget();
          resolve(value);
        },
        (error: unknown) => {
          forget();
          reject(error);
        },
      );
    });
  }

  /** Waits for a promise until the run is to stop; does not say which of the two came first. */
  settled(promise: Promise<void>): Promise<void> {
    return new Promise((resolve, reject) => {
      const forget = this.onCancel(() => resolve());
      const end = (settle: () => void): void => {
        forget();
        settle();
      };
      promise.then(
        () => end(resolve),
        (thrown: unknown) => end(() => (this.#reason ? resolve() : reject(thrown))),
      );
    });
  }
}
