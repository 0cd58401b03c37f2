import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { chmod, mkdtemp, readdir, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const DEBIAN_FOLDER = '/usr/lib/postgresql';

/** Whether {@link startOwnPostgres} has something to start. */
export function isOwnPostgresInstalled() {
  return existsSync(DEBIAN_FOLDER);
}

/** Starts the PostgreSQL server that is installed on this machine, on a free port, with a fresh folder. */
export async function startOwnPostgres() {
  const binaries = await findBinaries();
  const folder = await mkdtemp(join(tmpdir(), 'agent-os-postgres-'));
  const port = await freePort();
  const asPostgres = process.getuid?.() === 0 ? ['runuser', '-u', 'postgres', '--'] : [];
  if (asPostgres.length > 0) await execute(['chown', 'postgres', folder]);
  await chmod(folder, 0o700);
  const data = join(folder, 'data');
  const settings = ['-A', 'trust', '-U', 'agent_os', '--no-sync'];
  await execute([...asPostgres, join(binaries, 'initdb'), '-D', data, ...settings]);
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

/** Debian keeps the server's programs out of the PATH, in a folder for each version. */
async function findBinaries() {
  const versions = await readdir(DEBIAN_FOLDER).catch(() => []);
  const newest = versions.sort((one, other) => Number(other) - Number(one))[0];
  if (newest === undefined) {
    throw new Error(
      'No PostgreSQL server found. Install one (Debian: apt-get install postgresql) or set DATABASE_URL.',
    );
  }
  return join(DEBIAN_FOLDER, newest, 'bin');
}

async function freePort() {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address();
  probe.close();
  await once(probe, 'close');
  return port;
}

/** Waits for the program alone: a server that it leaves behind keeps its output open. */
async function execute([command, ...rest]) {
  const program = spawn(command, rest, { cwd: tmpdir(), stdio: 'ignore' });
  const [code] = await once(program, 'exit');
  if (code !== 0) throw new Error(`${[command, ...rest].join(' ')} ended with exit code ${String(code)}.`);
}
