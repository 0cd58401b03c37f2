/**
 * `npm run bench [-- --quick] [--node 24]`: measures the built library, on another Node if one is named, prints tables
 * and writes results/latest.json. With `--processor-time` or `--durable` only that part is measured, and nothing
 * is written. `--peers` measures AgentOS beside agno, Mastra and Nest by hand, and writes results/peers.json.
 */
import { execFileSync } from 'node:child_process';

import { ChildProcess } from './child-process.mjs';
import { measureDurable } from './durable.mjs';
import { measureLatency } from './latency.mjs';
import { machineFacts } from './machine.mjs';
import { findNode } from './node.mjs';
import { isEveryScenario, measurePeers } from './peers/index.mjs';
import { printPeers } from './peers/print.mjs';
import { measureInProcess, measureProcessorTime } from './processor-time.mjs';
import { createReport, printProcessorTime, printReport, writeResults } from './report.mjs';
import { measureThroughput } from './throughput.mjs';

const KB = 1_024;
const PLAN = {
  readings: 60,
  requests: 1_600,
  rounds: 15,
  warmUpRequests: 20_000,
  seconds: 1,
  heapRuns: 2_000,
  durableRuns: 200,
};
/** For a look: single readings differ much. */
const QUICK_PLAN = {
  readings: 8,
  requests: 800,
  rounds: 4,
  warmUpRequests: 10_000,
  seconds: 0.2,
  heapRuns: 480,
  durableRuns: 40,
};

const programArguments = process.argv.slice(2);
const quick = programArguments.includes('--quick');
const isOnly = (part) => programArguments.includes(`--${part}`);
const isWhole = !isOnly('processor-time') && !isOnly('durable');
const node = findNode(programArguments);
const plan = { ...(quick ? QUICK_PLAN : PLAN), node: node.path };
const machine = machineFacts(node);
const ratios = {};
const subjects = {};

execFileSync('npm', ['run', 'build', '--silent'], { stdio: 'inherit' });
if (isOnly('durable')) await measureDurableOnly();
else if (isOnly('peers')) await measurePeersOnly();
else {
  const processorTime = await measureAllProcessorTime();
  printProcessorTime(processorTime, node);
  if (isWhole) await measureOthers(processorTime);
}

async function measureDurableOnly() {
  await durable();
  printReport(createReport({ ratios, subjects }));
}

/** All subjects are measured here, those of AgentOS too, so that the machine is the same for all. */
async function measurePeersOnly() {
  const { installed, ...measured } = await measurePeers({ quick, programArguments });
  printPeers(measured);
  if (!isEveryScenario(programArguments)) return;
  const packages = { ...machine.packages, ...installed.versions };
  const where = { ...machine, node: installed.node.version, packages };
  writeResults('peers', { ...whenAndWhere(where), ...measured });
}

/** What all results begin with. */
function whenAndWhere(where) {
  const tookSeconds = Math.round(performance.now() / 1_000);
  return { measuredAt: new Date().toISOString(), quick, tookSeconds, machine: where };
}

async function measureAllProcessorTime() {
  const measured = {};
  for (const adapter of ['express', 'fastify'])
    measured[adapter] = await withLoad((load) => measureProcessorTime(load, { adapter, size: KB, ...plan }));
  measured['in process'] = await measureInProcess({ size: KB, ...plan });
  return measured;
}

async function measureOthers(processorTime) {
  await throughput();
  await latency();
  await snapshot();
  await heap();
  await durable();
  const report = { ...whenAndWhere(machine), processorTime, ...createReport({ ratios, subjects }) };
  printReport(report);
  writeResults('latest', report);
}

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
    program: node.path,
  });
  await child.stop();
  return child.greeting;
}

function addPrefixed(target, prefix, values) {
  for (const [key, value] of Object.entries(values)) target[prefix + key] = value;
}
