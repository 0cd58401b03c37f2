import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
/** Made by `scripts/pack-older-release.mjs`. */
const PACKED = join(ROOT, 'test/fixtures/older-release.tgz');

/**
 * Installs the older release of this library in a new folder, with the packages that are installed here, and puts compiled programs
 * into it. The folder is the caller's to remove.
 *
 * @param programs - paths of files that import the library by its name
 */
export function installOlderRelease(programs: readonly string[]): string {
  const folder = mkdtempSync(join(tmpdir(), 'older-release-'));
  const packages = join(folder, 'node_modules');
  const library = join(packages, 'nestjs-agentos');
  mkdirSync(library, { recursive: true });
  const { status, stderr } = spawnSync('tar', ['-xzf', PACKED, '--strip-components=1', '-C', library]);
  if (status !== 0) throw new Error(`${PACKED} could not be unpacked: ${String(stderr)}`);
  const { dependencies, peerDependencies } = JSON.parse(
    readFileSync(join(library, 'package.json'), 'utf8'),
  ) as Readonly<Record<'dependencies' | 'peerDependencies', Readonly<Record<string, string>>>>;
  for (const name of Object.keys({ ...dependencies, ...peerDependencies })) {
    mkdirSync(dirname(join(packages, name)), { recursive: true });
    symlinkSync(join(ROOT, 'node_modules', name), join(packages, name));
  }
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ type: 'module' }));
  for (const program of programs) copyFileSync(program, join(folder, program.replace(/^.*\//, '')));
  return folder;
}
