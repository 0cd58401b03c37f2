import { once } from 'node:events';
import { request, type ClientRequest, type IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';

import type { ServerConnections } from './server.connections.js';

/** The request to send. */
export interface ExchangeRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Uint8Array | undefined;
}

/** A request of the test client was cut off before its answer was complete. */
export class ClientLeftError extends Error {
  override readonly name = 'ClientLeftError';

  constructor({ method, path }: ExchangeRequest) {
    super(`The client of ${method} ${path} disconnected before its answer was complete.`);
  }
}

/** One request on its own connection, which can be cut off without affecting others. */
export class Exchange {
  readonly #sent: ExchangeRequest;
  readonly #outgoing: ClientRequest;
  readonly #connected: Promise<Socket>;
  /** The server has noticed that the client is gone. */
  readonly #noticed: Promise<void>;
  #hasLeft = false;
  #isOver = false;
  /** Rejects with a {@link ClientLeftError} if the client leaves first. */
  readonly answered: Promise<IncomingMessage>;
  /** Resolves when the exchange has ended in any way. */
  readonly over: Promise<void>;

  constructor(port: number, sent: ExchangeRequest, connections: ServerConnections) {
    this.#sent = sent;
    const headers = {
      connection: 'close',
      ...sent.headers,
      ...(sent.body ? { 'content-length': String(sent.body.length) } : {}),
    };
    this.#outgoing = request({
      host: '127.0.0.1',
      port,
      path: sent.path,
      method: sent.method,
      headers,
      agent: false,
    });
    this.#connected = connectedSocketOf(this.#outgoing);
    this.#noticed = this.#connected.then(({ localPort }) =>
      localPort === undefined ? undefined : connections.closed(localPort),
    );
    this.answered = new Promise((resolve, reject) => {
      this.#outgoing.once('response', resolve);
      this.#outgoing.on('error', (error) => reject(this.#hasLeft ? new ClientLeftError(sent) : error));
    });
    this.over = new Promise((resolve) => this.#outgoing.once('close', resolve)).then(() => {
      this.#isOver = true;
    });
    // Callers that do not use the answer need not handle its error.
    this.answered.catch(() => undefined);
    this.#noticed.catch(() => undefined);
    this.#outgoing.end(sent.body);
  }

  /** The pieces of the answer's body as texts. */
  async *pieces(): AsyncGenerator<string, void, void> {
    const answer = await this.answered;
    answer.setEncoding('utf8');
    try {
      for await (const piece of answer) yield piece as string;
    } catch (thrown) {
      throw this.#hasLeft ? new ClientLeftError(this.#sent) : thrown;
    }
  }

  /** Cuts the connection off; resolves when the server has noticed. Does nothing once the exchange is over. */
  async leave(): Promise<void> {
    if (this.#isOver) return;
    this.#hasLeft = true;
    await this.#connected;
    this.#outgoing.destroy();
    await this.#noticed;
  }
}

async function connectedSocketOf(outgoing: ClientRequest): Promise<Socket> {
  const socket = outgoing.socket ?? ((await once(outgoing, 'socket')) as [Socket])[0];
  if (socket.connecting) await once(socket, 'connect');
  return socket;
}

/** The exchanges of a client that are not over yet. */
export class Exchanges {
  readonly #port: number;
  readonly #connections: ServerConnections;
  readonly #open = new Set<Exchange>();

  constructor(port: number, connections: ServerConnections) {
    this.#port = port;
    this.#connections = connections;
  }

  /** Sends a request. */
  open(request: ExchangeRequest): Exchange {
    const exchange = new Exchange(this.#port, request, this.#connections);
    this.#open.add(exchange);
    void exchange.over.then(() => this.#open.delete(exchange));
    return exchange;
  }

  /** Cuts off all open exchanges. */
  async close(): Promise<void> {
    await Promise.all([...this.#open].map((exchange) => exchange.leave()));
    this.#connections.close();
  }
}
