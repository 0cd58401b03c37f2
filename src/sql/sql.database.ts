import { sql } from 'drizzle-orm';
import type { PgDatabase, PgQueryResultHKT } from 'drizzle-orm/pg-core';

import { MIGRATIONS } from './sql.migrations.js';

/** A PostgreSQL database, as `drizzle()` of `drizzle-orm/node-postgres` or `drizzle-orm/pglite` returns it. */
export type SqlDatabase = PgDatabase<PgQueryResultHKT, Record<string, unknown>>;

/** One number for all who migrate: it need only differ from other locks of the application. */
const MIGRATION_LOCK = 7_777_001;

/** Creates the tables that are missing, and what older ones lack. Several processes may do so at once. */
export async function migrate(database: SqlDatabase): Promise<void> {
  await database.transaction(async (transaction) => {
    await transaction.execute(sql`SELECT pg_advisory_xact_lock(${MIGRATION_LOCK})`);
    for (const statement of MIGRATIONS) await transaction.execute(statement);
  });
}
