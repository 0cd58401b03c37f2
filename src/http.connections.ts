import { Server, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Http2Server, Http2ServerRequest, Http2ServerResponse, ServerHttp2Session } from 'node:http2';
import type { Socket } from 'node:net';

type HttpServer = Server | Http2Server;

/** A connection that carries requests: a socket of HTTP/1, or a session of HTTP/2. */
type Transport = Socket | ServerHttp2Session;

/** A request whose answer is not complete. */
interface Exchange {
  readonly request: IncomingMessage | Http2ServerRequest;
  readonly response: ServerResponse | Http2ServerResponse;
}

/** Events of requests that change the protocol of their socket, such as to a WebSocket. */
const TAKEOVERS = ['upgrade', 'connect'] as const;

/**
 * Tracks the connections of a server, and closes them at shutdown so that they do not keep it open. Node closes only
 * idle connections that have carried a request, stops checking for unfinished requests once a server closes, and keeps
 * connections alive after pending answers. Upgraded sockets are no longer tracked.
 */
export class HttpConnections {
  readonly #open = new Map<Transport, Set<Exchange>>();
  /** Sockets on which TLS or HTTP/2 has not started yet, by client address. */
  readonly #lower = new Map<string, Socket>();
  /** The sockets of sessions. */
  readonly #sockets = new WeakMap<Transport, Socket>();
  /** Whether TLS or HTTP/2 starts on a socket before HTTP does. */
  readonly #isLayered: boolean;
  #isClosing = false;
  readonly #onAllClosed: (() => void)[] = [];

  /** @returns undefined if this is not a Node server: a microservice has none, and other platforms have their own */
  static of(server: unknown): HttpConnections | undefined {
    return isHttpServer(server) ? new HttpConnections(server) : undefined;
  }

  private constructor(server: HttpServer) {
    this.#isLayered = !(server instanceof Server);
    this.#watch(server);
  }

  /** Tracks the connections of another server of the application, of the same kind. */
  add(server: unknown): void {
    if (isHttpServer(server)) this.#watch(server);
  }

  #watch(server: HttpServer): void {
    // Before the listeners that answer, so that their answers have the header that is set here.
    server.prependListener('connection', (socket: Socket) => this.#onSocket(socket));
    server.prependListener('secureConnection', (socket: Socket) => this.#onSocket(socket));
    server.prependListener('request', (request: Exchange['request'], response: Exchange['response']) =>
      this.#onRequest({ request, response }),
    );
    for (const event of TAKEOVERS) beside(server, event, (_request, socket) => this.#forget(socket));
  }

  /**
   * Closes idle connections and those with an incomplete request that no handler has seen; closes each other one after
   * its last answer.
   */
  closeAfterAnswers(): void {
    this.#isClosing = true;
    for (const [transport, exchanges] of this.#open) {
      if (isSession(transport)) transport.close();
      else if (exchanges.size === 0) transport.destroy();
      else announceClose([...exchanges].at(-1));
    }
  }

  /** Closes idle connections and those whose request is incomplete. Pending answers continue. */
  closeUnfinished(): void {
    for (const [transport, exchanges] of this.#open) {
      // A closed session waits for its client to close the socket.
      if (exchanges.size === 0) (this.#sockets.get(transport) ?? transport).destroy();
      for (const { request, response } of exchanges) if (!request.complete) response.destroy();
    }
  }

  /** Closes connections whose answers are complete but not read by their clients. */
  closeUnread(): void {
    for (const { response } of this.#exchanges()) if (response.writableEnded) response.destroy();
  }

  /**
   * Closes the connections of requests that a handler has not answered yet.
   *
   * @returns the requests, for people: `GET "/slow"`
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
    // Without an address (a socket file), the socket of a session or TLS connection cannot be identified.
    if (client === undefined) return;
    this.#leaveLower(client);
    this.#lower.set(client, socket);
    socket.once('close', () => {
      if (this.#lower.get(client) === socket) this.#lower.delete(client);
    });
    this.#track(socket);
  }

  /** Called with the first request of a session: until then only its socket is tracked. */
  #onSession(session: ServerHttp2Session): void {
    const client = addressOf(session.socket);
    const socket = client === undefined ? undefined : this.#leaveLower(client);
    if (socket) this.#sockets.set(session, socket);
    this.#track(session);
  }

  /** The upper layer takes over the socket. */
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

/** HTTP/1 announces it in the headers, which must not have been sent yet; HTTP/2 has frames for it. */
function announceClose(exchange: Exchange | undefined): void {
  if (!exchange || exchange.request.httpVersionMajor !== 1 || exchange.response.headersSent) return;
  exchange.response.setHeader('Connection', 'close');
}

/** Closes after the written data has been sent. */
function closeSoon(transport: Transport): void {
  if (isSession(transport)) transport.close();
  else transport.destroySoon();
}

type TakeoverListener = (request: IncomingMessage, socket: Socket) => void;

/**
 * Listens only while another listener exists. With no other listener than this one, Node would not answer such
 * requests like any other, and they would hang.
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
  // newListener is emitted before the listener is added, removeListener after it has been removed.
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

/** The declared type covers sessions of both sides; undefined once the stream is destroyed. */
function serverSessionOf({ stream }: Http2ServerRequest): ServerHttp2Session | undefined {
  return stream.session as ServerHttp2Session | undefined;
}

/** The path without the query, which may hold secrets. */
function pathOf(url: string | undefined): string {
  return (url ?? '').split('?', 1)[0] ?? '';
}
