import { Agent } from 'node:http';

import { CONNECTIONS } from '../request.mjs';
import { post } from './post.mjs';

/**
 * Sends so many requests, each over a connection of its own: a server may keep a connection busy until the hooks of its
 * request have ended.
 */
export async function fill({ requests, ...request }) {
  const agent = new Agent({ keepAlive: false, maxSockets: CONNECTIONS });
  let left = requests;
  await Promise.all(
    Array.from({ length: CONNECTIONS }, async () => {
      while (left-- > 0) await post(agent, request);
    }),
  );
  return { requests };
}
