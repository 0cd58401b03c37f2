import { Agent, request } from 'node:http';

import { BODY, CONNECTIONS, HEADERS } from '../request.mjs';

/**
 * Sends requests at a given rate, whatever the server does, at random distances as independent clients do. Returns
 * the median time until the last byte had come.
 *
 * Autocannon's own rate limit would send each second's requests at full speed and then pause.
 */
export async function pace({ url, seconds, requestsPerSecond }) {
  const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });
  const pending = [];
  const end = performance.now() + seconds * 1_000;
  let due = performance.now();
  while (due < end) {
    for (; due <= performance.now(); due += randomDistance(requestsPerSecond)) pending.push(post(agent, url));
    // To be more punctual than a timer it would have to spin, and take a core that the server may need.
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  const latencies = (await Promise.all(pending)).sort((one, other) => one - other);
  agent.destroy();
  return { p50Micros: latencies[Math.floor(latencies.length / 2)] * 1_000 };
}

/** Milliseconds to the next request. */
function randomDistance(requestsPerSecond) {
  return (-Math.log(1 - Math.random()) / requestsPerSecond) * 1_000;
}

/** Resolves with the milliseconds that the answer took. */
function post(agent, url) {
  return new Promise((resolve, reject) => {
    const start = performance.now();
    const headers = { ...HEADERS, 'content-length': BODY.length };
    const sent = request(url, { method: 'POST', agent, headers }, (response) => {
      if (response.statusCode !== 200) reject(new Error(`${url} answered ${response.statusCode}.`));
      response.resume().on('end', () => resolve(performance.now() - start));
    });
    sent.on('error', reject).end(BODY);
  });
}
