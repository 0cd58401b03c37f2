import { startServers, stopServers } from './servers.mjs';
import { summarize } from './statistics.mjs';

/** What ten background hooks add to the median response time while the server is half busy without them. */
export async function measureLatency(load, { adapter, size, rounds, warmUpRequests, seconds, node }) {
  const variants = ['os0', 'os10'];
  const servers = await startServers(load, { variants, adapter, size, warmUpRequests, node });
  const [without, withHooks] = servers;
  const added = [];
  for (let round = 0; round < rounds; round++) {
    // Each round finds out anew what half load is: on a machine that is busy otherwise, it is less.
    const full = await load.ask({ load: 'saturate', url: without.url, seconds });
    const requestsPerSecond = full.requestsPerSecond / 2;
    const p50Of = async ({ url }) =>
      (await load.ask({ load: 'pace', url, seconds, requestsPerSecond })).p50Micros;
    const before = await p50Of(without);
    added.push((await p50Of(withHooks)) - before);
  }
  await stopServers(servers);
  return summarize(added);
}
