import { CONNECTIONS } from '../request.mjs';
import { whenHooksHaveEnded } from './point.mjs';

/**
 * Requests in a closed loop of 16 connections, then in an open loop. In the open loop all subjects get the same number of
 * requests per second: half of what the slowest of them answers in the closed one.
 */
export async function measureRequests(point, request, { plan }) {
  const rates = new Map();
  await point.each(async (server) => {
    rates.set(server, await warmUp(point, server, request, plan));
  });
  await point.read(plan.rounds, async (server) => {
    const before = await server.process.ask('state');
    const load = { load: 'saturate', requests: requestsIn(plan.seconds, rates.get(server)) };
    const { requests, requestsPerSecond } = await point.load(server, request, load);
    const after = await whenHooksHaveEnded(server, expectedHooks(server, before, requests));
    return {
      requestsPerSecond,
      // With the hooks of the requests.
      processorMicros: (after.processorMicros - before.processorMicros) / requests,
    };
  });
  const requestsPerSecond = point.lowest('requestsPerSecond') / 2;
  await point.read(plan.openRounds, async (server) => {
    const before = await server.process.ask('state');
    const load = { load: 'pace', seconds: plan.openSeconds, requestsPerSecond };
    const { requests, p50Micros, p99Micros } = await point.load(server, request, load);
    await whenHooksHaveEnded(server, expectedHooks(server, before, requests));
    return { p50Millis: p50Micros / 1_000, p99Millis: p99Micros / 1_000 };
  });
  return { openRequestsPerSecond: requestsPerSecond };
}

/**
 * Lets a server run until its code is compiled. Its answer must have the size that is asked for. Resolves with the requests per
 * second that it answered last.
 */
export async function warmUp(point, server, request, { warmUpSeconds }) {
  const { url, headers, body } = server.requests[request];
  const response = await fetch(url, { method: 'POST', headers, body });
  const text = await response.text();
  if (response.status !== 200 || text.length < server.configuration.size)
    throw new Error(
      `${url} answered ${response.status} with ${text.length} characters: ${text.slice(0, 300)}`,
    );
  const end = performance.now() + warmUpSeconds * 1_000;
  let rate = 0;
  do {
    const load = { load: 'saturate', requests: requestsIn(warmUpSeconds / 8, rate) };
    ({ requestsPerSecond: rate } = await point.load(server, request, load));
  } while (performance.now() < end);
  await whenHooksHaveEnded(server, 0);
  return rate;
}

/** The requests that a server answers in so many seconds at this rate; at least one for each connection. */
function requestsIn(seconds, rate) {
  return Math.max(CONNECTIONS, Math.round(seconds * rate));
}

function expectedHooks({ configuration: { hookCount } }, { endedHooks }, requests) {
  return endedHooks + hookCount * requests;
}
