import { randomBytes } from 'node:crypto';
import { request } from 'node:http';
import type { Socket } from 'node:net';

/** As much of a WebSocket client as short text messages need; Node 20 has none. */
export interface WebSocketClient {
  send(message: object): void;
  /** The next message, in the order of arrival. */
  receive(): Promise<unknown>;
  close(): void;
}

export async function openWebSocket(port: number): Promise<WebSocketClient> {
  const socket = await upgrade(port);
  const messages = messagesOf(socket);
  return {
    send: (message) => socket.write(frameOf(JSON.stringify(message))),
    receive: async () => (await messages.next()).value,
    close: () => socket.destroy(),
  };
}

function upgrade(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const headers = {
      connection: 'Upgrade',
      upgrade: 'websocket',
      'sec-websocket-version': '13',
      'sec-websocket-key': randomBytes(16).toString('base64'),
    };
    const handshake = request({ port, host: '127.0.0.1', headers });
    handshake.on('upgrade', (_response, socket: Socket) => resolve(socket));
    handshake.on('error', reject);
    handshake.end();
  });
}

/** One final text frame; clients mask what they send, and a mask of zeros changes nothing. */
function frameOf(text: string): Buffer {
  const payload = Buffer.from(text);
  if (payload.length > 125) throw new RangeError('Only short messages can be sent.');
  return Buffer.concat([Buffer.from([0x81, 0x80 | payload.length, 0, 0, 0, 0]), payload]);
}

async function* messagesOf(socket: Socket): AsyncGenerator<unknown, undefined> {
  let received = Buffer.alloc(0);
  for await (const part of socket) {
    received = Buffer.concat([received, part as Buffer]);
    for (
      let length = received[1];
      length !== undefined && received.length >= 2 + length;
      length = received[1]
    ) {
      yield JSON.parse(received.subarray(2, 2 + length).toString());
      received = received.subarray(2 + length);
    }
  }
  return undefined;
}
