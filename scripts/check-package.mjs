// Compares the files that `npm pack` would publish with the sources: node scripts/check-package.mjs, after a build.
import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';

const ROOT = join(import.meta.dirname, '..');
const DOCUMENTS = ['LICENSE', 'README.md', 'package.json'];
const ENDINGS = ['.js', '.js.map', '.d.ts'];

const modules = readdirSync(join(ROOT, 'src'), { recursive: true })
  .map((path) => path.replaceAll('\\', '/'))
  .filter((path) => path.endsWith('.ts'));
const page = readdirSync(join(ROOT, 'src/dashboard/page')).map((name) => `dist/src/dashboard/page/${name}`);
const expected = new Set([
  ...DOCUMENTS,
  ...page,
  ...modules.flatMap((path) => ENDINGS.map((ending) => `dist/src/${path.replace(/\.ts$/, ending)}`)),
]);

// Without scripts, because `prepack` builds.
const output = execFileSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], {
  cwd: ROOT,
  encoding: 'utf8',
});
const [{ files }] = JSON.parse(output);
const packed = new Set(files.map(({ path }) => path));

const problems = [
  ...[...packed].filter((path) => !expected.has(path)).map((path) => `${path} must not be in the package.`),
  ...[...expected].filter((path) => !packed.has(path)).map((path) => `${path} is missing from the package.`),
];
for (const problem of problems.slice(0, 20)) console.error(problem);
if (problems.length > 20) console.error(`… and ${problems.length - 20} more`);
if (problems.length > 0) process.exitCode = 1;
else
  console.log(
    `The package has ${packed.size} files: ${modules.length} modules, ${page.length} files of the dashboard, and ${DOCUMENTS.join(', ')}.`,
  );
