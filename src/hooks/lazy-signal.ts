/**
 * An `AbortSignal` that is created when the hook reads it. Most hooks never do, and a controller for each of them is
 * the most expensive part of running one.
 */
export class LazySignal {
  readonly #parent: AbortSignal | undefined;
  #controller: AbortController | undefined;
  #abortedBy: Error | undefined;
  #isClosed = false;

  /** @param parent - its abort is passed on */
  constructor(parent?: AbortSignal) {
    this.#parent = parent;
  }

  get signal(): AbortSignal {
    if (this.#controller) return this.#controller.signal;
    const controller = (this.#controller = new AbortController());
    if (this.#abortedBy) controller.abort(this.#abortedBy);
    else if (this.#parent?.aborted) controller.abort(this.#parent.reason);
    else if (!this.#isClosed) this.#parent?.addEventListener('abort', this.#onParentAbort);
    return controller.signal;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  abort(reason: Error): void {
    this.#abortedBy = reason;
    this.#controller?.abort(reason);
  }

  /** The hook has ended: detaches it from the parent, also for a signal that it reads later. */
  close(): void {
    this.#isClosed = true;
    if (this.#controller) this.#parent?.removeEventListener('abort', this.#onParentAbort);
  }

  readonly #onParentAbort = (): void => this.#controller?.abort(this.#parent?.reason);
}
