import { ChildProcess } from './child-process.mjs';
import { startPostgresStore, startRedisStore } from '../scripts/chaos/stores.mjs';
import { summarize } from './statistics.mjs';

const SIZE = 10 * 1_024;
const CONCURRENCY = 16;
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
      ratios[`${kind}:added10/queueAdd`] = await measureAdded(store, plan);
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

/** What ten hooks add to a run at p50, as a multiple of one `queue.add`. Workers are elsewhere, as in production. */
async function measureAdded(store, { rounds, durableRuns: runs }) {
  const role = store.kind === 'folder' ? 'both' : 'server';
  const without = await start(store, { subject: 'agentOs', hookCount: 0, role });
  const withHooks = await start(store, { subject: 'agentOs', hookCount: 10, role });
  const byHand = await start(store, { subject: 'byHand', hookCount: 1 });
  const ratios = [];
  for (let round = 0; round < rounds; round++) {
    const before = await ask(without, { measure: 'latency', runs });
    const after = await ask(withHooks, { measure: 'latency', runs });
    ratios.push((after - before) / (await ask(byHand, { measure: 'add', runs })));
  }
  for (const child of [without, withHooks, byHand]) await child.stop();
  return summarize(ratios);
}

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
