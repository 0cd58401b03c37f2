import { ChildProcess } from './child-process.mjs';
import { startPostgresStore, startRedisStore } from '../scripts/chaos/stores.mjs';
import { summarize } from './statistics.mjs';

const SIZE = 10 * 1_024;
const CONCURRENCY = 16;
/** The number of calls of a subject before it is the turn of the next one. */
const TURN = 10;
let queues = 0;

/**
 * Durable hooks on each store that is installed: what they add to a run, beside one `queue.add` of the same bytes; runs per
 * second, beside the same flow added by hand; hooks per second by the number of workers.
 */
export async function measureDurable(plan) {
  const ratios = {};
  const subjects = {};
  const stores = [{ kind: 'folder' }, await startRedisStore(), await startPostgresStore()];
  try {
    for (const store of stores) {
      if (!store) continue;
      const { kind } = store;
      const { added, processorTime } = await measureAdded(store, plan);
      ratios[`${kind}:added10/queueAdd`] = added;
      subjects[`${kind}: processor time of added10/queueAdd`] = { multiple: processorTime };
      ratios[`${kind}:os3/flowByHand3`] = await measureRuns(store, plan);
      if (kind === 'folder') continue;
      const hooksPerSecond = {};
      for (const workers of [1, 2, 4])
        hooksPerSecond[`${workers} workers`] = Math.round(await measureWorkers(store, workers, plan));
      subjects[`${kind}: hooks per second`] = hooksPerSecond;
    }
  } finally {
    for (const store of stores) await store?.stop?.();
  }
  return { ratios, subjects };
}

/**
 * What ten hooks add to a run at p50, as a multiple of one `queue.add`. Workers are elsewhere, as in production. The three
 * take turns every few calls, so that what else the machine does meets all of them.
 */
async function measureAdded(store, { rounds, durableRuns: runs }) {
  const role = store.kind === 'folder' ? 'both' : 'server';
  const children = {
    without: await start(store, { subject: 'agentOs', hookCount: 0, role }),
    withHooks: await start(store, { subject: 'agentOs', hookCount: 10, role }),
    add: await start(store, { subject: 'byHand', hookCount: 1 }),
  };
  const ratios = [];
  const micros = { without: [], withHooks: [], add: [] };
  for (let round = 0; round < rounds; round++) {
    const times = { without: [], withHooks: [], add: [] };
    for (let left = runs; left > 0; left -= TURN)
      for (const [name, child] of Object.entries(children)) {
        const measured = await ask(child, { measure: name === 'add' ? 'add' : 'latency', runs: TURN });
        times[name].push(...measured.times);
        micros[name].push(measured.processorMicros);
      }
    const median = (name) => summarize(times[name]).median;
    ratios.push((median('withHooks') - median('without')) / median('add'));
  }
  for (const child of Object.values(children)) await child.stop();
  const median = (name) => summarize(micros[name]).median;
  return {
    added: summarize(ratios),
    processorTime: Math.round(((median('withHooks') - median('without')) / median('add')) * 100) / 100,
  };
}

/** Runs per second until their hooks have ended, and what that is of the same flow by hand, in the same moment. */
async function measureRuns(store, { rounds, durableRuns: runs }) {
  const ours = await start(store, { subject: 'agentOs', hookCount: 3 });
  const byHand = await start(store, { subject: 'byHand', hookCount: 3 });
  const ratios = [];
  for (let round = 0; round < rounds; round++) {
    const rate = await ask(ours, { measure: 'throughput', runs });
    ratios.push(rate / (await ask(byHand, { measure: 'throughput', runs })));
  }
  for (const child of [ours, byHand]) await child.stop();
  return summarize(ratios);
}

async function measureWorkers(store, count, { durableRuns: runs }) {
  const queue = nextQueue();
  const server = await start(store, { subject: 'agentOs', hookCount: 3, role: 'server', queue });
  await ask(server, { measure: 'fill', runs: 3 * runs });
  const workers = await Promise.all(
    Array.from({ length: count }, () =>
      start(store, { subject: 'agentOs', hookCount: 3, role: 'worker', queue }),
    ),
  );
  let rate = null;
  while (rate === null) {
    rate = await ask(server, { measure: 'rate' });
    if (rate === null) await new Promise((resolve) => setTimeout(resolve, 200));
  }
  for (const child of [...workers, server]) await child.stop();
  return rate;
}

function start({ kind, url }, subject) {
  const parameter = {
    queue: nextQueue(),
    store: { kind, url },
    size: SIZE,
    concurrency: CONCURRENCY,
    ...subject,
  };
  return ChildProcess.start('durable/subject.mjs', { scriptArguments: [JSON.stringify(parameter)] });
}

async function ask(child, message) {
  return (await child.ask(message)).result;
}

function nextQueue() {
  queues += 1;
  return `bench-${process.pid}-${queues}`;
}
