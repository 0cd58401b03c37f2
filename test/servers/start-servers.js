import { isOwnPostgresInstalled, startOwnPostgres } from '../support/postgres.server.js';

/** Before the first spec: starts the PostgreSQL server whose address all specs find in `DATABASE_URL`, if there is none. */
export default async function startServers() {
  process.env['TEST_ON_SERVERS'] = 'true';
  if (process.env['DATABASE_URL'] !== undefined || !isOwnPostgresInstalled()) return;
  const server = await startOwnPostgres();
  process.env['DATABASE_URL'] = server.url;
  globalThis.postgresOfTests = server;
}
