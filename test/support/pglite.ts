import { existsSync, openAsBlob } from 'node:fs';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { PGlite } from '@electric-sql/pglite';

const MODULES = fileURLToPath(new URL('../../node_modules', import.meta.url));

/** A start clears the memory of these buffers: PGlite's 128 MB take a third of the time. */
const START_PARAMETERS = [...PGlite.defaultStartParams, '-c', 'shared_buffers=8MB'];

/**
 * An empty PostgreSQL in this process, in memory or in a folder. To initialise one takes seconds, so it is done once for
 * each version of PGlite and copied from then on.
 */
export async function createPglite(dataDir = 'memory://'): Promise<PGlite> {
  const file = await initialised();
  return PGlite.create({ dataDir, loadDataDir: await openAsBlob(file), startParams: START_PARAMETERS });
}

/** The file with an initialised database. */
async function initialised(): Promise<string> {
  const manifest = await readFile(join(MODULES, '@electric-sql', 'pglite', 'package.json'), 'utf8');
  const { version } = JSON.parse(manifest) as { version: string };
  const cache = join(MODULES, '.cache', 'nestjs-agentos');
  const file = join(cache, `pglite-${version}.tar`);
  if (existsSync(file)) return file;
  const client = await PGlite.create();
  const dump = await client.dumpDataDir('none');
  await client.close();
  await mkdir(cache, { recursive: true });
  // Other workers may be at the same: under its name the file is always complete.
  const unfinished = `${file}.${process.pid}`;
  await writeFile(unfinished, Buffer.from(await dump.arrayBuffer()));
  await rename(unfinished, file);
  return file;
}
