import { Agent } from 'node:http';

import { percentileOf } from '../statistics.mjs';
import { post } from './post.mjs';

/**
 * A closed loop of so many clients, each of which reads one stream after another. Returns the tokens per second of all of
 * them, and the median and the 99th percentile of the time until the first token had come. `token` is the text that an
 * event with a token has, and no other event.
 */
export async function readStreams({ seconds, streams, tokens, token, ...request }) {
  const agent = new Agent({ keepAlive: true, maxSockets: streams });
  const firstTokens = [];
  const start = performance.now();
  const end = start + seconds * 1_000;
  await Promise.all(
    Array.from({ length: streams }, async () => {
      do firstTokens.push(await readStream(agent, request, token, tokens));
      while (performance.now() < end);
    }),
  );
  const tookSeconds = (performance.now() - start) / 1_000;
  agent.destroy();
  const micros = (share) => percentileOf(firstTokens, share) * 1_000;
  return {
    requests: firstTokens.length,
    tokensPerSecond: (firstTokens.length * tokens) / tookSeconds,
    firstTokenP50Micros: micros(0.5),
    firstTokenP99Micros: micros(0.99),
  };
}

/** The milliseconds until the first token; a stream with another number of tokens is an error. */
async function readStream(agent, request, token, tokens) {
  const start = performance.now();
  let firstToken;
  let count = 0;
  let rest = '';
  await post(agent, request, (piece) => {
    const parts = (rest + piece.toString('latin1')).split(token);
    // What may be the beginning of the next token's text.
    rest = parts.at(-1).slice(1 - token.length);
    count += parts.length - 1;
    if (count > 0) firstToken ??= performance.now() - start;
  });
  if (count !== tokens)
    throw new Error(`${request.url} sent ${count} events with a token; expected ${tokens}.`);
  return firstToken;
}
