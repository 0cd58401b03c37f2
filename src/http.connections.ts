import { Server, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Http2Server, Http2ServerRequest, Http2ServerResponse, ServerHttp2Session } from 'node:http2';
import type { Socket } from 'node:net';

type HttpServer = Server | Http2Server;

/** What requests come over: a socket of HTTP/1, or a session of HTTP/2. */
type Transport = Socket | ServerHttp2Session;

/** A request that has not been answered to its end. */
interface Exchange {
  readonly request: IncomingMessage | Http2ServerRequest;
  readonly response: ServerResponse | Http2ServerResponse;
}

/** Requests whose socket becomes something else, such as a WebSocket. */
const TAKEOVERS = ['upgrade', 'connect'] as const;

/**
 * Knows the connections of a server, and closes them at shutdown so that they do not keep it open. Node closes only
 * those idle ones that have carried a request, stops looking for unfinished requests once a server closes, and keeps
 * connections alive after the answers that were under way. Sockets that were upgraded are no longer HTTP's.
 */
export class HttpConnections {
  readonly #open = new Map<Transport, Set<Exchange>>();
  /** Sockets on which TLS or HTTP/2 has yet to begin, by the address of the client. */
  readonly #lower = new Map<string, Socket>();
  /** The sockets of sessions. */
  readonly #sockets = new WeakMap<Transport, Socket>();
  /** TLS or HTTP/2 begins on a socket before HTTP does. */
  readonly #isLayered: boolean;
  #isClosing = false;
  readonly #onAllClosed: (() => void)[] = [];

  /** @returns undefined if this is no server of Node: a microservice has none, and other platforms have others */
  static of(server: unknown): HttpConnections | undefined {
    return isHttpServer(server) ? new HttpConnections(server) : undefined;
  }

  private constructor(server: HttpServer) {
    this.#isLayered = !(server instanceof Server);
    this.#watch(server);
  }

  /** Knows the connections of another server of the application as well, of the same kind. */
  add(server: unknown): void {
    if (isHttpServer(server)) this.#watch(server);
  }

