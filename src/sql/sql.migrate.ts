import { sql } from 'drizzle-orm';

import { SqlAccess } from './sql.access.js';
import type { SqlDatabase } from './sql.database.js';
import { MIGRATIONS, VERSION_TABLE } from './sql.migrations.js';
import { schemaTable } from './sql.schema.js';
import { SqlStoreError } from './sql-store.error.js';

/** The advisory lock of all migrations; it must only differ from other locks of the application. */
const MIGRATION_LOCK = 7_777_001;

/** The version that this package works with. */
const NEEDED = MIGRATIONS.length;

/**
 * Creates the tables, or upgrades those of an earlier version; the table `agent_os_schema` holds the version of a
 * database. Call it at every start; several processes may do so at once. If the tables are up to date it only reads,
 * so the role needs no right to create.
 *
 * @throws SqlStoreError if the database cannot be reached, the role may not create missing tables, or the tables are
 *   of a later version of this package; then nothing is changed
 */
export async function migrate(database: SqlDatabase): Promise<void> {
  const access = new SqlAccess(database);
  try {
    if ((await access.run(versionOf)) === NEEDED) return;
    await access.transaction(
      async (transaction) => {
        await transaction.execute(sql`SELECT pg_advisory_xact_lock(${MIGRATION_LOCK})`);
        // Another process may have migrated while this one waited for the lock.
        await applyMissing(transaction, await versionOf(transaction));
      },
      { isolationLevel: 'read committed' },
    );
  } catch (thrown) {
    throw withAdvice(SqlStoreError.of(thrown));
  }
}

/** @returns 0 if there are no tables yet */
async function versionOf(database: SqlDatabase): Promise<number> {
  // Read from the catalog: the result of to_regclass() may be older than the lock that this waited for.
  const [table] = await database
    .select({ isThere: sql<boolean>`pg_table_is_visible(oid)` })
    .from(sql`pg_class`)
    .where(sql`relname = ${VERSION_TABLE} AND pg_table_is_visible(oid)`);
  if (!table) return 0;
  const [found] = await database
    .select({ version: sql<number>`coalesce(max(${schemaTable.version}), 0)` })
    .from(schemaTable);
  const version = found?.version ?? 0;
  if (version > NEEDED)
    throw new SqlStoreError(
      `The tables of the database have version ${version}, but this version of nestjs-agentos supports them up to ` +
        `version ${NEEDED}. Update nestjs-agentos, or use another database or schema.`,
      undefined,
    );
  return version;
}

async function applyMissing(database: SqlDatabase, version: number): Promise<void> {
  for (const [index, migration] of MIGRATIONS.slice(version).entries()) {
    for (const statement of migration) await database.execute(sql.raw(statement));
    await database.insert(schemaTable).values({ version: version + index + 1 });
  }
}

/** Remedies by SQLSTATE. */
const ADVICE: Readonly<Record<string, string>> = {
  // insufficient_privilege
  42501:
    `The database role may not read ${VERSION_TABLE}, or may not create missing tables. ` +
    'Call migrate() once with a role that may create tables, and grant this role access to them.',
  // duplicate_table
  '42P07':
    `The database has such a table, but no ${VERSION_TABLE} with its version, so it was not created by a released version of ` +
    'nestjs-agentos. Drop the tables whose names begin with agent_os_, or use another database or schema.',
};

function withAdvice(error: SqlStoreError): SqlStoreError {
  const { message, cause, code = '' } = error;
  const advice = ADVICE[code];
  if (advice === undefined) return error;
  return new SqlStoreError(`The tables could not be created (${message}). ${advice}`, cause, code);
}
