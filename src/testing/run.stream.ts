import type { Exchange } from './exchange.js';

/** An event of a run, as the server has sent it. Which fields it has depends on its name. */
export interface StreamedEvent {
  /** `RunStarted`, `RunContent`, `RunCompleted`, `RunError`, …; those of teams and workflows begin with their kind. */
  readonly event: string;
  readonly run_id?: string;
  readonly session_id?: string;
  readonly content?: unknown;
  readonly [field: string]: unknown;
}

/**
 * The events of a run, read one by one without reading ahead, so that a reader that pauses acts as a slow client. A
 * reader that ends its loop early leaves: the connection is cut off.
 */
export class RunStream implements AsyncIterable<StreamedEvent> {
  readonly #exchange: Exchange;
  readonly #events: AsyncGenerator<StreamedEvent, void, void>;

  /** @internal */
  constructor(exchange: Exchange) {
    this.#exchange = exchange;
    this.#events = eventsOf(exchange);
  }

  [Symbol.asyncIterator](): AsyncIterator<StreamedEvent, void> {
    return {
      next: () => this.#events.next(),
      return: async () => {
        await this.leave();
        return { done: true, value: undefined };
      },
    };
  }

  /**
   * Reads up to and including the wanted event.
   *
   * @param wanted - the name of the event, or a predicate
   * @example `await stream.until(({ content }) => content === 'One moment. ');`
   * @throws Error with the names of the events that have come if the stream ends first
   */
  async until(wanted: string | ((event: StreamedEvent) => boolean)): Promise<StreamedEvent> {
    const isWanted = typeof wanted === 'function' ? wanted : ({ event }: StreamedEvent) => event === wanted;
    const seen: string[] = [];
    for (;;) {
      const { done, value } = await this.#events.next();
      if (done) break;
      if (isWanted(value)) return value;
      seen.push(value.event);
    }
    throw new Error(
      `The stream has ended without the event ${typeof wanted === 'string' ? `"${wanted}"` : 'that was wanted'}. ` +
        `Events read: ${seen.join(', ') || 'none'}.`,
    );
  }

  /** Reads to the end; resolves with the events that had not been read before. */
  async rest(): Promise<StreamedEvent[]> {
    const events: StreamedEvent[] = [];
    for (;;) {
      const { done, value } = await this.#events.next();
      if (done) return events;
      events.push(value);
    }
  }

  /** Cuts the connection off, as a client that is closed does; resolves when the server has noticed. */
  leave(): Promise<void> {
    return this.#exchange.leave();
  }
}

async function* eventsOf(exchange: Exchange): AsyncGenerator<StreamedEvent, void, void> {
  const { statusCode } = await exchange.answered;
  let text = '';
  for await (const piece of exchange.pieces()) {
    text += piece;
    if (statusCode !== 200) continue;
    const frames = text.split('\n\n');
    text = frames.pop() ?? '';
    for (const frame of frames) {
      const event = eventIn(frame);
      if (event) yield event;
    }
  }
  if (statusCode !== 200)
    throw new Error(`The run was answered with ${String(statusCode)} instead of a stream: ${text}`);
}

/** Comments only keep the connection alive and are ignored. */
function eventIn(frame: string): StreamedEvent | undefined {
  const data = /^data: (.*)$/m.exec(frame)?.[1];
  return data === undefined ? undefined : (JSON.parse(data) as StreamedEvent);
}
