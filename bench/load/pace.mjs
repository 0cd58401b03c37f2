import { Agent } from 'node:http';

import { CONNECTIONS } from '../request.mjs';
import { percentileOf } from '../statistics.mjs';
import { post } from './post.mjs';

/**
 * An open loop: sends requests at a given rate, whatever the server does, at random distances as independent clients do.
 * Returns the median and the 99th percentile of the time until the last byte had come. The time that a request waits for
 * a free connection counts.
 *
 * Autocannon's own rate limit would send each second's requests at full speed and then pause.
 */
export async function pace({ seconds, requestsPerSecond, ...request }) {
  const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });
  const pending = [];
  const end = performance.now() + seconds * 1_000;
  let due = performance.now();
  while (due < end) {
    for (; due <= performance.now(); due += randomDistance(requestsPerSecond)) {
      const sent = timed(agent, request);
      // One that fails before all have been sent is reported after that.
      sent.catch(() => undefined);
      pending.push(sent);
    }
    // To be more punctual than a timer it would have to spin, and take a core that the server may need.
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  const latencies = await Promise.all(pending);
  agent.destroy();
  const micros = (share) => percentileOf(latencies, share) * 1_000;
  return { requests: latencies.length, p50Micros: micros(0.5), p99Micros: micros(0.99) };
}

/** Milliseconds to the next request. */
function randomDistance(requestsPerSecond) {
  return (-Math.log(1 - Math.random()) / requestsPerSecond) * 1_000;
}

/** The milliseconds that the answer took. */
async function timed(agent, request) {
  const start = performance.now();
  await post(agent, request);
  return performance.now() - start;
}
