import { sql, type AnyColumn, type SQL } from 'drizzle-orm';

/** The time of the statement: `now()` is when its transaction began, which may have waited for another one since. */
export const now = sql`clock_timestamp()`;

/** JSON as PostgreSQL writes it: drivers parse JSON, each in its own way. */
export function textOf<T extends string | null>(column: AnyColumn): SQL<T> {
  return sql<T>`${column}::text`;
}

/** A statement has 65,535 parameters at most; a row of ours needs a few. */
const BATCH_SIZE = 5_000;

/** What is too much for one statement, in pieces. Nothing makes no piece. */
export function* inBatches<T>(items: readonly T[]): Iterable<T[]> {
  for (let start = 0; start < items.length; start += BATCH_SIZE) yield items.slice(start, start + BATCH_SIZE);
}
