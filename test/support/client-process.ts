import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, statSync } from 'node:fs';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { blockEventLoop } from 'nestjs-agentos/testing';

const SCRIPT = fileURLToPath(new URL('./read-answer.mjs', import.meta.url));

/** A client that does not share the event loop with the server. */
export class ClientProcess {
  readonly #folder = mkdtempSync(join(tmpdir(), 'client-'));
  readonly #printed = join(this.#folder, 'printed.txt');
  #process: ChildProcess | undefined;

  /** Sends the request; resolves with the whole answer. */
  async read(url: string, body = ''): Promise<string> {
    const output = openSync(this.#printed, 'w');
    this.#process = spawn(process.execPath, [SCRIPT, url, body], { stdio: ['ignore', output, 'inherit'] });
    closeSync(output);
    await once(this.#process, 'exit');
    return readFileSync(this.#printed, 'utf8');
  }

  /**
   * Blocks the event loop of this process until the client has read its whole answer.
   *
   * @returns false if it has not done so in five seconds: it waits for something that is blocked
   */
  blockUntilRead(): boolean {
    return blockEventLoop(5_000, { until: () => statSync(this.#printed).size > 0 });
  }

  [Symbol.dispose](): void {
    this.#process?.kill();
    rmSync(this.#folder, { recursive: true });
  }
}
