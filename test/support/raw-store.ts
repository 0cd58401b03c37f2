import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

import type { PGlite } from '@electric-sql/pglite';
import type { Redis } from 'ioredis';
import type { Pool } from 'pg';

import type { QueuePlace } from './queue-places.js';

/** Everything that a store of hooks holds, as text: all rows of all tables, or all keys with their values. */
export async function rawTextOf({ store }: QueuePlace): Promise<string> {
  if (store.connection !== undefined) return textOfRedis(store.connection as Redis);
  const { folder, pool } = store;
  const query = (statement: string): Promise<{ readonly rows: unknown[] }> =>
    pool === undefined
      ? (folder as unknown as { readonly database: { readonly $client: PGlite } }).database.$client.query(
          statement,
        )
      : (pool as unknown as Pool).query(statement);
  const rowsOf = async (statement: string): Promise<Readonly<Record<string, string>>[]> =>
    (await query(statement)).rows as Readonly<Record<string, string>>[];
  const tables = await rowsOf(
    `SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables
      WHERE schemaname NOT IN ('pg_catalog', 'information_schema')`,
  );
  const texts: string[] = [];
  for (const { name } of tables)
    texts.push(...(await rowsOf(`SELECT t::text AS row FROM ${name} t`)).map(({ row }) => `${name}: ${row}`));
  return texts.join('\n');
}

/** What Redis has written to its append-only file. */
export async function appendedTextOf({ store }: QueuePlace): Promise<string> {
  const [, folder] = (await (store.connection as Redis).config('GET', 'dir')) as [string, string];
  const path = join(folder, 'appendonlydir');
  const files = await readdir(path);
  return (await Promise.all(files.map((file) => readFile(join(path, file), 'latin1')))).join('\n');
}

async function textOfRedis(client: Redis): Promise<string> {
  const texts: string[] = [];
  for (const key of await client.keys('*')) {
    const type = await client.type(key);
    const value: unknown =
      type === 'hash'
        ? await client.hgetall(key)
        : type === 'list'
          ? await client.lrange(key, 0, -1)
          : type === 'set'
            ? await client.smembers(key)
            : type === 'zset'
              ? await client.zrange(key, '0', '-1')
              : type === 'stream'
                ? await client.xrange(key, '-', '+')
                : await client.get(key);
    texts.push(`${key}: ${JSON.stringify(value)}`);
  }
  return texts.join('\n');
}
