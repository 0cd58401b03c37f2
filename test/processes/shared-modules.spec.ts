import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { expect, it } from '@jest/globals';

const ROOT = join(import.meta.dirname, '../..');

it('Specs of one worker share modules, and find nothing else of the specs before them', async () => {
  const { stdout, stderr } = await promisify(execFile)(
    process.execPath,
    [
      ...['--experimental-vm-modules', 'node_modules/jest/bin/jest.js', '--runInBand'],
      ...['--config', 'test/fixtures/worker/jest.config.js'],
    ],
    { cwd: ROOT },
  );
  expect(stderr).toContain('Tests:       14 passed, 14 total');
  expect(stdout.match(/modules: \w+/g)).toEqual(['modules: first', 'modules: shared']);
}, 120_000);
