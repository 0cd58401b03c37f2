import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { ADAPTERS, closeApps, startApp } from '../support/test-app.js';
import { describeWherePossible } from '../support/where-possible.js';
import { clientLab } from './client-lab.js';

/** A Python in which scripts/install-agno-client.sh has installed agno. */
const PYTHON = process.env['AGNO_PYTHON'];
const FOLDER = import.meta.dirname;
const KEY = 'the key';

interface Check {
  readonly name: string;
  readonly title: string;
  /** What it needs: an open server, or one with a key. */
  readonly needs: 'open' | 'locked' | undefined;
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

describeWherePossible(
  PYTHON !== undefined || process.env['CI'] !== undefined,
  'The Python client of agno',
  'run scripts/install-agno-client.sh, and set AGNO_PYTHON to the Python that it names',
  () => {
    describe.each(SERVERS)('with a server on $adapter that is $access,', testClient);
  },
);

function testClient({ adapter, access, key }: (typeof SERVERS)[number]): void {
  const problems = new Map<string, string | null>();

  beforeAll(async () => {
    if (PYTHON === undefined) throw new Error('AGNO_PYTHON is not set: run scripts/install-agno-client.sh.');
    const http = key === undefined ? { acceptClientContext: true } : { securityKey: key };
    const { url } = await startApp({ adapter, agentOs: { ...clientLab(), http } });
    for (const { check, problem } of await runClient(PYTHON, url, key)) problems.set(check, problem);
  }, 120_000);
  afterAll(closeApps);

  it.each(checks.filter(({ needs }) => needs === undefined || needs === access))('$title', ({ name }) => {
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
  const pattern = /^@check(?:_if_(open|locked))?\nasync def (\w+)\(\):\n {4}"""(.+)"""/gm;
  return [...source.matchAll(pattern)].map(([, needs, name = '', title = '']) => ({
    name,
    title,
    needs: needs as Check['needs'],
  }));
}
