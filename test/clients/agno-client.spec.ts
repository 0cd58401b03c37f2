import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { ADAPTERS, closeApps, startApp } from '../support/test-app.js';
import { describeWherePossible } from '../support/where-possible.js';
import { clientLab } from './client-lab.js';

/** The versions of agno whose clients are tried, with the variable that names a Python in which each is installed. */
const VERSIONS = [
  { version: '2.9', variable: 'AGNO_PYTHON' },
  { version: '3.1', variable: 'AGNO31_PYTHON' },
];
const FOLDER = import.meta.dirname;
const KEY = 'the key';

interface Check {
  readonly name: string;
  readonly title: string;
  /** What it needs: an open server, one with a key, or a version of the client. */
  readonly needs: 'open' | 'locked' | 'latest' | 'earlier' | undefined;
}

interface Result {
  readonly check: string;
  readonly problem: string | null;
}

const checks = readdirSync(FOLDER)
  .filter((file) => /^check_\w+\.py$/.test(file))
  .flatMap((file) => checksIn(readFileSync(join(FOLDER, file), 'utf8')));

/** One server wants a key and takes no context from clients, the other is as open as it can be. */
const SERVERS = ADAPTERS.flatMap((adapter) => [
  { adapter, access: 'locked' as const, key: KEY },
  { adapter, access: 'open' as const, key: undefined },
]);

for (const { version, variable } of VERSIONS) {
  const python = process.env[variable];
  describeWherePossible(
    python !== undefined || process.env['CI'] !== undefined,
    `The Python client of agno ${version}`,
    `run scripts/install-agno-client.sh for ${version}, and set ${variable} to the Python that it names`,
    () => {
      describe.each(SERVERS)('with a server on $adapter that is $access,', (server) => {
        if (python === undefined)
          throw new Error(`${variable} is not set: run scripts/install-agno-client.sh.`);
        testClient(server, version, python);
      });
    },
  );
}

function testClient(
  { adapter, access, key }: (typeof SERVERS)[number],
  version: string,
  python: string,
): void {
  const problems = new Map<string, string | null>();

  beforeAll(async () => {
    const http = key === undefined ? { acceptClientContext: true } : { securityKey: key };
    const { url } = await startApp({ adapter, agentOs: { ...clientLab(), http } });
    for (const { check, problem } of await runClient(python, url, key)) problems.set(check, problem);
  }, 120_000);
  afterAll(closeApps);

  const kinds = [undefined, access, version === '2.9' ? 'earlier' : 'latest'];
  it.each(checks.filter(({ needs }) => kinds.includes(needs)))('$title', ({ name }) => {
    expect(problems.get(name)).toBeNull();
  });
}

/** What the client has found out. */
async function runClient(python: string, url: string, key: string | undefined): Promise<Result[]> {
  const script = join(FOLDER, 'agno_client.py');
  const client = spawn(python, [script, url, ...(key === undefined ? [] : [key])], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, PYTHONDONTWRITEBYTECODE: '1' },
    timeout: 100_000,
  });
  const [output, errors] = await Promise.all([
    text(client.stdout),
    text(client.stderr),
    once(client, 'close'),
  ]);
  const lines = output.split('\n').filter((line) => line.startsWith('{"check"'));
  if (lines.length === 0) throw new Error(`The client has checked nothing: ${errors}`);
  return lines.map((line) => JSON.parse(line) as Result);
}

function checksIn(source: string): Check[] {
  const pattern = /^@check(?:_if_(open|locked|latest|earlier))?\nasync def (\w+)\(\):\n {4}"""(.+)"""/gm;
  return [...source.matchAll(pattern)].map(([, needs, name = '', title = '']) => ({
    name,
    title,
    needs: needs as Check['needs'],
  }));
}
