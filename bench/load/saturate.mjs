import autocannon from 'autocannon';

import { BODY, CONNECTIONS, HEADERS } from '../request.mjs';

/**
 * A closed loop: sends requests as fast as the server answers, for so many seconds, or so many of them. A time cuts off those
 * that are on their way at its end, which matters to a server that answers few.
 */
export async function saturate({ seconds, requests: amount, ...request }) {
  const result = await send(request, amount === undefined ? { duration: seconds } : { amount });
  const requests = result['2xx'];
  return { requests, requestsPerSecond: (requests / (result.finish - result.start)) * 1_000 };
}

/** Sends so many requests to each server, to all of them at once. */
export async function sendTo({ urls, requests }) {
  await Promise.all(urls.map((url) => send({ url }, { amount: requests })));
  return {};
}

async function send({ url, headers = HEADERS, body = BODY }, extent) {
  const request = { url, method: 'POST', headers, body };
  // sampleInt is how often it looks whether time is up; the default, a second, is longer than a quick round.
  const result = await autocannon({ ...request, connections: CONNECTIONS, sampleInt: 20, ...extent });
  const failed = result.errors + result.non2xx;
  if (failed > 0) throw new Error(`${failed} requests to ${url} failed.`);
  return result;
}
