import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

import { Redis } from 'ioredis';
import { Pool } from 'pg';

import { startPostgres } from '../soak/postgres.mjs';

/** A Redis server with an append-only file that can be restarted and whose connections can be cut. */
export async function startRedisStore() {
  if (spawnSync('redis-server', ['--version']).status !== 0) return undefined;
  const folder = mkdtempSync(join(tmpdir(), 'agent-os-chaos-redis-'));
  const port = await freePort();
  const url = `redis://127.0.0.1:${port}`;
  const program = () =>
    spawn(
      'redis-server',
      `--port ${port} --bind 127.0.0.1 --dir ${folder} --appendonly yes --maxmemory-policy noeviction`.split(
        ' ',
      ),
      { stdio: 'ignore' },
    );
  const admin = new Redis(url, { maxRetriesPerRequest: null, retryStrategy: () => 50 });
  admin.on('error', () => undefined);
  let server = program();
  await admin.ping();
  return {
    kind: 'redis',
    url,
    async restart() {
      const ended = once(server, 'exit');
      server.kill('SIGTERM');
      await ended;
      await pause(300);
      server = program();
      await admin.ping();
    },
    cut: () => admin.client('KILL', 'TYPE', 'normal', 'SKIPME', 'yes'),
    async stop() {
      admin.disconnect();
      const ended = once(server, 'exit');
      server.kill('SIGKILL');
      await ended;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** The same with PostgreSQL. */
export async function startPostgresStore() {
  const server = await startPostgres();
  if (!server) return undefined;
  const pool = new Pool({ connectionString: server.url, max: 1 });
  pool.on('error', () => undefined);
  return {
    kind: 'postgres',
    url: server.url,
    async restart() {
      server.restart();
      await Promise.resolve();
    },
    async cut() {
      await pool
        .query('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()')
        .catch(() => undefined);
    },
    async stop() {
      await pool.end();
      server.stop();
    },
  };
}

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}
