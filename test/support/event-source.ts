/** An event as `EventSource` dispatches it. */
export interface SourceEvent {
  readonly type: string;
  readonly data: Record<string, unknown>;
  readonly lastEventId: string;
}

/** The end of one connection: its status, or that the client has lost it. */
export type SourceEnd = number | 'lost';

/**
 * A client that knows nothing but how event streams work: it reads fields as the standard says, remembers the last id, and
 * sends the same request again with it, until the server answers with anything else than a stream.
 *
 * The request is a form with fields, JSON, or, without a body, one with the method GET.
 */
export class EventSourceClient {
  readonly events: SourceEvent[] = [];
  #lastEventId = '';

  constructor(
    private readonly url: string,
    private readonly body: Readonly<Record<string, string>> | { readonly json: object } | undefined,
    private readonly headers: Readonly<Record<string, string>> = {},
  ) {}

  get lastEventId(): string {
    return this.#lastEventId;
  }

  /**
   * Connects, or connects again, and reads until the stream ends.
   *
   * @param loseAfter - the number of events after which the connection is lost
   */
  async connect(loseAfter = Infinity): Promise<SourceEnd> {
    const connection = new AbortController();
    const response = await fetch(this.url, {
      ...this.#request(),
      headers: {
        ...(this.#isJson ? { 'content-type': 'application/json' } : {}),
        connection: 'close',
        ...this.headers,
        ...(this.#lastEventId === '' ? {} : { 'last-event-id': this.#lastEventId }),
      },
      signal: connection.signal,
    });
    if (response.status !== 200 || !response.body) return response.status;
    let text = '';
    let read = 0;
    for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) {
      text += chunk;
      const blocks = text.split('\n\n');
      text = blocks.pop() ?? '';
      for (const block of blocks) {
        this.#dispatch(block);
        if (++read >= loseAfter) {
          connection.abort();
          return 'lost';
        }
      }
    }
    return response.status;
  }

  get #isJson(): boolean {
    return typeof this.body?.['json'] === 'object';
  }

  #request(): { readonly method: string; readonly body?: string | URLSearchParams } {
    const { body } = this;
    if (!body) return { method: 'GET' };
    const sent =
      typeof body['json'] === 'object'
        ? JSON.stringify(body['json'])
        : new URLSearchParams(body as Record<string, string>);
    return { method: 'POST', body: sent };
  }

  #dispatch(block: string): void {
    const fields = block
      .split('\n')
      .filter((line) => !line.startsWith(':'))
      .map((line) => /^([^:]*):? ?(.*)$/.exec(line) ?? []);
    const valueOf = (wanted: string): string | undefined => fields.find(([, name]) => name === wanted)?.[2];
    this.#lastEventId = valueOf('id') ?? this.#lastEventId;
    const data = valueOf('data');
    if (data === undefined) return;
    this.events.push({
      type: valueOf('event') ?? 'message',
      data: JSON.parse(data) as Record<string, unknown>,
      lastEventId: this.#lastEventId,
    });
  }
}
