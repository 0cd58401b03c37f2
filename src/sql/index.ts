/**
 * Sessions and evaluations in PostgreSQL: a server, or PGlite in this process, through drizzle-orm.
 *
 * @example
 * ```ts
 * const pool = new Pool({ connectionString, connectionTimeoutMillis: 5_000, statement_timeout: 8_000, query_timeout: 9_000 });
 * const database = drizzle({ client: pool }); // of 'drizzle-orm/node-postgres'
 * await migrate(database);
 * AgentOsModule.forRoot({
 *   sessionStore: new SqlSessionStore(database),
 *   evalStore: new SqlEvalStore(database),
 * });
 * ```
 *
 * @module nestjs-agentos/sql
 */
export type { SqlDatabase } from './sql.database.js';
export { openFolder, type SqlFolder } from './sql.folder.js';
export { migrate } from './sql.migrate.js';
export { SqlEvalStore } from './sql-eval.store.js';
export { SqlSessionStore } from './sql-session.store.js';
export { SqlStoreError } from './sql-store.error.js';
