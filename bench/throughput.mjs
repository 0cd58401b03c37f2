import { ChildProcess } from './child-process.mjs';
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
export async function measureThroughput(load, { adapter, size, rounds, warmUpRequests, seconds }) {
  const servers = await startServers(load, { variants: VARIANTS, adapter, size, warmUpRequests });
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

/** Starts the server of each variant in a process of its own and lets it run until its code is compiled. */
export async function startServers(load, { variants, adapter, size, warmUpRequests }) {
  const servers = await Promise.all(
    variants.map(async (variant) => {
      const scriptArguments = [variant, adapter, String(size)];
      const process = await ChildProcess.start('server/main.mjs', { scriptArguments });
      return { variant, process, url: process.greeting.url };
    }),
  );
  await load.ask({ load: 'warmUp', urls: servers.map(({ url }) => url), requests: warmUpRequests });
  return servers;
}

export async function stopServers(servers) {
  await Promise.all(servers.map(({ process }) => process.stop()));
}

async function measure(load, { process, url }, seconds) {
  const before = await process.ask('cpu');
  const { requestsPerSecond, requests } = await load.ask({ load: 'saturate', url, seconds });
  const after = await process.ask('cpu');
  const cpuMicros = after.user - before.user + after.system - before.system;
  return { requestsPerSecond, requestsPerCpuSecond: (requests / cpuMicros) * 1_000_000 };
}

function ratiosOf(results) {
  return Object.fromEntries(
    RATIOS.map(([one, other]) => {
      const by = (figure) => summarize(results.map((result) => result[one][figure] / result[other][figure]));
      return [
        `${one}/${other}`,
        { ...by('requestsPerSecond'), byCpuTime: by('requestsPerCpuSecond').median },
      ];
    }),
  );
}

function subjectsOf(results) {
  const median = (variant, figure) =>
    Math.round(summarize(results.map((result) => result[variant][figure])).median);
  return Object.fromEntries(
    VARIANTS.map((variant) => [
      variant,
      {
        requestsPerSecond: median(variant, 'requestsPerSecond'),
        requestsPerCpuSecond: median(variant, 'requestsPerCpuSecond'),
      },
    ]),
  );
}
