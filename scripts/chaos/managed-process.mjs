import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

/** A process of the application that is ended and started again. Each start has a name of its own in the record. */
export class ManagedProcess {
  #role;
  #label;
  #settings;
  #record;
  #child;
  #starts = 0;
  #isStopped = false;
  /** Whether the last start has come to its end. */
  isReady = false;
  /** The name of the last start. */
  name;
  /** Resolves with the port when the last start is ready; undefined if it has ended before. */
  ready = Promise.resolve(undefined);
  log = '';

  /** @param label - begins its names */
  constructor(role, label, settings, record) {
    this.#role = role;
    this.#label = label;
    this.#settings = settings;
    this.#record = record;
  }

  start() {
    this.#starts += 1;
    const name = `${this.#label}-${this.#starts}`;
    const parameter = JSON.stringify({ ...this.#settings, name, role: this.#role });
    const child = fork(join(import.meta.dirname, 'app.mjs'), [parameter], {
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      env: { ...process.env, NO_COLOR: '1' },
    });
    this.name = name;
    this.isReady = false;
    this.#child = child;
    for (const output of [child.stdout, child.stderr])
      output.setEncoding('utf8').on('data', (text) => (this.log += text));
    child.exited = once(child, 'exit');
    this.ready = Promise.race([
      once(child, 'message').then(([{ port }]) => {
        this.isReady = true;
        return port;
      }),
      child.exited.then(() => undefined),
    ]);
    return this.ready;
  }

  get isRunning() {
    return this.#child?.exitCode === null && this.#child.signalCode === null;
  }

  /** `kill -9`, at any time. */
  async kill() {
    if (!this.isRunning) return;
    const { name } = this;
    this.#child.kill('SIGKILL');
    await this.#child.exited;
    this.#isStopped = false;
    this.#record.add({ kind: 'killed', process: name });
  }

  /** SIGTERM; killed if it does not end within ten seconds. @returns whether it ended by itself */
  async end() {
    if (!this.isRunning) return true;
    this.#record.add({ kind: 'told-to-end', process: this.name });
    this.#child.kill('SIGTERM');
    const timer = setTimeout(() => void this.kill(), 10_000);
    const [, signal] = await this.#child.exited;
    clearTimeout(timer);
    return signal !== 'SIGKILL';
  }

  stop() {
    if (!this.isRunning || this.#isStopped) return;
    this.#isStopped = true;
    this.#child.kill('SIGSTOP');
  }

  continue() {
    if (!this.#isStopped) return;
    this.#isStopped = false;
    this.#child.kill('SIGCONT');
  }

  /** The stored ledger, as this process reads it; undefined if it does not answer. */
  async executions() {
    if (!this.isRunning) return undefined;
    const timer = new AbortController();
    const late = setTimeout(() => timer.abort(), 20_000);
    try {
      this.#child.send('executions');
      const [{ executions }] = await once(this.#child, 'message', { signal: timer.signal });
      return executions;
    } catch {
      return undefined;
    } finally {
      clearTimeout(late);
    }
  }
}
