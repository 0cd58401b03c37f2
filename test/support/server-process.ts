import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { transformFileSync, type Options } from '@swc/core';
import { startProcess, type TestProcess } from 'nestjs-agentos/testing';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

const SWC: Options = {
  jsc: {
    target: 'es2023',
    parser: { syntax: 'typescript', decorators: true },
    transform: { legacyDecorator: true, decoratorMetadata: true },
    keepClassNames: true,
  },
  module: { type: 'es6' },
};

/**
 * A server of `test/fixtures` in a process of its own, with Node's default settings: what ends a process (an
 * unhandled rejection, an empty event loop, a signal) can only be seen from outside.
 */
export class ServerProcess {
  readonly #folder: string;
  readonly process: TestProcess;
  readonly url: string;

  private constructor(folder: string, process: TestProcess) {
    this.#folder = folder;
    this.process = process;
    this.url = `http://127.0.0.1:${process.match?.[1]}`;
  }

  /** Starts a fixture that prints `listening on <port>`. */
  static async start(fixture: string): Promise<ServerProcess> {
    const folder = compileFixtures();
    const file = join(folder, 'test', 'fixtures', fixture);
    return new ServerProcess(folder, await startProcess(file, { ready: /listening on (\d+)/ }));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.process.crash();
    rmSync(this.#folder, { recursive: true });
  }
}

/**
 * Compiles library and fixtures into a package of the same name, so that fixtures import it as users do. The folder is
 * the caller's to remove.
 *
 * @param more - other folders of this repository that are compiled
 */
export function compileFixtures(more: readonly string[] = []): string {
  const folder = mkdtempSync(join(tmpdir(), 'server-'));
  for (const source of ['src', 'test/fixtures', 'test/support', ...more]) {
    for (const file of readdirSync(join(ROOT, source), { recursive: true, encoding: 'utf8' })) {
      if (!file.endsWith('.ts')) continue;
      const target = join(folder, source, file.replace(/\.ts$/, '.js'));
      mkdirSync(dirname(target), { recursive: true });
      writeFileSync(target, transformFileSync(join(ROOT, source, file), SWC).code);
    }
  }
  cpSync(join(ROOT, 'src/dashboard/page'), join(folder, 'src/dashboard/page'), { recursive: true });
  const exports = { '.': './src/index.js', './*': './src/*/index.js' };
  const manifest = { name: 'nestjs-agentos', type: 'module', exports };
  writeFileSync(join(folder, 'package.json'), JSON.stringify(manifest));
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
  return folder;
}
