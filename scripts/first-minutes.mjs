// In a project that has the package: runs the command lines of docs/guide/first-minutes.md in their order, and compares what
// the programs print with what the page shows. node first-minutes.mjs REPOSITORY
import { execSync, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';

const [, , repository] = process.argv;
const page = readFileSync(join(repository, 'docs/guide/first-minutes.md'), 'utf8');
const blocks = [...page.matchAll(/^```console\n(.*?)^```$/gms)].map(([, block]) =>
  block.trimEnd().split('\n'),
);
const port = await freePort();
let server;

try {
  for (const block of blocks) {
    const shown = block.filter((line) => !line.startsWith('$ '));
    for (const line of block.filter((text) => text.startsWith('$ '))) await run(atPort(line.slice(2)), shown);
  }
} finally {
  // npm passes no signal on to what it has started.
  if (server) process.kill(-server.pid, 'SIGKILL');
}

async function run(command, shown) {
  console.log(`$ ${command}`);
  if (command === 'npm run start') return start(command);
  const output = execSync(command, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
  console.log(output);
  const isCommonJs = JSON.parse(readFileSync('package.json', 'utf8')).type !== 'module';
  // The settings of Jest are those of a CommonJS project.
  for (const line of shown.filter((text) => isCommonJs || !text.includes('Jest')))
    if (!output.includes(line)) throw new Error(`The page shows a line that is not printed: ${line}`);
  if (command.startsWith('curl') && !output.includes('You asked: Where is my parcel?'))
    throw new Error('The agent has not answered.');
}

/** The line for a port that is free: another program may have that of the page, which is the default. */
function atPort(command) {
  const url = `http://localhost:${port}`;
  return command === 'npx nestjs-agentos hooks'
    ? `${command} --url ${url}/os`
    : command.replace('http://localhost:3000', url);
}

function freePort() {
  return new Promise((resolve) => {
    const probe = createServer().listen(0, () => {
      const { port: found } = probe.address();
      probe.close(() => resolve(found));
    });
  });
}

async function start(command) {
  server = spawn(command, {
    shell: true,
    detached: true,
    stdio: 'ignore',
    env: { ...process.env, PORT: String(port) },
  });
  for (let tries = 0; tries < 120; tries++) {
    try {
      return await fetch(`http://localhost:${port}/os/health`);
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
  }
  throw new Error('The application does not answer.');
}
