import type { ServerResponse } from 'node:http';
import { now } from '../../model/clock.js';

/** Called once when the response has closed, with whether it was sent to its last byte. */
export type ResponseListener = (delivered: boolean) => void;

/** The end of a handler's response. */
export class ResponseLifecycle {
  readonly #listeners = new Set<ResponseListener>();
  readonly #hasResponse: boolean;
  #delivered: boolean | undefined;
  #closedAt: number | undefined;

  /** @param hasResponse - whether there is a response to wait for; if not, the end of the handler counts */
  constructor(hasResponse = false) {
    this.#hasResponse = hasResponse;
  }

  /** Whether the response was sent to its last byte; undefined while it is open. */
  get delivered(): boolean | undefined {
    return this.#delivered;
  }

  /** Epoch milliseconds; undefined while it is open. */
  get closedAt(): number | undefined {
    return this.#closedAt;
  }

  /**
   * Calls back once the response has closed; at once if it has closed already.
   *
   * @returns takes the listener back
   */
  onClosed(listener: ResponseListener): () => void {
    if (this.#delivered === undefined) this.#listeners.add(listener);
    else listener(this.#delivered);
    return () => this.#listeners.delete(listener);
  }

  /** The handler has ended; if it has no response to send, that closes the lifecycle. */
  handlerEnded(completed: boolean): void {
    if (!this.#hasResponse) this.close(completed);
  }

  /** The first call counts. */
  close(delivered: boolean): void {
    if (this.#delivered !== undefined) return;
    this.#delivered = delivered;
    this.#closedAt = now();
    for (const listener of this.#listeners) listener(delivered);
    this.#listeners.clear();
  }
}

const watched = new WeakMap<ServerResponse, ResponseLifecycle>();

/**
 * The lifecycle of an HTTP response; one per response. The response is over with the first
 * of `finish` (Node has handed the last byte to the operating system) and `close` (the connection is gone): a client
 * that leaves early causes only the latter.
 */
export function watchHttpResponse(response: ServerResponse): ResponseLifecycle {
  const known = watched.get(response);
  if (known) return known;
  const lifecycle = new ResponseLifecycle(true);
  watched.set(response, lifecycle);
  if (response.closed || response.destroyed) {
    lifecycle.close(false);
  } else {
    response.once('finish', () => lifecycle.close(true));
    // Read right here: later, writableFinished is true even for a response that was cut off.
    response.once('close', () => lifecycle.close(response.writableFinished));
  }
  return lifecycle;
}

/** Node's own response, also under Fastify's reply; undefined where there is none. */
export function rawResponseOf(response: { readonly raw?: unknown }): ServerResponse | undefined {
  const raw = (response.raw ?? response) as ServerResponse;
  return typeof raw.once === 'function' ? raw : undefined;
}
