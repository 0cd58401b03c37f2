import { AsyncLocalStorage } from 'node:async_hooks';

import type { RunEvent } from '../model/run-event.js';
import type { RunRequest } from './run.js';
import { startRun } from './start.js';

/** The number of unread events from which the run waits for its reader. */
const READ_AHEAD = 16;

/** A run whose events are read. */
export type StreamRequest = Omit<RunRequest, 'sink'>;

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

function noop(): void {
  // No reader is waiting.
}
