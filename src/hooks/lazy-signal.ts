/**
 * An `AbortSignal` that is created when the hook reads it. Most hooks never do, and a controller for each of them is
 * the most expensive part of running one.
 */
export class LazySignal {
  readonly #parent: AbortSignal | undefined;
  #controller: AbortController | undefined;
  #abortedBy: Error | undefined;
  #isClosed = false;
  /** Passes the parent's abort on; made when it listens. */
  #onParentAbort: (() => void) | undefined;

  /** @param parent - its abort is passed on */
  constructor(parent?: AbortSignal) {
    this.#parent = parent;
  }

  get signal(): AbortSignal {
    if (this.#controller) return this.#controller.signal;
    const controller = (this.#controller = new AbortController());
    if (this.#abortedBy) controller.abort(this.#abortedBy);
    else if (this.#parent?.aborted) controller.abort(this.#parent.reason);
    else if (!this.#isClosed && this.#parent) this.#follow(this.#parent, controller);
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
    if (this.#onParentAbort) this.#parent?.removeEventListener('abort', this.#onParentAbort);
  }

  #follow(parent: AbortSignal, controller: AbortController): void {
    this.#onParentAbort = () => controller.abort(parent.reason);
    parent.addEventListener('abort', this.#onParentAbort);
  }
}
