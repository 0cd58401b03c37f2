import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { round } from './statistics.mjs';
import { isMet, processorTimeTargetsOf, targetOf } from './targets.mjs';

/** Ratios as they are kept: flat, and with what is needed to judge them. */
export function createReport({ ratios, subjects }) {
  const keys = Object.keys(ratios);
  const byKey = (valueOf) => Object.fromEntries(keys.map((key) => [key, valueOf(key)]));
  return {
    /** Medians of the rounds. */
    ratios: byKey((key) => round(ratios[key].median)),
    targets: byKey(targetOf),
    missed: keys.filter((key) => !isMet(targetOf(key), round(ratios[key].median))),
    /** The lowest and the highest round: how noisy the machine was. */
    ranges: byKey((key) => [round(ratios[key].low), round(ratios[key].high)]),
    subjects,
  };
}

export function printReport({ ratios, targets, missed, ranges, subjects }) {
  const rows = Object.entries(ratios).map(([key, median]) => {
    const { atLeast, atMost } = targets[key];
    const target = atLeast === undefined ? `<= ${atMost}` : `>= ${atLeast}`;
    const [low, high] = ranges[key];
    const result = missed.includes(key) ? 'MISSED' : 'met';
    return [key, { median, low, high, target, result }];
  });
  console.table(Object.fromEntries(rows));
  console.table(subjects);
}

/** Microseconds of processor time per request or run: the lower quartile of the readings, and where it should be. */
export function printProcessorTime(processorTime, node) {
  const subjects = {};
  const differences = {};
  const targets = processorTimeTargetsOf(node.version);
  for (const [place, measured] of Object.entries(processorTime)) {
    for (const [variant, { lowerQuartile, median, low }] of Object.entries(measured.subjects))
      subjects[`${place}: ${variant}`] = {
        µs: round(lowerQuartile),
        lowest: round(low),
        median: round(median),
        ...resultOf(targets[place]?.[variant], lowerQuartile),
      };
    for (const [key, micros] of Object.entries(measured.differences))
      differences[`${place}: ${key}`] = { µs: round(micros), ...resultOf(targets[place]?.[key], micros) };
    if (measured.subjects.bareNest === undefined) continue;
    const { os0, bareNest } = measured.subjects;
    const core = processorTime['in process'].subjects.os0.lowerQuartile;
    const layer = os0.lowerQuartile - bareNest.lowerQuartile - core;
    const key = 'os0 - bareNest - in process';
    differences[`${place}: ${key}`] = { µs: round(layer), ...resultOf(targets[place]?.[key], layer) };
  }
  console.log(`Processor time of the process per request, in microseconds, Node ${node.version}`);
  console.table(subjects);
  console.table(differences);
}

function resultOf(atMost, micros) {
  if (atMost === undefined) return {};
  return { target: `<= ${atMost}`, result: micros <= atMost ? 'met' : `missed by ${round(micros - atMost)}` };
}

/** Writes what was measured where the charts and tables of README.md are made from it. */
export function writeResults(name, results) {
  const folder = join(import.meta.dirname, 'results');
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, `${name}.json`), `${JSON.stringify(results, null, 2)}\n`);
}
