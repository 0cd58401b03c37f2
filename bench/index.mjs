/** `npm run bench [-- --quick]`: measures the built library, prints a table and writes results/latest.json. */
import { execFileSync } from 'node:child_process';

import { ChildProcess } from './child-process.mjs';
import { measureDurable } from './durable.mjs';
import { measureLatency } from './latency.mjs';
import { machineFacts } from './machine.mjs';
import { createReport, printReport, writeReport } from './report.mjs';
import { measureThroughput } from './throughput.mjs';

const KB = 1_024;
const PLAN = { rounds: 15, warmUpRequests: 20_000, seconds: 1, heapRuns: 2_000, durableRuns: 200 };
/** Under a minute on two cores; what is measured is not yet fully compiled. */
const QUICK_PLAN = { rounds: 4, warmUpRequests: 2_000, seconds: 0.2, heapRuns: 480, durableRuns: 40 };

const quick = process.argv.includes('--quick');
const plan = quick ? QUICK_PLAN : PLAN;
const machine = machineFacts();
const ratios = {};
const subjects = {};

execFileSync('npm', ['run', 'build', '--silent'], { stdio: 'inherit' });
await throughput();
await latency();
await snapshot();
await heap();
await durable();
const tookSeconds = Math.round(performance.now() / 1_000);
const report = createReport({ quick, tookSeconds, machine, ratios, subjects });
printReport(report);
writeReport(report);

async function throughput() {
  for (const [adapterPrefix, adapter] of [
    ['', 'express'],
    ['fastify:', 'fastify'],
  ]) {
    for (const [sizePrefix, size] of [
      ['', KB],
      ['10KB:', 10 * KB],
    ]) {
      const prefix = adapterPrefix + sizePrefix;
      const measured = await withLoad((load) => measureThroughput(load, { adapter, size, ...plan }));
      addPrefixed(ratios, prefix, measured.ratios);
      addPrefixed(subjects, prefix, measured.subjects);
    }
  }
}

async function latency() {
  ratios.addedP50Micros = await withLoad((load) =>
    measureLatency(load, { adapter: 'express', size: KB, ...plan }),
  );
}

async function snapshot() {
  const sizes = [
    ['', KB],
    ['10KB:', 10 * KB],
    ['100KB:', 100 * KB],
    ['1MB:', KB * KB],
  ];
  for (const [prefix, size] of sizes) {
    ratios[`${prefix}snapshot/structuredClone`] = await resultOf('snapshot.mjs', [size, plan.rounds]);
  }
}

async function heap() {
  ratios.heapPerPendingRun = await resultOf('heap.mjs', [10 * KB, plan.heapRuns], ['--expose-gc']);
}

async function durable() {
  const measured = await measureDurable(plan);
  Object.assign(ratios, measured.ratios);
  Object.assign(subjects, measured.subjects);
}

async function withLoad(measure) {
  const load = await ChildProcess.start('load/main.mjs');
  const result = await measure(load);
  await load.stop();
  return result;
}

/** Runs a process whose greeting is its result. */
async function resultOf(script, scriptArguments, nodeOptions = []) {
  const child = await ChildProcess.start(script, {
    scriptArguments: scriptArguments.map(String),
    nodeOptions,
  });
  await child.stop();
  return child.greeting;
}

function addPrefixed(target, prefix, values) {
  for (const [key, value] of Object.entries(values)) target[prefix + key] = value;
}
