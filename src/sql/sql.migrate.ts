import { sql, type SQL } from 'drizzle-orm';

import { SqlAccess } from './sql.access.js';
import type { SqlDatabase } from './sql.database.js';
import { SCHEMA, type SchemaPart } from './sql.migrations.js';
import { SqlStoreError } from './sql-store.error.js';

/** One number for all who migrate: it need only differ from other locks of the application. */
const MIGRATION_LOCK = 7_777_001;

/**
 * Creates the tables that are missing, and adds the columns and indexes that those of an earlier version lack. Call it
 * at every start; several processes may do so at once. If nothing is missing it only reads, so the role needs no right
 * to create.
 *
 * @throws SqlStoreError if the database cannot be reached, or something is missing that the role may not create
 */
export async function migrate(database: SqlDatabase): Promise<void> {
  const access = new SqlAccess(database);
  const missing = await access.run(missingParts);
  if (missing.length === 0) return;
  try {
    await access.transaction(async (transaction) => {
      await transaction.execute(sql`SELECT pg_advisory_xact_lock(${MIGRATION_LOCK})`);
      // Another process may have created them while this one waited for the lock.
      for (const { statement } of await missingParts(transaction)) await transaction.execute(statement);
    });
  } catch (thrown) {
    throw withAdvice(SqlStoreError.of(thrown), missing);
  }
}

async function missingParts(database: SqlDatabase): Promise<readonly SchemaPart[]> {
  const names = [...new Set(SCHEMA.map(({ table }) => table))];
  const rows = await database
    .select({ table: sql<string>`wanted.name`, part: sql<string>`found.part` })
    .from(partsOf(names));
  const known = new Set(rows.flatMap(({ table, part }) => [table, `${table}.${part}`]));
  return SCHEMA.filter(({ table, part }) => !known.has(part === undefined ? table : `${table}.${part}`));
}

/** The columns and indexes of those tables that the role's search path leads to. */
function partsOf(names: readonly string[]): SQL {
  const list = sql.join(
    names.map((name) => sql`(${name}::text)`),
    sql`, `,
  );
  return sql`(VALUES ${list}) AS wanted (name)
    JOIN LATERAL (
      SELECT attname AS part FROM pg_attribute
      WHERE attrelid = to_regclass(wanted.name) AND attnum > 0 AND NOT attisdropped
      UNION ALL
      SELECT pg_class.relname FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid
      WHERE indrelid = to_regclass(wanted.name)
    ) AS found ON true`;
}

/** SQLSTATE of a right that the role does not have, as table owner or at all. */
const INSUFFICIENT_PRIVILEGE = '42501';

function withAdvice(error: SqlStoreError, missing: readonly SchemaPart[]): SqlStoreError {
  const { message, cause, code } = error;
  if (code !== INSUFFICIENT_PRIVILEGE) return error;
  const names = missing.map(({ table, part }) => (part === undefined ? table : `${table}.${part}`));
  return new SqlStoreError(
    `The database lacks ${names.join(', ')}, and the role may not create what is missing (${message}). ` +
      'Call migrate() once with a role that owns these tables or may create them.',
    cause,
    code,
  );
}
