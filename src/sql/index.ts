/**
 * Sessions and evaluations in PostgreSQL: a server, or PGlite in this process, through drizzle-orm.
 *
 * @example
 * ```ts
 * const database = drizzle(process.env.DATABASE_URL); // of 'drizzle-orm/node-postgres'
 * await migrate(database);
 * AgentOsModule.forRoot({
 *   sessionStore: new SqlSessionStore(database),
 *   evalStore: new SqlEvalStore(database),
 * });
 * ```
 *
 * @module nestjs-agentos/sql
 */
export { migrate, type SqlDatabase } from './sql.database.js';
export { SqlEvalStore } from './sql-eval.store.js';
export { SqlSessionStore } from './sql-session.store.js';
