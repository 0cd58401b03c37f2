/**
 * An `AbortSignal` that is made when somebody reads it. Most hooks never do, and a controller for each of them is
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

  /** The hook has ended: nothing of it stays attached to the parent, nor will be if it reads the signal later. */
  close(): void {
    this.#isClosed = true;
    if (this.#controller) this.#parent?.removeEventListener('abort', this.#onParentAbort);
  }

  readonly #onParentAbort = (): void => this.#controller?.abort(this.#parent?.reason);
}
