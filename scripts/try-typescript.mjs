// In a project: does the compiler say of the README's first program what the README's table says? Then the program is run.
// node try-typescript.mjs REPOSITORY COLUMN
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { copyFileSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';

const [, , repository, column] = process.argv;
const readme = readFileSync(join(repository, 'README.md'), 'utf8');
const rows = readme
  .split('\n')
  .filter((line) => /^\| `(?!module)\w+` with `\w+`/.test(line))
  .map((line) => line.split('|').map((cell) => cell.trim()));
if (rows.length < 4) throw new Error('Found no table of module settings in the README.');

copyFileSync(join(repository, 'docs/examples/quick-start.ts'), 'src/quick-start.ts');
try {
  for (const row of rows) check(row);
  await ask();
} finally {
  for (const path of ['src/quick-start.ts', 'tsconfig.advice.json', 'advice'])
    rmSync(path, { recursive: true, force: true });
}

function check([, settings, ...cells]) {
  const said = cells[Number(column) - 1];
  for (const [, module, moduleResolution] of settings.matchAll(/`(\w+)` with `(\w+)`/g)) {
    const { stdout } = compile({ module, moduleResolution });
    const codes = [...new Set(stdout.match(/TS\d+/g))].sort().join(', ');
    const found = codes === '' ? 'works' : codes;
    console.log(`${module} with ${moduleResolution}: ${found}`);
    if (!said.startsWith(found)) throw new Error(`The README says "${said}". The compiler:\n${stdout}`);
  }
}

/** node10 knows no `exports`; TypeScript 5 refuses the two together. */
function compile({ module, moduleResolution }, ...options) {
  const compilerOptions = {
    ...{ module, moduleResolution, types: ['node'], rootDir: 'src', outDir: 'advice', incremental: false },
    ...(moduleResolution === 'node10' ? { resolvePackageJsonExports: null } : {}),
  };
  const config = { extends: './tsconfig.json', files: ['src/quick-start.ts'], include: [], compilerOptions };
  writeFileSync('tsconfig.advice.json', JSON.stringify(config));
  const compiler = 'node_modules/typescript/lib/tsc.js';
  return spawnSync(process.execPath, [compiler, '-p', 'tsconfig.advice.json', ...options], {
    encoding: 'utf8',
  });
}

/** Runs the program as the project's own settings compile it, and asks its agent. */
async function ask() {
  compile({ module: 'nodenext', moduleResolution: 'nodenext' });
  const port = await freePort();
  const program = spawn(process.execPath, ['advice/quick-start.js'], {
    env: { ...process.env, PORT: String(port) },
    stdio: 'ignore',
  });
  try {
    const options = [
      '-sS',
      '--retry',
      '20',
      '--retry-connrefused',
      '--retry-delay',
      '1',
      '-F',
      'message=Hi',
      '-F',
      'stream=false',
    ];
    const answer = execFileSync('curl', [...options, `localhost:${port}/os/agents/support/runs`], {
      encoding: 'utf8',
    });
    if (!answer.includes('You asked: Hi')) throw new Error(`The program answered ${answer}`);
  } finally {
    program.kill('SIGTERM');
  }
}

function freePort() {
  return new Promise((resolve) => {
    const server = createServer().listen(0, () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}
