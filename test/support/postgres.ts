import { Client } from 'pg';

import { isOwnPostgresInstalled } from './postgres.server.js';

/** An empty database on a PostgreSQL server. */
export interface PostgresDatabase {
  readonly url: string;
  /** Drops it. */
  drop(): Promise<void>;
}

/** Where {@link isPostgresInstalled} is false. */
export const NEEDS_POSTGRES = 'install PostgreSQL, or set DATABASE_URL to the address of a server';

/** Whether {@link createDatabase} has a server. */
export function isPostgresInstalled(): boolean {
  return process.env['DATABASE_URL'] !== undefined || isOwnPostgresInstalled();
}

let databases = 0;

/** Creates a database on the server of `DATABASE_URL`, which `npm run test:servers` starts if there is none. */
export async function createDatabase(): Promise<PostgresDatabase> {
  const name = `test_${process.pid}_${Date.now()}_${databases++}`;
  await execute(`CREATE DATABASE ${name}`);
  const url = new URL(serverUrl());
  url.pathname = name;
  // Connections of processes that were killed may still be open.
  return { url: url.href, drop: () => execute(`DROP DATABASE ${name} WITH (FORCE)`) };
}

async function execute(statement: string): Promise<void> {
  const client = new Client({ connectionString: serverUrl() });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}

function serverUrl(): string {
  const url = process.env['DATABASE_URL'];
  if (url === undefined)
    throw new Error('No PostgreSQL server found. Run the spec with npm run test:servers.');
  return url;
}
