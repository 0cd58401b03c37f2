import { whenHooksHaveEnded } from './point.mjs';

/**
 * Requests in a closed loop of 16 connections, then in an open loop. In the open loop all subjects get the same number of
 * requests per second: half of what the slowest of them answers in the closed one.
 */
export async function measureRequests(point, request, { plan }) {
  await point.each((server) => warmUp(point, server, request, plan));
  await point.read(plan.rounds, async (server) => {
    const before = await server.process.ask('state');
    const load = { load: 'saturate', seconds: plan.seconds };
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

/** Lets a server run until its code is compiled. Its answer must have the size that is asked for. */
export async function warmUp(point, server, request, { warmUpSeconds }) {
  const { url, headers, body } = server.requests[request];
  const response = await fetch(url, { method: 'POST', headers, body });
  const text = await response.text();
  if (response.status !== 200 || text.length < server.configuration.size)
    throw new Error(
      `${url} answered ${response.status} with ${text.length} characters: ${text.slice(0, 300)}`,
    );
  await point.load(server, request, { load: 'saturate', seconds: warmUpSeconds });
  await whenHooksHaveEnded(server, 0);
}

function expectedHooks({ configuration: { hookCount } }, { endedHooks }, requests) {
  return endedHooks + hookCount * requests;
}
