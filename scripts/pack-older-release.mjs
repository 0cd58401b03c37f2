// Builds an older state of this library and packs it into test/fixtures/older-release.tgz, for the test of rolling deployments:
// node scripts/pack-older-release.mjs, in a clone with its history and after `npm ci`.
//
// When a release has been published, or the version of stored data is raised: set COMMIT to the last commit of the release
// before, run the script, and commit both files. COMMIT must build with the packages that are installed now.
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** The last state that stores data of version 1 only: before failed hooks could be retried and payloads encrypted. */
const COMMIT = '4ca5ef5';

const ROOT = join(import.meta.dirname, '..');
const PACKED = join(ROOT, 'test/fixtures/older-release.tgz');

const folder = mkdtempSync(join(tmpdir(), 'older-release-'));
const run = (command, ...parameters) =>
  execFileSync(command, parameters, { cwd: folder, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
try {
  const archive = join(folder, 'source.tar');
  execFileSync('git', ['archive', '--output', archive, COMMIT], { cwd: ROOT });
  run('tar', '-xf', archive);
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
  run('npm', 'run', 'build');
  const manifestFile = join(folder, 'package.json');
  const { name, type, exports, dependencies, peerDependencies } = JSON.parse(
    readFileSync(manifestFile, 'utf8'),
  );
  // Neither types nor maps: the test only runs it, and the fixture stays small.
  const manifest = {
    ...{ name, version: `0.0.0-${COMMIT}`, type, exports, dependencies, peerDependencies },
    files: ['dist/src/**/*.js', 'dist/src/dashboard/page/**'],
  };
  writeFileSync(manifestFile, `${JSON.stringify(manifest, null, 2)}\n`);
  const [{ filename, size }] = JSON.parse(run('npm', 'pack', '--json', '--ignore-scripts'));
  copyFileSync(join(folder, filename), PACKED);
  console.log(`${PACKED}: ${COMMIT}, ${Math.ceil(size / 1_024)} KiB`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
