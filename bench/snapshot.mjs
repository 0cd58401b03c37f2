/** A process that compares the library's copier with structuredClone on a run output, sends the result and ends. */
import { copyPlainData } from '../dist/src/data/copy-plain-data.js';
import { createEngineOutput, runOutputOf } from './run-output.mjs';
import { summarize } from './statistics.mjs';

/** How much is copied in a round, by each. */
const ROUND_BYTES = 20_000_000;

const [size, rounds] = process.argv.slice(2).map(Number);
process.send(compare(runOutputOf(createEngineOutput(size))));
process.on('disconnect', () => process.exit());

/** How much of structuredClone's time the copier takes. The first round warms up. */
function compare(output) {
  const repetitions = Math.ceil(ROUND_BYTES / size);
  const shares = [];
  for (let round = 0; round <= rounds; round++) {
    const copier = timeOf(() => copyPlainData(output, 'runOutput'), repetitions);
    const clone = timeOf(() => structuredClone(output), repetitions);
    shares.push(copier / clone);
  }
  return summarize(shares.slice(1));
}

/** CPU time: other processes on the machine do not count. */
function timeOf(copy, repetitions) {
  const before = process.cpuUsage();
  for (let repetition = 0; repetition < repetitions; repetition++) copy();
  const { user, system } = process.cpuUsage(before);
  return user + system;
}
