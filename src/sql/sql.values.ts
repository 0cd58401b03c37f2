import { sql, type AnyColumn, type SQL } from 'drizzle-orm';

/** The current time. `now()` is the start of the transaction, which may have waited for another one since. */
export const now = sql`clock_timestamp()`;

/** JSON as text, since drivers parse JSON in different ways. */
export function textOf<T extends string | null>(column: AnyColumn): SQL<T> {
  return sql<T>`${column}::text`;
}

/** A statement has at most 65,535 parameters; each row needs a few. */
const BATCH_SIZE = 5_000;

/** Splits items into batches for one statement each; no batch if there are no items. */
export function* inBatches<T>(items: readonly T[]): Iterable<T[]> {
  for (let start = 0; start < items.length; start += BATCH_SIZE) yield items.slice(start, start + BATCH_SIZE);
}
