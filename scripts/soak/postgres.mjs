import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const DEBIAN_FOLDER = '/usr/lib/postgresql';

/** A PostgreSQL server of the soak's own that can be restarted; undefined if none is installed. */
export async function startPostgres() {
  if (!existsSync(DEBIAN_FOLDER)) return undefined;
  const [version] = readdirSync(DEBIAN_FOLDER).sort((one, other) => Number(other) - Number(one));
  const binaries = join(DEBIAN_FOLDER, version, 'bin');
  const folder = mkdtempSync(join(tmpdir(), 'agent-os-soak-'));
  const port = await freePort();
  const isRoot = process.getuid?.() === 0;
  const run = (program, ...args) => {
    const command = [join(binaries, program), ...args];
    const [file, ...rest] = isRoot ? ['runuser', '-u', 'postgres', '--', ...command] : command;
    execFileSync(file, rest, { stdio: 'ignore', cwd: tmpdir() });
  };
  if (isRoot) execFileSync('chown', ['postgres', folder]);
  chmodSync(folder, 0o700);
  const data = join(folder, 'data');
  run('initdb', '-D', data, '-A', 'trust', '-U', 'agent_os', '--no-sync');
  const options = `-p ${port} -k ${folder} -c listen_addresses=127.0.0.1 -c fsync=off`;
  const control = (...args) => run('pg_ctl', '-D', data, '-w', '-l', join(folder, 'log'), ...args);
  control('-o', options, 'start');
  return {
    url: `postgres://agent_os@127.0.0.1:${port}/postgres`,
    restart: () => control('-o', options, '-m', 'immediate', 'restart'),
    stop() {
      control('-m', 'immediate', 'stop');
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}
