import { AsyncLocalStorage } from 'node:async_hooks';

import { toError } from '../data/to-error.js';
import type { RunEvent } from '../model/run-event.js';
import type { RunOutput } from '../model/run-output.js';
import { Run, type RunRequest } from './run.js';
import type { RunHandle } from './run.view.js';

/** A run whose events are read. */
export type StreamRequest = Omit<RunRequest, 'sink'>;

/** The number of unread events from which the run waits for its reader. */
const READ_AHEAD = 16;

/**
 * Starts a run: as a part of the run that the calling code belongs to, else as the root of a new tree.
 *
 * @throws AgentOsConfigurationError if a hook of the component cannot be bound
 * @throws TypeError if the input is neither a text nor `{ content }`
 */
export function startRun(request: RunRequest): RunHandle {
  return Run.start(request);
}

/**
 * Runs a component to its end.
 *
 * @returns the output of the completed run
 * @throws AgentRunError if the run does not complete
 * @throws AgentOsConfigurationError or TypeError if it cannot start
 */
export function run(request: RunRequest): Promise<RunOutput> {
  let handle: RunHandle;
  try {
    handle = startRun(request);
  } catch (thrown) {
    return Promise.reject(toError(thrown));
  }
  const output = outputOf(handle);
  // Code that has several runs under way awaits one after the other: if all of them are cancelled, the rejection of the
  // second must not end the process. How a run ended is in its events and in the log. Only the caller of a direct run
  // that is part of nothing knows of it: a rejection that it does not handle is its defect.
  if (handle.isConducted) output.catch(ignore);
  return output;
}

/**
 * Runs a component and yields its events; the run starts with the first read. A run that fails ends with a
 * `run-error` event, not with an exception. A reader that stops early counts as a client that leaves.
 *
 * @throws AgentOsConfigurationError or TypeError if the run cannot start; with the first read
 */
export function streamRun(request: StreamRequest): AsyncGenerator<RunEvent, void, void> {
  // Nest reads a handler's result outside of the request's context; the run belongs to the code that called it.
  return readRun(request, AsyncLocalStorage.snapshot());
}

async function* readRun(
  request: StreamRequest,
  runInContext: ReturnType<typeof AsyncLocalStorage.snapshot>,
): AsyncGenerator<RunEvent, void, void> {
  const channel = new EventChannel();
  const run = runInContext(startRun, { ...request, sink: (event) => channel.push(event) });
  const finished = run.settled.then(() => channel.close());
  let isRead = false;
  try {
    yield* channel.read();
    isRead = true;
    await finished;
  } finally {
    channel.abandon();
    if (!isRead) run.readerLeft();
  }
}

/** A queue between the run, which waits when too much is unread, and the reader, who waits for more. */
class EventChannel {
  readonly #events: RunEvent[] = [];
  #state: 'open' | 'closed' | 'abandoned' = 'open';
  #wakeReader = noop;
  #wakeWriters: (() => void)[] = [];

  push(event: RunEvent): Promise<void> | undefined {
    if (this.#state === 'abandoned') return undefined;
    this.#events.push(event);
    this.#wakeReader();
    if (this.#events.length < READ_AHEAD) return undefined;
    return new Promise((resolve) => this.#wakeWriters.push(resolve));
  }

  close(): void {
    if (this.#state === 'open') this.#state = 'closed';
    this.#wakeReader();
  }

  /** The reader has left: the run goes on without waiting. */
  abandon(): void {
    this.#state = 'abandoned';
    this.#events.length = 0;
    this.#resumeWriters();
  }

  async *read(): AsyncGenerator<RunEvent, void, void> {
    for (;;) {
      const event = this.#events.shift();
      if (event) {
        this.#resumeWriters();
        yield event;
      } else if (this.#state === 'open') {
        await new Promise<void>((resolve) => (this.#wakeReader = resolve));
      } else {
        return;
      }
    }
  }

  #resumeWriters(): void {
    const writers = this.#wakeWriters;
    this.#wakeWriters = [];
    for (const resume of writers) resume();
  }
}

function outputOf(handle: RunHandle): Promise<RunOutput> {
  return handle.settled.then(({ output, error }) => {
    if (error) throw error;
    return output;
  });
}

function ignore(): void {
  // See run().
}

function noop(): void {
  // No reader is waiting.
}
