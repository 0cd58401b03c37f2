import { copyFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { hookExecutorContract, startProcess } from 'nestjs-agentos/testing';

import { filesIn, readDocument } from '../support/documents.js';
import { compileFixtures } from '../support/server-process.js';

/** What the kit may import besides its own package. */
const PACKAGES = ['@nestjs/common', '@nestjs/core', 'rxjs'];

describe('The test kit, outside of Jest,', () => {
  let folder: string;

  beforeAll(() => {
    folder = compileFixtures();
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  it('runs the program of the guide with node:test', async () => {
    const file = join(folder, 'support.test.mjs');
    copyFileSync(new URL('../docs/support.test.mjs', import.meta.url), file);
    const run = await startProcess(file, { execArgv: ['--test'], env: { NODE_OPTIONS: '' } });

    const { code } = await run.ended;

    expect([code, run.output]).toEqual([0, expect.stringMatching(/pass 1\n/)]);
  });

  it('keeps the contract of executors with node:test', async () => {
    const file = join(folder, 'test/fixtures/executor-contract.js');
    const run = await startProcess(file, { execArgv: ['--test'], env: { NODE_OPTIONS: '' } });

    const { code } = await run.ended;

    const { length } = hookExecutorContract(refuse, { canRetry: true, canLimit: true, canSupersede: true });
    expect(length).toBeGreaterThan(34);
    expect([code, run.output]).toEqual([0, expect.stringMatching(new RegExp(`pass ${length}\n`))]);
  });

  it('leaves no timer, no socket and no process behind when it is closed', async () => {
    const run = await startProcess(join(folder, 'test/fixtures/closed-kit.js'), {
      env: { NODE_OPTIONS: '' },
    });

    // It ends by itself.
    expect(await run.ended).toEqual({ code: 0, signal: null });
    expect(run.output).toBe('open: nothing.\n');
  });
});

describe('The source of the test kit', () => {
  it('imports no test runner, no assertion library and no package that an application may not have', () => {
    const imported = filesIn('src/testing', '.ts').flatMap((path) =>
      [...readDocument(path).matchAll(/^(?:import|export|\}) ?[^;']*? ?from '([^'.][^']*)'/gm)].map(
        ([, name = '']) => name,
      ),
    );

    const packages = new Set(
      imported.filter((name) => !name.startsWith('node:') || name.startsWith('node:test')),
    );
    expect([...packages].sort()).toEqual(PACKAGES);
  });
});

/** The cases are only counted here. */
function refuse(): never {
  throw new Error('No case of the contract runs in this process.');
}
