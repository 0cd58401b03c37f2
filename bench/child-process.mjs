import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

/** A process of the benchmark. It sends a greeting when it is ready, then answers one message at a time. */
export class ChildProcess {
  #process;
  greeting;

  /** Starts a script of this folder and waits for its greeting. */
  static async start(script, { scriptArguments = [], nodeOptions = [], node = process.execPath } = {}) {
    const child = new ChildProcess();
    const options = { execArgv: nodeOptions, execPath: node };
    child.#process = fork(join(import.meta.dirname, script), scriptArguments, options);
    // Nobody catches this: a benchmark without one of its processes is over.
    child.#process.once('exit', (code) => {
      if (code !== 0) throw new Error(`${script} ${scriptArguments.join(' ')} ended with code ${code}.`);
    });
    child.greeting = await child.#nextMessage();
    return child;
  }

  async ask(message) {
    this.#process.send(message);
    return this.#nextMessage();
  }

  async stop() {
    const exited = once(this.#process, 'exit');
    this.#process.disconnect();
    await exited;
  }

  async #nextMessage() {
    const [message] = await once(this.#process, 'message');
    if (message.error) throw new Error(message.error);
    return message;
  }
}
