import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { transformFileSync, type Options } from '@swc/core';

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

/** How a process ended: by itself with a code, or by a signal. */
export interface ProcessEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/**
 * A server of `test/fixtures` in a process of its own, with Node's default settings: what ends a process (an
 * unhandled rejection, an empty event loop, a signal) can only be seen from outside.
 */
export class ServerProcess {
  readonly #folder: string;
  readonly #process: ChildProcessWithoutNullStreams;
  readonly #ended: Promise<ProcessEnd>;
  /** All that it has printed. */
  printed = '';
  url = '';

  private constructor(folder: string, fixture: string) {
    this.#folder = folder;
    this.#process = spawn(process.execPath, [join(folder, 'test', 'fixtures', fixture)], {
      env: { ...process.env, NO_COLOR: '1' },
    });
    this.#ended = once(this.#process, 'close').then(
      ([code, signal]: (ProcessEnd['code'] | ProcessEnd['signal'])[]) => ({ code, signal }) as ProcessEnd,
    );
    for (const output of [this.#process.stdout, this.#process.stderr]) {
      output.setEncoding('utf8').on('data', (text: string) => (this.printed += text));
    }
  }

  /** Starts a fixture that prints `listening on <port>`. */
  static async start(fixture: string): Promise<ServerProcess> {
    const server = new ServerProcess(compileFixtures(), fixture);
    const port = await server.#readPort();
    server.url = `http://127.0.0.1:${port}`;
    return server;
  }

  /** Sends a signal; resolves with how the process ended. */
  async end(signal: NodeJS.Signals): Promise<ProcessEnd> {
    this.#process.kill(signal);
    return this.#ended;
  }

  async #readPort(): Promise<string> {
    for (;;) {
      const port = /listening on (\d+)/.exec(this.printed)?.[1];
      if (port !== undefined) return port;
      const event = await Promise.race([once(this.#process.stdout, 'data'), this.#ended]);
      if (!Array.isArray(event)) throw new Error(`The server did not start: ${this.printed}`);
    }
  }

  [Symbol.dispose](): void {
    this.#process.kill('SIGKILL');
    rmSync(this.#folder, { recursive: true });
  }
}

/**
 * Compiles library and fixtures into a package of the same name, so that fixtures import it as users do. The folder is
 * the caller's to remove.
 */
export function compileFixtures(): string {
  const folder = mkdtempSync(join(tmpdir(), 'server-'));
  for (const source of ['src', 'test/fixtures', 'test/support']) {
    for (const file of readdirSync(join(ROOT, source), { recursive: true, encoding: 'utf8' })) {
      if (!file.endsWith('.ts')) continue;
      const target = join(folder, source, file.replace(/\.ts$/, '.js'));
      mkdirSync(dirname(target), { recursive: true });
      writeFileSync(target, transformFileSync(join(ROOT, source, file), SWC).code);
    }
  }
  const exports = { '.': './src/index.js', './*': './src/*/index.js' };
  const manifest = { name: 'nestjs-agentos', type: 'module', exports };
  writeFileSync(join(folder, 'package.json'), JSON.stringify(manifest));
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
  return folder;
}
