import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { blockEventLoop } from 'nestjs-agentos/testing';

const SCRIPT = fileURLToPath(new URL('./read-answer.mjs', import.meta.url));

/** A client that does not share the event loop with the server. It reads one answer after another. */
export class ClientProcess {
  readonly #folder = mkdtempSync(join(tmpdir(), 'client-'));
  readonly #process = spawn(process.execPath, [SCRIPT], { stdio: ['pipe', 'pipe', 'inherit'] });
  #answers = 0;

  /** Sends the request; resolves with the whole answer. */
  async read(url: string, body = ''): Promise<string> {
    this.#answers += 1;
    const file = this.#file;
    const read = once(this.#process.stdout, 'data');
    this.#process.stdin.write(`${JSON.stringify({ url, body, file })}\n`);
    await read;
    return readFileSync(file, 'utf8');
  }

  /**
   * Blocks the event loop of this process until the client has read its whole answer.
   *
   * @returns false if it has not done so in five seconds: it waits for something that is blocked
   */
  blockUntilRead(): boolean {
    return blockEventLoop(5_000, { until: () => existsSync(this.#file) && statSync(this.#file).size > 0 });
  }

  close(): void {
    this.#process.kill();
    rmSync(this.#folder, { recursive: true });
  }

  /** Where the client writes the answer. */
  get #file(): string {
    return join(this.#folder, `${this.#answers}.txt`);
  }
}
