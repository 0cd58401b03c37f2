import type { ServerResponse } from 'node:http';

import { watchHttpResponse } from '../runs/background/response.lifecycle.js';

/**
 * Closes the connection of a client that has read nothing of its answer for a time. Otherwise the unread data would
 * stay in memory, and a run whose events it does not read would wait, for as long as the client likes.
 *
 * The time-out of the connection itself is used: Node restarts it with every part that the operating system accepts,
 * however small, so a slow client is not a stalled one. A time-out that the host has set on the connection stays.
 *
 * @param limit - milliseconds; 0 for no limit
 * @param onStalled - called before the connection is closed
 */
export function closeStalledReader(raw: ServerResponse, limit: number, onStalled: () => void): void {
  // The operating system has taken the whole answer, as it does with all but long ones.
  if (raw.writableEnded && raw.writableLength === 0) return;
  const { socket } = raw;
  const isHostLimited = socket !== null && (socket.timeout ?? 0) > 0;
  if (limit === 0 || isHostLimited || raw.destroyed) return;
  raw.setTimeout(limit, () => {
    // The client is not at fault while the answer has no data to send.
    if (raw.writableLength === 0) return;
    onStalled();
    // This must be first: Node reports an answer as sent when its connection breaks during the last write.
    watchHttpResponse(raw).close(false);
    raw.destroy();
  });
  // Runs before Node starts the time-out of an idle connection. HTTP/2 has a time-out for each stream.
  if (raw.req.httpVersionMajor === 1) raw.prependOnceListener('finish', () => socket?.setTimeout(0));
}
