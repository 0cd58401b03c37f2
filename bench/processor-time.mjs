import { ChildProcess } from './child-process.mjs';
import { startServers, stopServers } from './servers.mjs';
import { summarize } from './statistics.mjs';
import { inTurns } from './turns.mjs';

const VARIANTS = ['bareNest', 'byHand10', 'os0', 'os10'];
const IN_PROCESS = ['direct0', 'os0', 'os10'];

/**
 * Microseconds of processor time that the server process of each variant takes for a request. On a shared machine this
 * is steady where throughput is not: other processes and a slow load generator do not count.
 */
export async function measureProcessorTime(
  load,
  { adapter, size, readings, warmUpRequests, requests, node },
) {
  const servers = await startServers(load, { variants: VARIANTS, adapter, size, warmUpRequests, node });
  const taken = await inTurns(servers, readings, async (server) => {
    const before = await server.process.ask('cpu');
    await load.ask({ load: 'send', urls: [server.url], requests });
    return microsBetween(before, await server.process.ask('cpu')) / requests;
  });
  await stopServers(servers);
  return withDifferences(taken, [
    ['os0', 'bareNest'],
    ['os10', 'os0'],
    ['os10', 'byHand10'],
  ]);
}

/** The same for runs without HTTP: an agent that is run directly, and `AgentOsService.run()`. */
export async function measureInProcess({ size, readings, warmUpRequests, requests, node }) {
  const subjects = await Promise.all(
    IN_PROCESS.map(async (variant) => {
      const scriptArguments = [variant, String(size), String(warmUpRequests)];
      const process = await ChildProcess.start('in-process.mjs', { scriptArguments, program: node });
      return { variant, process };
    }),
  );
  const taken = await inTurns(subjects, readings, ({ process }) => process.ask({ runs: requests }));
  await stopServers(subjects);
  return withDifferences(taken, [['os10', 'os0']]);
}

/** Differences are those of the lower quartiles: disturbances only ever add to a reading. */
function withDifferences(taken, pairs) {
  const subjects = Object.entries(taken).map(([variant, values]) => [variant, summarize(values)]);
  const quartiles = Object.fromEntries(
    subjects.map(([variant, { lowerQuartile }]) => [variant, lowerQuartile]),
  );
  const differences = pairs.map(([one, other]) => [`${one} - ${other}`, quartiles[one] - quartiles[other]]);
  return { subjects: Object.fromEntries(subjects), differences: Object.fromEntries(differences) };
}

function microsBetween(before, after) {
  return after.user - before.user + after.system - before.system;
}
