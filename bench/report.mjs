import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { isMet, targetOf } from './targets.mjs';

/** The result as it is kept: flat ratios, and what is needed to judge them. */
export function createReport({ quick, tookSeconds, machine, ratios, subjects }) {
  const keys = Object.keys(ratios);
  const byKey = (valueOf) => Object.fromEntries(keys.map((key) => [key, valueOf(key)]));
  return {
    measuredAt: new Date().toISOString(),
    quick,
    tookSeconds,
    machine,
    /** Medians of the rounds. */
    ratios: byKey((key) => round(ratios[key].median)),
    targets: byKey(targetOf),
    missed: keys.filter((key) => !isMet(targetOf(key), round(ratios[key].median))),
    /** The lowest and the highest round: how noisy the machine was. */
    ranges: byKey((key) => [round(ratios[key].low), round(ratios[key].high)]),
    /** Throughput per second of the server's CPU time: blind to other processes and to a slow load generator. */
    ratiosByCpuTime: Object.fromEntries(
      keys.filter((key) => ratios[key].byCpuTime).map((key) => [key, round(ratios[key].byCpuTime)]),
    ),
    subjects,
  };
}

export function printReport({ ratios, targets, missed, ranges, ratiosByCpuTime, subjects }) {
  const rows = Object.entries(ratios).map(([key, median]) => {
    const { atLeast, atMost } = targets[key];
    const target = atLeast === undefined ? `<= ${atMost}` : `>= ${atLeast}`;
    const [low, high] = ranges[key];
    const result = missed.includes(key) ? 'MISSED' : 'met';
    return [key, { median, low, high, 'by CPU time': ratiosByCpuTime[key] ?? '', target, result }];
  });
  console.table(Object.fromEntries(rows));
  console.table(subjects);
}

export function writeReport(report) {
  const folder = join(import.meta.dirname, 'results');
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'latest.json'), `${JSON.stringify(report, null, 2)}\n`);
}

function round(value) {
  return Number(value.toPrecision(3));
}
