import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

/** A process that takes a folder and keeps it. */
export interface FolderProcess {
  readonly process: ChildProcessWithoutNullStreams;
  /** What it has printed, once it has the folder or has ended. */
  readonly said: Promise<string>;
  readonly ended: Promise<unknown>;
}

/** Processes of one fixture, compiled to a folder, which get the path of a folder. */
export class FolderProcesses {
  readonly #fixture: string;
  readonly #started: FolderProcess[] = [];

  constructor(compiled: string, fixture: string) {
    this.#fixture = join(compiled, 'test', 'fixtures', fixture);
  }

  /** @param before - a command that starts the process, with its parameters */
  start(path: string, before: readonly string[] = []): FolderProcess {
    const [command = '', ...rest] = [...before, process.execPath, this.#fixture, path];
    const child = spawn(command, rest);
    let printed = '';
    const ended = once(child, 'close');
    const said = new Promise<string>((resolve) => {
      for (const output of [child.stdout, child.stderr])
        output.setEncoding('utf8').on('data', (text: string) => {
          printed += text;
          if (printed.startsWith('taken')) resolve(printed);
        });
      child.once('close', () => resolve(printed));
    });
    const started = { process: child, said, ended };
    this.#started.push(started);
    return started;
  }

  async killAll(): Promise<void> {
    for (const { process, ended } of this.#started.splice(0)) {
      process.kill('SIGKILL');
      await ended;
    }
  }
}
