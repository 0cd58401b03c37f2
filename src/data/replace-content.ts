import { assignOwn } from './assign-own.js';
import { copyToKeep } from './lenient-copy.js';

/** Writes a copy of `source` into a record to which other code holds references. */
export function replaceContent(
  record: Record<string, unknown>,
  source: Readonly<Record<string, unknown>>,
): void {
  for (const key of Object.keys(record)) delete record[key];
  assignOwn(record, copyToKeep(source));
}
