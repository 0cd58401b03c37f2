/**
 * `npm run chaos [-- --short] [--seed=1] [--only=redis] [--no-build]`: processes and stores of durable hooks are killed, stopped and
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
console.log(`Seed ${seed}: npm run chaos -- --seed=${seed} repeats the same faults.`);
if (!process.argv.includes('--no-build'))
  execFileSync('npm', ['run', 'build', '--silent'], { stdio: 'inherit' });

const START = { redis: startRedisStore, postgres: startPostgresStore };
const rows = {};
const faults = {};
let violations = 0;
const waiting = plan.passes.filter((name) => !only || only.some((kind) => name.startsWith(kind)));
const work = async () => {
  for (let name = waiting.shift(); name !== undefined; name = waiting.shift()) {
    try {
      await runPass(name);
    } catch (thrown) {
      violations += 1;
      console.log(`VIOLATION ${name}: the pass has failed: ${thrown.stack}`);
    }
  }
};
await Promise.all(Array.from({ length: plan.beside }, work));
console.table(rows);
console.table(faults);
console.log(violations === 0 ? 'No violation.' : `${violations} violations (seed ${seed}).`);
// A pass that has failed leaves clients and processes behind.
process.exit(violations === 0 ? 0 : 1);

async function runPass(name) {
  const [kind, mode] = name.split(', ');
  const settings = { ...plan, random: new Random(seed + PLAN.passes.indexOf(name) * 1_000_003) };
  if (kind === 'folder') return report(name, await runFolder(settings));
  const store = await START[kind]();
  if (!store) {
    if (process.env.CI) violations += 1;
    const consequence = process.env.CI ? ', which CI forbids' : '';
    console.log(`No server for ${kind} is installed: "${name}" is left out${consequence}.`);
    return;
  }
  try {
    const onUnavailable = mode === 'fail' ? 'fail' : 'in-process';
    report(name, await runCluster(store, { ...settings, onUnavailable }));
  } finally {
    await store.stop();
  }
}

function report(name, { counts, faults: done, violations: found, folder, log }) {
  rows[name] = { ...counts, violations: found.length };
  faults[name] = done;
  console.log(`${name}: ${JSON.stringify({ ...rows[name], faults: done })}`);
  violations += found.length;
  for (const violation of found.slice(0, 20)) console.log(`VIOLATION ${name}: ${violation}`);
  if (folder === undefined) return;
  writeFileSync(join(folder, 'log'), log);
  console.log(`Record and log of the processes are in ${folder}.`);
}
