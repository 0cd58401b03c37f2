/**
 * `npm run chaos [-- --short] [--seed=1] [--only=redis]`: processes and stores of durable hooks are killed, stopped and
 * restarted under load; afterwards the record of the hooks is compared with the stored ledger. Exits with 1 on a violation.
 * The seed decides which fault comes when, not how the processes are scheduled.
 */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { PLAN, SHORT_PLAN } from './plan.mjs';
import { runCluster, runFolder } from './pass.mjs';
import { Random } from './random.mjs';
import { startPostgresStore, startRedisStore } from './stores.mjs';

const option = (name) => process.argv.find((part) => part.startsWith(`--${name}=`))?.split('=')[1];
const plan = process.argv.includes('--short') ? SHORT_PLAN : PLAN;
const seed = Number(option('seed') ?? Math.floor(Math.random() * 1_000_000));
const only = option('only')?.split(',');
const random = new Random(seed);
console.log(`Seed ${seed}: npm run chaos -- --seed=${seed} repeats the same faults.`);
if (!process.argv.includes('--no-build'))
  execFileSync('npm', ['run', 'build', '--silent'], { stdio: 'inherit' });

const rows = {};
let violations = 0;
for (const [kind, startStore] of Object.entries({ redis: startRedisStore, postgres: startPostgresStore })) {
  if (only && !only.includes(kind)) continue;
  const store = await startStore();
  if (!store) {
    if (process.env.CI) violations += 1;
    console.log(
      `No server for ${kind} is installed: it is left out${process.env.CI ? ', which CI forbids' : ''}.`,
    );
    continue;
  }
  try {
    report(`${kind}, fail`, await runCluster(store, { ...plan, random, onUnavailable: 'fail' }));
    if (plan.defaultPass.includes(kind))
      report(`${kind}, default`, await runCluster(store, { ...plan, random, onUnavailable: 'in-process' }));
  } finally {
    await store.stop();
  }
}
if (!only || only.includes('folder')) report('folder', await runFolder({ ...plan, random }));
console.table(rows);
console.log(violations === 0 ? 'No violation.' : `${violations} violations (seed ${seed}).`);
process.exitCode = violations === 0 ? 0 : 1;

function report(name, { counts, faults, violations: found, folder, log }) {
  rows[name] = { ...counts, violations: found.length, faults: JSON.stringify(faults) };
  console.log(`${name}: ${JSON.stringify(rows[name])}`);
  violations += found.length;
  for (const violation of found.slice(0, 20)) console.log(`VIOLATION ${name}: ${violation}`);
  if (folder === undefined) return;
  writeFileSync(join(folder, 'log'), log);
  console.log(`Record and log of the processes are in ${folder}.`);
}
