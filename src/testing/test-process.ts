import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';

import { checkTimeout, withinTime } from './deadline.js';

/** Default time limit in milliseconds for a process to be ready. */
const START_TIMEOUT = 30_000;

/** The options of {@link startProcess}. */
export interface TestProcessOptions {
  /** Arguments of Node before the file: `['--import', 'tsx']`. */
  readonly execArgv?: readonly string[];
  /** Arguments of the program. */
  readonly args?: readonly string[];
  /** Added to the environment of this process. */
  readonly env?: Readonly<Record<string, string>>;
  /** Matches the output of a process that is ready. Default: it is ready at once. */
  readonly ready?: RegExp;
  /** Time limit in milliseconds for it to be ready. Default 30,000. */
  readonly timeout?: number;
}

/** How a process ended: by itself with a code, or by a signal. */
export interface ProcessEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/**
 * A program in its own process. The end of a process (a crash, an unhandled rejection, a signal) can only be observed
 * from outside. Created by {@link startProcess}.
 */
export class TestProcess {
  readonly #process: ChildProcess;
  readonly #file: string;
  /** Called after each new output. */
  readonly #watchers = new Set<() => void>();
  #output = '';
  #match: RegExpExecArray | undefined;
  /** Resolves when the process has ended and all it has printed is in {@link output}. */
  readonly ended: Promise<ProcessEnd>;

  /** @internal */
  constructor(file: string, { execArgv = [], args = [], env = {} }: TestProcessOptions) {
    this.#file = file;
    this.#process = spawn(process.execPath, [...execArgv, file, ...args], {
      env: { ...process.env, NO_COLOR: '1', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.ended = once(this.#process, 'close').then(([code, signal]: unknown[]) => ({
      code: code as ProcessEnd['code'],
      signal: signal as ProcessEnd['signal'],
    }));
    this.ended.catch(() => undefined);
    for (const stream of [this.#process.stdout, this.#process.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => this.#add(text));
    }
  }

  /** The whole output so far, of both streams. */
  get output(): string {
    return this.#output;
  }

  /** The match of `ready`: `match[1]` is the port of `/listening on (\d+)/`. */
  get match(): RegExpExecArray | undefined {
    return this.#match;
  }

  /** Undefined if it could not be started. */
  get pid(): number | undefined {
    return this.#process.pid;
  }

  /** A crash: SIGKILL, which no program can handle. Resolves when the process is gone. */
  crash(): Promise<ProcessEnd> {
    return this.end('SIGKILL');
  }

  /** Sends a signal; resolves with how the process ended, which it may do later or not at all. */
  async end(signal: NodeJS.Signals = 'SIGTERM'): Promise<ProcessEnd> {
    this.#process.kill(signal);
    return this.ended;
  }

  /**
   * Resolves when it has printed something that matches.
   *
   * @throws Error with the whole output if the process ends first or the time is over
   */
  async printed(pattern: RegExp, timeout = START_TIMEOUT): Promise<RegExpExecArray> {
    checkTimeout(timeout, 'printed()');
    const problem = (end: string): Error =>
      new Error(
        `The process ${this.#file} ${end} before it printed ${String(pattern)}. It printed:\n${this.#output}`,
      );
    return withinTime(this.#search(pattern, problem), timeout, () =>
      problem(`took longer than ${timeout} ms`),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.crash();
  }

  /** @internal */
  async start(ready: RegExp | undefined, timeout: number | undefined): Promise<this> {
    if (!ready) {
      await once(this.#process, 'spawn');
      return this;
    }
    try {
      this.#match = await this.printed(ready, timeout);
      return this;
    } catch (thrown) {
      await this.crash();
      throw thrown;
    }
  }

  async #search(pattern: RegExp, problem: (what: string) => Error): Promise<RegExpExecArray> {
    const hasEnded = this.ended.then(() => true);
    for (;;) {
      const found = new RegExp(pattern.source, pattern.flags.replace('g', '')).exec(this.#output);
      if (found) return found;
      if (await Promise.race([this.#printedMore(), hasEnded])) throw problem('ended');
    }
  }

  #printedMore(): Promise<false> {
    return new Promise((resolve) => this.#watchers.add(() => resolve(false)));
  }

  #add(text: string): void {
    this.#output += text;
    for (const tell of this.#watchers) tell();
    this.#watchers.clear();
  }
}

/**
 * Starts a program in its own process, so that a test may crash it.
 *
 * @param file - path of the module to run
 * @example
 * ```ts
 * const server = await startProcess('dist/main.js', { ready: /listening on (\d+)/ });
 * await fetch(`http://127.0.0.1:${server.match?.[1]}/agents/support/runs`, { method: 'POST', body });
 * await server.crash();
 * ```
 * @throws Error with the whole output if it is not ready in time
 */
export async function startProcess(file: string, options: TestProcessOptions = {}): Promise<TestProcess> {
  const { ready, timeout } = options;
  return new TestProcess(file, options).start(ready, timeout);
}
