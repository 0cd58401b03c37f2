import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { findNode } from '../node.mjs';

const MASTRA_NODE = '24';
const PYTHON_PACKAGES = ['agno', 'fastapi', 'starlette', 'uvicorn', 'uvloop', 'httptools', 'pydantic'];
const NODE_PACKAGES = ['@mastra/core', '@mastra/express', 'express'];

/**
 * Installs what the benchmark compares AgentOS with, each in a folder of its own here, by pip and npm as they are configured.
 * Returns the Node of all servers that run on one, the Python of agno, the versions, and what could not be installed and
 * why.
 */
export function installPeers(programArguments) {
  const missing = {};
  const attempt = (peer, install) => {
    try {
      return install();
    } catch (error) {
      missing[peer] = lastLineOf(error);
      return undefined;
    }
  };
  const isNodeNamed = programArguments.includes('--node');
  const node =
    attempt('mastra', () => findNode(isNodeNamed ? programArguments : ['--node', MASTRA_NODE])) ??
    findNode([]);
  const mastra = attempt('mastra', installMastra);
  const agno = attempt('agno', installAgno);
  const versions = { ...agno?.versions, ...mastra?.versions };
  return { node, python: agno?.python, versions, missing };
}

function installMastra() {
  const folder = join(import.meta.dirname, 'mastra');
  run('npm', ['install', '--no-package-lock', '--no-audit', '--no-fund', '--loglevel=error'], folder);
  const versionOf = (name) =>
    JSON.parse(readFileSync(join(folder, 'node_modules', name, 'package.json'), 'utf8')).version;
  return { versions: Object.fromEntries(NODE_PACKAGES.map((name) => [name, versionOf(name)])) };
}

function installAgno() {
  const folder = join(import.meta.dirname, 'agno');
  const python = join(folder, '.venv', 'bin', 'python');
  if (!existsSync(python)) run('python3', ['-m', 'venv', '.venv'], folder);
  const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check'];
  run(python, [...pip, '--requirement', 'requirements.txt'], folder);
  const script = `
import importlib.metadata, json, platform, sys
versions = {name: importlib.metadata.version(name) for name in sys.argv[1:]}
print(json.dumps({"Python": platform.python_version(), **versions}))`;
  return { python, versions: JSON.parse(run(python, ['-c', script, ...PYTHON_PACKAGES], folder)) };
}

function run(program, programArguments, cwd) {
  return execFileSync(program, programArguments, {
    cwd,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

/** What a program wrote last before it failed, or the error itself. */
function lastLineOf({ stderr, message }) {
  return (
    String(stderr ?? '')
      .trim()
      .split('\n')
      .at(-1) || message
  );
}
