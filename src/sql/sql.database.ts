import type { PgDatabase, PgQueryResultHKT } from 'drizzle-orm/pg-core';

/** A PostgreSQL database, as `drizzle()` of `drizzle-orm/node-postgres` or `drizzle-orm/pglite` returns it. */
export type SqlDatabase = PgDatabase<PgQueryResultHKT, Record<string, unknown>>;
