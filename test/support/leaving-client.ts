import { request, type IncomingMessage, type Server } from 'node:http';
import type { Socket } from 'node:net';

import type { TestApp } from './test-app.js';

/** A client on a connection of its own, which it can cut off whenever it likes. */
export interface LeavingClient {
  /** Reads until the text has come, and no further: the rest waits in the sockets. */
  read(text: string): Promise<void>;
  /** Reads to the end; resolves with what had not been read before. */
  readAll(): Promise<string>;
  /** Cuts the connection off; resolves when the server has noticed. */
  leave(): Promise<void>;
}

/** Sends a request to run a component, without waiting for anything. */
export function startRun(
  { app, port }: TestApp,
  path: string,
  fields: Record<string, string>,
): LeavingClient {
  const server = app.getHttpServer() as Server;
  const disconnected = new Promise<void>((resolve) => {
    server.once('connection', (socket: Socket) => socket.once('close', () => resolve()));
  });
  const body = new URLSearchParams(fields).toString();
  const headers = { 'content-type': 'application/x-www-form-urlencoded', 'content-length': body.length };
  const outgoing = request({ port, path: `${path}/runs`, method: 'POST', headers, agent: false });
  const answered = new Promise<IncomingMessage>((resolve) => outgoing.once('response', resolve));
  // Cutting the connection off is an error to the client's own end of it.
  outgoing.on('error', () => undefined);
  outgoing.end(body);
  return {
    read: async (text) =>
      readUntil(await answered, (received) => received.includes(text)).then(() => undefined),
    readAll: async () => readUntil(await answered, () => false),
    leave: async () => {
      outgoing.destroy();
      await disconnected;
    },
  };
}

/** @returns what was received until the condition was met or the answer ended */
function readUntil(response: IncomingMessage, isEnough: (received: string) => boolean): Promise<string> {
  return new Promise((resolve) => {
    let received = '';
    const onData = (chunk: string): void => {
      received += chunk;
      if (isEnough(received)) finish();
    };
    const finish = (): void => {
      response.off('data', onData).pause();
      resolve(received);
    };
    response
      .setEncoding('utf8')
      .on('data', onData)
      .once('end', finish)
      .on('error', () => undefined)
      .resume();
  });
}
