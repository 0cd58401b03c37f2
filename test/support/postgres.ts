import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { chmod, mkdtemp, readdir, rm } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const DEBIAN_FOLDER = '/usr/lib/postgresql';

/** A PostgreSQL server of the test's own. */
export interface PostgresServer {
  readonly url: string;
  stop(): Promise<void>;
}

/** A server that the test may also restart. */
export interface OwnPostgresServer extends PostgresServer {
  /** Ends every connection, and takes new ones again when the callback has ended. */
  restart(meanwhile?: () => Promise<void>): Promise<void>;
}

/**
 * Starts the PostgreSQL server that is installed on this machine, on a free port, with a fresh folder. `DATABASE_URL`
 * names a running one instead.
 */
export async function startPostgres(): Promise<PostgresServer> {
  const given = process.env['DATABASE_URL'];
  return given === undefined ? startOwnPostgres() : { url: given, stop: () => Promise.resolve() };
}

/** Starts the server that is installed on this machine, whatever `DATABASE_URL` says. */
export async function startOwnPostgres(): Promise<OwnPostgresServer> {
  const binaries = await findBinaries();
  const folder = await mkdtemp(join(tmpdir(), 'agent-os-postgres-'));
  const port = await freePort();
  const asPostgres = process.getuid?.() === 0 ? ['runuser', '-u', 'postgres', '--'] : [];
  if (asPostgres.length > 0) await execute(['chown', 'postgres', folder]);
  await chmod(folder, 0o700);
  const data = join(folder, 'data');
  await execute([
    ...asPostgres,
    join(binaries, 'initdb'),
    '-D',
    data,
    '-A',
    'trust',
    '-U',
    'agent_os',
    '--no-sync',
  ]);
  const control = [...asPostgres, join(binaries, 'pg_ctl'), '-D', data, '-w'];
  const options = `-p ${port} -k ${folder} -c listen_addresses=127.0.0.1 -c fsync=off`;
  const start = ['-l', join(folder, 'log'), '-o', options];
  await execute([...control, ...start, 'start']);
  return {
    url: `postgres://agent_os@127.0.0.1:${port}/postgres`,
    restart: async (meanwhile) => {
      await execute([...control, '-m', 'fast', 'stop']);
      try {
        await meanwhile?.();
      } finally {
        await execute([...control, ...start, 'start']);
      }
    },
    stop: async () => {
      await execute([...control, '-m', 'fast', 'stop']);
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Where {@link isPostgresInstalled} is false. */
export const NEEDS_POSTGRES = 'install PostgreSQL, or set DATABASE_URL to the address of a server';

/** Whether {@link startPostgres} has something to start. */
export function isPostgresInstalled(): boolean {
  return process.env['DATABASE_URL'] !== undefined || existsSync(DEBIAN_FOLDER);
}

/** Whether {@link startOwnPostgres} has something to start. */
export function isOwnPostgresInstalled(): boolean {
  return existsSync(DEBIAN_FOLDER);
}

/** Debian keeps the server's programs out of the PATH, in a folder for each version. */
async function findBinaries(): Promise<string> {
  const versions = await readdir(DEBIAN_FOLDER).catch(() => []);
  const newest = versions.sort((one, other) => Number(other) - Number(one))[0];
  if (newest === undefined) {
    throw new Error(
      'No PostgreSQL server found. Install one (Debian: apt-get install postgresql) or set DATABASE_URL.',
    );
  }
  return join(DEBIAN_FOLDER, newest, 'bin');
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, 'close');
  return port;
}

/** Waits for the program alone: a server that it leaves behind keeps its output open. */
async function execute([command = '', ...rest]: readonly string[]): Promise<void> {
  const program = spawn(command, rest, { cwd: tmpdir(), stdio: 'ignore' });
  const [code] = (await once(program, 'exit')) as [number | null];
  if (code !== 0) throw new Error(`${[command, ...rest].join(' ')} ended with exit code ${String(code)}.`);
}
