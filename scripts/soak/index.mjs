/** `npm run soak [-- --short] [--no-build]`: load with faults and signals on the built library. Exits with 1 if a number is wrong. */
import { execFileSync, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

import { Load } from './load.mjs';
import { startPostgres } from './postgres.mjs';

const PLAN = { seconds: 30, rounds: 2, clients: 60 };
/** Less than two minutes on two cores, the build included. */
const SHORT_PLAN = { seconds: 6, rounds: 1, clients: 30 };
const MEGABYTE = 1024 * 1024;
/** `shutdownTimeout` of the server is two seconds; settling and reporting take their time, too. */
const LIMITS = { endSeconds: 8, heapMegabytes: 40, rssMegabytes: 250 };

const { seconds, rounds, clients } = process.argv.includes('--short') ? SHORT_PLAN : PLAN;
if (!process.argv.includes('--no-build'))
  execFileSync('npm', ['run', 'build', '--silent'], { stdio: 'inherit' });
const postgres = await startPostgres();
if (!postgres) console.log('No PostgreSQL server is installed: its restarts are left out.');
const rows = [];
try {
  for (let round = 0; round < rounds; round++) {
    for (const adapter of ['express', 'fastify']) {
      rows.push(await runServer(adapter, 'memory'));
      if (postgres) rows.push(await runServer(adapter, 'postgres'));
    }
  }
} finally {
  postgres?.stop();
}
console.table(rows);
const wrong = rows.flatMap((row) => problemsOf(row).map((problem) => `${row.server}: ${problem}`));
for (const problem of wrong) console.log(`WRONG ${problem}`);
process.exitCode = wrong.length > 0 ? 1 : 0;

/** One server: warm-up, load, then a signal under load. */
async function runServer(adapter, store) {
  const child = fork(join(import.meta.dirname, 'server.mjs'), [adapter, store, postgres?.url ?? ''], {
    execArgv: ['--expose-gc'],
  });
  const exited = once(child, 'exit');
  const next = async () => (await Promise.race([once(child, 'message'), exited.then(died)]))[0];
  const { port } = await next();
  const counts = [];

  await underLoad(port, seconds / 3, counts);
  child.send('drain');
  const before = await next();
  await underLoad(port, seconds, counts, store === 'postgres' ? () => postgres.restart() : undefined);
  child.send('drain');
  const after = await next();

  const load = new Load(port, clients);
  load.openBadConnections(12);
  await pause(500);
  load.markSignal();
  const signalledAt = performance.now();
  child.kill('SIGTERM');
  // Undefined if it does not end: then it is killed, and its hooks count as lost.
  const last = await Promise.race([next(), pause(30_000, undefined, { ref: false })]);
  if (!last) child.kill('SIGKILL');
  await exited;
  const endSeconds = (performance.now() - signalledAt) / 1_000;
  load.closeBadConnections();
  await load.stop();
  counts.push(load.counts);

  const reports = [before, after, last ?? { lost: 1 }];
  const sum = (list, name) => list.reduce((total, item) => total + (item[name] ?? 0), 0);
  return {
    server: `${adapter} ${store}`,
    asked: sum(counts, 'asked'),
    answered: sum(counts, 'answered'),
    left: sum(counts, 'left'),
    refused: sum(counts, 'refused'),
    cancelled: sum(counts, 'cancelled'),
    'answers lost': sum(counts, 'lost'),
    hooks: sum(reports, 'hooks'),
    'hooks lost': sum(reports, 'lost'),
    'hooks doubled': sum(reports, 'doubled'),
    unhandled: (last ?? after).unhandled,
    'heap growth (MB)': round((after.heapUsed - before.heapUsed) / MEGABYTE),
    'RSS growth (MB)': round((after.rss - before.rss) / MEGABYTE),
    'time to end (s)': round(endSeconds),
  };
}

async function underLoad(port, duration, counts, disturb) {
  const load = new Load(port, clients);
  load.openBadConnections(6);
  await pause(duration * 500);
  disturb?.();
  await pause(duration * 500);
  load.closeBadConnections();
  await load.stop();
  counts.push(load.counts);
}

function died([code, signal]) {
  throw new Error(`The server has ended by itself (${code ?? signal}).`);
}

function problemsOf(row) {
  const problems = ['answers lost', 'hooks lost', 'hooks doubled', 'unhandled'].filter(
    (name) => row[name] !== 0,
  );
  if (row.answered === 0 || row.hooks === 0) problems.push('nothing was asked');
  if (row['heap growth (MB)'] > LIMITS.heapMegabytes) problems.push('heap growth');
  if (row['RSS growth (MB)'] > LIMITS.rssMegabytes) problems.push('RSS growth');
  if (row['time to end (s)'] > LIMITS.endSeconds) problems.push('time to end');
  return problems;
}

function round(number) {
  return Math.round(number * 10) / 10;
}
