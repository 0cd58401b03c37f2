import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

/** An answer as it came over the wire. */
export interface RawAnswer {
  readonly statusLine: string;
  /** By name, in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** Sends a POST exactly as it is given here. The connection is the caller's, to read from or to cut off. */
export function sendRaw(
  port: number,
  path: string,
  headers: Readonly<Record<string, string>>,
  body: string,
): Promise<Socket> {
  return send(port, path, { 'content-length': String(Buffer.byteLength(body)), ...headers }, body);
}

/** Sends a POST whose body has no end: its first chunk is this, and others may follow. */
export function sendChunk(
  port: number,
  path: string,
  headers: Readonly<Record<string, string>>,
  chunk: string,
): Promise<Socket> {
  const body = `${Buffer.byteLength(chunk).toString(16)}\r\n${chunk}\r\n`;
  return send(port, path, { 'transfer-encoding': 'chunked', ...headers }, body);
}

async function send(
  port: number,
  path: string,
  headers: Readonly<Record<string, string>>,
  body: string,
): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  await once(socket, 'connect');
  const lines = Object.entries({ host: '127.0.0.1', connection: 'close', ...headers }).map(
    ([name, value]) => `${name}: ${value}\r\n`,
  );
  socket.write(`POST ${path} HTTP/1.1\r\n${lines.join('')}\r\n${body}`);
  return socket;
}

/** Reads until the server closes the connection. */
export async function readAnswer(socket: Socket): Promise<RawAnswer> {
  const parts: Buffer[] = [];
  for await (const part of socket) parts.push(part as Buffer);
  const whole = Buffer.concat(parts);
  const end = whole.indexOf('\r\n\r\n');
  const [statusLine = '', ...lines] = whole.subarray(0, end).toString().split('\r\n');
  const headers = Object.fromEntries(
    lines.map((line) => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
    }),
  );
  const rest = whole.subarray(end + 4);
  const isChunked = headers['transfer-encoding'] === 'chunked';
  return { statusLine, headers, body: (isChunked ? joinChunks(rest) : rest).toString() };
}

/** Each chunk is its size in hexadecimal, a line break, its bytes, a line break; one of size 0 ends the body. */
function joinChunks(rest: Buffer): Buffer {
  const chunks: Buffer[] = [];
  for (let at = 0; ;) {
    const lineEnd = rest.indexOf('\r\n', at);
    const size = Number.parseInt(rest.subarray(at, lineEnd).toString(), 16);
    if (!(size > 0)) return Buffer.concat(chunks);
    chunks.push(rest.subarray(lineEnd + 2, lineEnd + 2 + size));
    at = lineEnd + 2 + size + 2;
  }
}
