import type { ServerResponse } from 'node:http';

import { watchHttpResponse } from '../runs/background/response.lifecycle.js';

/**
 * Closes the connection of a client that has taken nothing of its answer for a time. What is written for it would stay
 * in memory, and a run whose events it does not read would wait, for as long as the client likes.
 *
 * The time-out of the connection itself counts: Node starts it anew with every part that the operating system takes,
 * however small, so that a slow client is no stalled one. One that the host has set on the connection stays.
 *
 * @param limit - milliseconds; 0 for ever
 * @param onStalled - called before the connection is closed
 */
export function letGoOfStalledReader(raw: ServerResponse, limit: number, onStalled: () => void): void {
  const { socket } = raw;
  const isHostLimited = socket !== null && (socket.timeout ?? 0) > 0;
  if (limit === 0 || isHostLimited || raw.destroyed) return;
  raw.setTimeout(limit, () => {
    // An answer that has nothing to say at the moment is not the client's fault.
    if (raw.writableLength === 0) return;
    onStalled();
    // First of all: Node says of an answer that it was sent when its connection breaks during the last write.
    watchHttpResponse(raw).close(false);
    raw.destroy();
  });
  // Before Node starts the time-out of an idle connection. HTTP/2 has a time-out for each stream.
  if (raw.req.httpVersionMajor === 1) raw.prependOnceListener('finish', () => socket?.setTimeout(0));
}
