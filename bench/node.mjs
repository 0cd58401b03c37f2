import { execFileSync } from 'node:child_process';

const OPTION = '--node';

/**
 * The Node that runs the subjects: the one that runs this program, or another version with `--node 24`. npm keeps that
 * in a folder of its own, and downloads it the first time.
 */
export function findNode(programArguments) {
  const index = programArguments.indexOf(OPTION);
  if (index === -1) return { path: process.execPath, version: process.version };
  const wanted = programArguments[index + 1];
  if (!/^\d+(\.\d+){0,2}$/.test(wanted ?? ''))
    throw new Error(`Expected a version after ${OPTION}, such as 24.`);
  const script = 'JSON.stringify({ path: process.execPath, version: process.version })';
  const npm = ['exec', '--yes', `--package=node@${wanted}`, '--', 'node', '--print', script];
  return JSON.parse(execFileSync('npm', npm, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] }));
}
