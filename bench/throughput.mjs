import { startServers, stopServers } from './servers.mjs';
import { summarize } from './statistics.mjs';

const VARIANTS = ['bareNest', 'byHand10', 'os0', 'os10'];
const RATIOS = [
  ['os10', 'byHand10'],
  ['os10', 'os0'],
  ['os0', 'bareNest'],
];

/**
 * How many requests per second each variant answers on this adapter with outputs of this size. The machine is never
 * quite still, so the variants take turns, and a ratio is taken within each round.
 */
export async function measureThroughput(load, { adapter, size, rounds, warmUpRequests, seconds, node }) {
  const servers = await startServers(load, { variants: VARIANTS, adapter, size, warmUpRequests, node });
  const results = [];
  for (let round = 0; round < rounds; round++) {
    // There and back: whoever is first in one round is last in the next.
    const order = round % 2 === 0 ? servers : servers.toReversed();
    const result = {};
    for (const server of order) result[server.variant] = await measure(load, server, seconds);
    results.push(result);
  }
  await stopServers(servers);
  return { ratios: ratiosOf(results), subjects: subjectsOf(results) };
}

async function measure(load, { url }, seconds) {
  const { requestsPerSecond } = await load.ask({ load: 'saturate', url, seconds });
  return requestsPerSecond;
}

function ratiosOf(results) {
  return Object.fromEntries(
    RATIOS.map(([one, other]) => [
      `${one}/${other}`,
      summarize(results.map((result) => result[one] / result[other])),
    ]),
  );
}

function subjectsOf(results) {
  return Object.fromEntries(
    VARIANTS.map((variant) => [
      variant,
      { requestsPerSecond: Math.round(summarize(results.map((result) => result[variant])).median) },
    ]),
  );
}
