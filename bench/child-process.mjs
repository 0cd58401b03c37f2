import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

/** A process of the benchmark. It sends a greeting when it is ready, then answers one message at a time. */
export class ChildProcess {
  #process;
  /** What the error of a process that ended too early calls it. */
  #name;
  greeting;

  /**
   * Starts a script of this folder and waits for its greeting. The program that runs it is a Node, or any other that
   * reads and writes the JSON lines of Node's channel to its child processes.
   */
  static async start(script, { scriptArguments = [], nodeOptions = [], program = process.execPath } = {}) {
    const child = new ChildProcess();
    const options = { execArgv: nodeOptions, execPath: program };
    child.#process = fork(join(import.meta.dirname, script), scriptArguments, options);
    child.#name = [script, ...scriptArguments].join(' ');
    child.greeting = await child.#nextMessage();
    return child;
  }

  async ask(message) {
    this.#process.send(message);
    return this.#nextMessage();
  }

  async stop() {
    if (!this.#process.connected) return;
    const exited = once(this.#process, 'exit');
    this.#process.disconnect();
    await exited;
  }

  async #nextMessage() {
    const ended = new AbortController();
    const end = (code) => ended.abort(new Error(`${this.#name} ended with code ${code}.`));
    this.#process.once('exit', end);
    try {
      const [message] = await once(this.#process, 'message', { signal: ended.signal });
      if (message.error) throw new Error(message.error);
      return message;
    } catch (error) {
      throw ended.signal.aborted ? ended.signal.reason : error;
    } finally {
      this.#process.off('exit', end);
    }
  }
}
