import { warmUp } from './requests.mjs';
import { startSubject, SUBJECTS } from './subjects.mjs';

const HOOKS_PER_RUN = 10;
/** What a server needs once, before what a backlog takes is measured. */
const RUNS_BEFORE = 100;

/**
 * What hooks that wait cost: the memory of each, and the 99th percentile of other requests beside that of a second server of
 * the subject, without a backlog, at the same rate and in turns with it.
 */
export async function measureBacklog(point, hooks, { plan, installed }) {
  const idle = new Map();
  await point.each(async (server) => {
    const subject = SUBJECTS.find(({ variant }) => variant === server.variant);
    const other = await startSubject(subject, server.configuration, installed);
    idle.set(server.variant, other);
    const requestsPerSecond = await warmUp(point, other, 'plain', plan);
    point.keep(server.variant, { requestsPerSecond: single(requestsPerSecond) });
    await warmUp(point, server, 'plain', plan);
    await hold(point, server, RUNS_BEFORE);
    const before = await server.process.ask('state');
    await hold(point, server, hooks / HOOKS_PER_RUN);
    point.keep(server.variant, memoryPerHook(before, await server.process.ask('state'), hooks));
  });
  const requestsPerSecond = point.lowest('requestsPerSecond') / 2;
  await point.read(plan.rounds, async (server) => {
    const pace = { load: 'pace', seconds: plan.openSeconds, requestsPerSecond };
    const without = await point.load(idle.get(server.variant), 'plain', pace);
    const withBacklog = await point.load(server, 'plain', pace);
    return {
      idleP99Millis: without.p99Micros / 1_000,
      p99Millis: withBacklog.p99Micros / 1_000,
      p99Ratio: withBacklog.p99Micros / without.p99Micros,
    };
  });
  await Promise.all([...idle.values()].map(({ process }) => process.stop()));
  return { openRequestsPerSecond: requestsPerSecond };
}

function hold(point, server, requests) {
  return point.load(server, 'run', { load: 'send', urls: [server.requests.run.url], requests });
}

function memoryPerHook(before, after, hooks) {
  const perHook = (name) => single((after[name] - before[name]) / hooks);
  return {
    residentBytesPerHook: perHook('residentBytes'),
    ...(after.heapBytes === undefined ? {} : { heapBytesPerHook: perHook('heapBytes') }),
  };
}

/** A value that was measured once, as a summary. */
function single(value) {
  return { median: value, low: value, high: value };
}
