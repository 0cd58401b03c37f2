import { summarize } from './statistics.mjs';
import { startServers, stopServers } from './throughput.mjs';

/** A median of many short rounds stays calm when the machine is busy with something else for a moment. */
const ROUNDS_FACTOR = 2;

/** What ten background hooks add to the median response time while the server is half busy without them. */
export async function measureLatency(load, { adapter, size, rounds, warmUpRequests, seconds }) {
  const servers = await startServers(load, { variants: ['os0', 'os10'], adapter, size, warmUpRequests });
  const [without, withHooks] = servers;
  const full = await load.ask({ load: 'saturate', url: without.url, seconds: 2 * seconds });
  const requestsPerSecond = full.requestsPerSecond / 2;
  const p50Of = async ({ url }) =>
    (await load.ask({ load: 'pace', url, seconds, requestsPerSecond })).p50Micros;
  const added = [];
  for (let round = 0; round < ROUNDS_FACTOR * rounds; round++) {
    const before = await p50Of(without);
    added.push((await p50Of(withHooks)) - before);
  }
  await stopServers(servers);
  return summarize(added);
}