  #watch(server: HttpServer): void {
    // Before the listeners that answer, so that they find the header that is set here.
    server.prependListener('connection', (socket: Socket) => this.#onSocket(socket));
    server.prependListener('secureConnection', (socket: Socket) => this.#onSocket(socket));
    server.prependListener('request', (request: Exchange['request'], response: Exchange['response']) =>
      this.#onRequest({ request, response }),
    );
    for (const event of TAKEOVERS) beside(server, event, (_request, socket) => this.#forget(socket));
  }

  /**
   * Closes connections that carry nothing, or the beginning of a request that no handler has seen, and each other one
   * after its last answer.
   */
  closeAfterAnswers(): void {
    this.#isClosing = true;
    for (const [transport, exchanges] of this.#open) {
      if (isSession(transport)) transport.close();
      else if (exchanges.size === 0) transport.destroy();
      else announceClose([...exchanges].at(-1));
    }
  }

  /** Closes connections that carry nothing, and requests that were not sent to their end. Answers stay under way. */
  closeUnfinished(): void {
    for (const [transport, exchanges] of this.#open) {
      // A session that has closed waits for its client to close the socket.
      if (exchanges.size === 0) (this.#sockets.get(transport) ?? transport).destroy();
      for (const { request, response } of exchanges) if (!request.complete) response.destroy();
    }
  }

  /** Closes connections whose answers are complete, but are not read by their clients. */
  closeUnread(): void {
    for (const { response } of this.#exchanges()) if (response.writableEnded) response.destroy();
  }

  /**
   * Closes the connections of requests that a handler has still to answer.
   *
   * @returns what the requests were, for people: `GET "/slow"`
   */
  closeUnanswered(): string[] {
    const waiting = this.#exchanges().filter(({ response }) => !response.writableEnded);
    for (const { response } of waiting) response.destroy();
    return waiting.map(({ request: { method, url } }) => `${method} ${JSON.stringify(pathOf(url))}`);
  }

  /** Resolves when no connection is left. */
  allClosed(): Promise<void> {
    if (this.#open.size === 0) return Promise.resolve();
    return new Promise((resolve) => this.#onAllClosed.push(resolve));
  }

  #exchanges(): Exchange[] {
    return [...this.#open.values()].flatMap((exchanges) => [...exchanges]);
  }

  #onSocket(socket: Socket): void {
    if (!this.#isLayered) return this.#track(socket);
    const client = addressOf(socket);
    // Without an address (a socket file) it cannot be told which socket a session or TLS connection belongs to.
    if (client === undefined) return;
    this.#leaveLower(client);
    this.#lower.set(client, socket);
    socket.once('close', () => {
      if (this.#lower.get(client) === socket) this.#lower.delete(client);
    });
    this.#track(socket);
  }

  /** With its first request: until then it is a socket whose client has not said a word. */
  #onSession(session: ServerHttp2Session): void {
    const client = addressOf(session.socket);
    const socket = client === undefined ? undefined : this.#leaveLower(client);
    if (socket) this.#sockets.set(session, socket);
    this.#track(session);
  }

  /** The layer above takes the socket over. */
  #leaveLower(client: string): Socket | undefined {
    const lower = this.#lower.get(client);
    if (!lower) return undefined;
    this.#lower.delete(client);
    this.#forget(lower);
    return lower;
  }

  #track(transport: Transport): void {
    this.#open.set(transport, new Set());
    transport.once('close', () => this.#forget(transport));
  }

  #forget(transport: Transport): void {
    this.#open.delete(transport);
    if (this.#open.size > 0) return;
    for (const resolve of this.#onAllClosed.splice(0)) resolve();
  }

  #onRequest(exchange: Exchange): void {
    const { request, response } = exchange;
    const transport = 'stream' in request ? serverSessionOf(request) : request.socket;
    if (!transport) return;
    if (isSession(transport) && !this.#open.has(transport)) this.#onSession(transport);
    const exchanges = this.#open.get(transport);
    if (!exchanges) return;
    exchanges.add(exchange);
    if (this.#isClosing) announceClose(exchange);
    response.once('close', () => {
      exchanges.delete(exchange);
      if (this.#isClosing && exchanges.size === 0) closeSoon(transport);
    });
  }
}

/** HTTP/1 says so in the answer; a stream that has begun cannot any more, and HTTP/2 has frames for it. */
function announceClose(exchange: Exchange | undefined): void {
  if (!exchange || exchange.request.httpVersionMajor !== 1 || exchange.response.headersSent) return;
  exchange.response.setHeader('Connection', 'close');
}

/** What has been written is sent before. */
function closeSoon(transport: Transport): void {
  if (isSession(transport)) transport.close();
  else transport.destroySoon();
}

type TakeoverListener = (request: IncomingMessage, socket: Socket) => void;

/**
 * Listens for as long as somebody else does. With a listener of its own Node would no longer answer such requests like
 * any other, and they would hang.
 */
function beside(server: HttpServer, event: (typeof TAKEOVERS)[number], listener: TakeoverListener): void {
  const follow = (changed: string | symbol, others: number): void => {
    if (changed !== event) return;
    const isListening = server.listeners(event).includes(listener);
    if (others > 0 && !isListening) server.prependListener(event, listener);
    if (others === 0 && isListening) server.removeListener(event, listener);
  };
  const countOthers = (): number => server.listeners(event).filter((other) => other !== listener).length;
  follow(event, countOthers());
  // The first is emitted before the listener is there, the second after it has gone.
  server.on('newListener', (changed: string | symbol, added: unknown) => {
    if (added !== listener) follow(changed, countOthers() + 1);
  });
  server.on('removeListener', (changed: string | symbol, removed: unknown) => {
    if (removed !== listener) follow(changed, countOthers());
  });
}

function isHttpServer(server: unknown): server is HttpServer {
  return (
    typeof server === 'object' && server !== null && 'prependListener' in server && 'listening' in server
  );
}

function isSession(transport: Transport): transport is ServerHttp2Session {
  return 'goaway' in transport;
}

function addressOf({
  remoteAddress,
  remotePort,
}: Pick<Socket, 'remoteAddress' | 'remotePort'>): string | undefined {
  return remoteAddress === undefined ? undefined : `${remoteAddress} ${remotePort}`;
}

/** The type says session of either side; undefined once its stream has gone. */
function serverSessionOf({ stream }: Http2ServerRequest): ServerHttp2Session | undefined {
  return stream.session as ServerHttp2Session | undefined;
}

/** What follows the path may be secret. */
function pathOf(url: string | undefined): string {
  return (url ?? '').split('?', 1)[0] ?? '';
}
