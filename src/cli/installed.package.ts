import { existsSync, readFileSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { z } from 'zod';

const Manifest = z.object({
  name: z.string(),
  version: z.string(),
  engines: z.object({ node: z.string() }).optional(),
  peerDependencies: z.record(z.string(), z.string()).default({}),
});

/** A package that is installed. */
export interface InstalledPackage extends z.output<typeof Manifest> {
  /** Its folder, without symbolic links. */
  readonly folder: string;
}

/**
 * Finds a package as Node does: in the `node_modules` of the folder or of one above. The `exports` of a package may hide
 * its `package.json`, so `require.resolve()` cannot be used.
 *
 * @returns undefined if it is not installed
 */
export function findPackage(name: string, from: string): InstalledPackage | undefined {
  for (const folder of foldersUpwards(from)) {
    const found = readPackage(join(folder, 'node_modules', name));
    if (found) return found;
  }
  return undefined;
}

/** The package that this program is part of. */
export function ownPackage(): InstalledPackage {
  for (const folder of foldersUpwards(dirname(fileURLToPath(import.meta.url)))) {
    const found = readPackage(folder);
    if (found?.name === 'nestjs-agentos') return found;
  }
  throw new Error('The package.json of nestjs-agentos is missing.');
}

function readPackage(folder: string): InstalledPackage | undefined {
  const path = join(folder, 'package.json');
  if (!existsSync(path)) return undefined;
  const { success, data } = Manifest.safeParse(JSON.parse(readFileSync(path, 'utf8')));
  return success ? { ...data, folder: realpathSync(folder) } : undefined;
}

function foldersUpwards(folder: string): string[] {
  const parent = dirname(folder);
  return parent === folder ? [folder] : [folder, ...foldersUpwards(parent)];
}
