import type { Server } from 'node:http';
import type { Socket } from 'node:net';

/** The connections of a server, by the port of their client, so that a test knows when the server has lost one. */
export class ServerConnections {
  readonly #server: Server;
  readonly #sockets = new Map<number, Socket>();
  readonly #expected = new Map<number, (socket: Socket | undefined) => void>();
  readonly #onConnection = (socket: Socket): void => this.#add(socket);
  readonly #onClose = (): void => this.#expectNoMore();

  constructor(server: Server) {
    this.#server = server;
    server.on('connection', this.#onConnection).on('close', this.#onClose);
  }

  /** Resolves when the server has noticed that this client, which has connected just now, is gone. */
  async closed(clientPort: number): Promise<void> {
    const socket = this.#sockets.get(clientPort) ?? (await this.#connected(clientPort));
    if (!socket || socket.closed) return;
    await new Promise<void>((resolve) => socket.once('close', () => resolve()));
  }

  /** Stops listening. */
  close(): void {
    this.#server.off('connection', this.#onConnection).off('close', this.#onClose);
    this.#expectNoMore();
  }

  #connected(clientPort: number): Promise<Socket | undefined> {
    if (!this.#server.listening) return Promise.resolve(undefined);
    return new Promise((resolve) => this.#expected.set(clientPort, resolve));
  }

  #add(socket: Socket): void {
    const { remotePort } = socket;
    if (remotePort === undefined) return;
    this.#sockets.set(remotePort, socket);
    socket.once('close', () => this.#sockets.delete(remotePort));
    this.#expected.get(remotePort)?.(socket);
    this.#expected.delete(remotePort);
  }

  #expectNoMore(): void {
    for (const resolve of this.#expected.values()) resolve(undefined);
    this.#expected.clear();
  }
}
