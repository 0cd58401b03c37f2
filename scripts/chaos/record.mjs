import { closeSync, openSync, readFileSync, writeSync } from 'node:fs';

/** A file that several processes append to, one line for each entry. What was written survives `kill -9`. */
export class Record {
  #file;

  constructor(path) {
    this.#file = openSync(path, 'a');
  }

  add(entry) {
    writeSync(this.#file, `${JSON.stringify({ at: Date.now(), ...entry })}\n`);
  }

  close() {
    closeSync(this.#file);
  }
}

/** The entries of a file, in the order in which they were written. */
export function readRecord(path) {
  return readFileSync(path, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));
}
