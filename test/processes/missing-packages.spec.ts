import { mkdir, rm, symlink } from 'node:fs/promises';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { afterAll, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { startProcess } from 'nestjs-agentos/testing';

import { compileFixtures } from '../support/server-process.js';

jest.setTimeout(60_000);

const INSTALLED = fileURLToPath(new URL('../../node_modules', import.meta.url));
const { dependencies, peerDependencies, peerDependenciesMeta } = JSON.parse(
  readFileSync(join(INSTALLED, '..', 'package.json'), 'utf8'),
) as Readonly<
  Record<'dependencies' | 'peerDependencies' | 'peerDependenciesMeta', Readonly<Record<string, unknown>>>
>;
/** Packages that every application has. */
const NEEDED = Object.keys({ ...dependencies, ...peerDependencies }).filter(
  (name) => !(name in peerDependenciesMeta),
);

/** Nothing listens there. */
const REDIS = { connection: 'redis://127.0.0.1:1' };

describe('The start of an application with bullmq()', () => {
  let folder: string;

  beforeAll(() => void (folder = compileFixtures()));
  beforeEach(() => rm(join(folder, 'node_modules'), { recursive: true }));
  afterAll(() => rm(folder, { recursive: true }));

  /** @returns what a process prints that starts where only these optional packages are installed */
  async function startWith(optional: readonly string[], store: object): Promise<string> {
    for (const name of [...NEEDED, ...optional]) {
      const link = join(folder, 'node_modules', name);
      await mkdir(dirname(link), { recursive: true });
      await symlink(join(INSTALLED, name), link);
    }
    const process = await startProcess(join(folder, 'test', 'fixtures', 'queue-start.js'), {
      env: { STORE: JSON.stringify(store) },
    });
    await process.ended;
    return process.output;
  }

  it.each<[name: string, feature: string, installed: readonly string[], store: object]>([
    ['bullmq', 'bullmq()', ['ioredis'], REDIS],
    ['ioredis', 'bullmq({ connection })', ['bullmq'], REDIS],
    ['@electric-sql/pglite', 'bullmq({ folder })', ['bullmq'], { folder: 'hooks' }],
  ])('says how to install %s, which is missing', async (name, feature, installed, store) => {
    expect(await startWith(installed, store)).toMatch(
      `AgentOsConfigurationError: ${feature} needs the package "${name}", which is not installed. Run: npm install ${name}`,
    );
  });

  it('needs neither drizzle-orm nor the packages of other stores for hooks in Redis', async () => {
    expect(await startWith(['bullmq', 'ioredis'], REDIS)).toMatch('Redis cannot be reached');
  });
});
