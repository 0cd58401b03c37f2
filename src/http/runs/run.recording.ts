import type { RunStatus } from '../../model/run-output.js';
import type { EventPlace } from '../../protocol/event.ids.js';
import type { RunView } from '../../runs/run.view.js';

/** Bytes of events that are kept of one run; beyond that the oldest are dropped. */
export const RECORDING_BYTES = 1024 * 1024;

/** The last part of the route whose clients read a stream. Each route has a form of its own. */
export type StreamRoute = 'runs' | 'chat' | 'ag-ui';

/** The ids of a recorded run. */
export interface RecordedRun {
  readonly runId: string;
  readonly sessionId: string;
  readonly userId?: string;
  readonly componentId: string;
  readonly route: StreamRoute;
}

/** The ids of a run that is recorded. */
export function recordedRunOf(
  { runId, session, userId, component }: RunView,
  route: StreamRoute,
): RecordedRun {
  const user = userId === undefined ? {} : { userId };
  return { runId, sessionId: session.id, componentId: component.id, route, ...user };
}

/** The events of a run, for any number of readers. The run waits for none of them. */
export class RunRecording {
  readonly #frames: string[] = [];
  readonly #onResized: (bytes: number) => void;
  #firstIndex = 0;
  #bytes = 0;
  #status: RunStatus = 'RUNNING';
  #endedAt: number | undefined;
  #wakeReaders: (() => void)[] = [];

  /** @param onResized - called with the number of bytes by which the recording has grown or shrunk */
  constructor(
    readonly run: RecordedRun,
    onResized: (bytes: number) => void = () => undefined,
  ) {
    this.#onResized = onResized;
  }

  get status(): RunStatus {
    return this.#status;
  }

  /** The number of events, dropped ones included. */
  get total(): number {
    return this.#firstIndex + this.#frames.length;
  }

  /** The number of events that are still kept. */
  get buffered(): number {
    return this.#frames.length;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Epoch milliseconds; undefined until the run has ended. */
  get endedAt(): number | undefined {
    return this.#endedAt;
  }

  /** Whether the event with this index and all after it are still kept. */
  keepsFrom(index: number): boolean {
    return index >= this.#firstIndex;
  }

  /**
   * Adds the next events.
   *
   * @param toFrame - writes an event at its place in the stream
   * @returns their frames
   */
  record<E>(
    events: readonly E[],
    toFrame: (event: E, place: EventPlace<number>) => string,
  ): readonly string[] {
    const { runId } = this.run;
    const first = this.total;
    const frames = events.map((event, offset) => toFrame(event, { runId, index: first + offset }));
    const before = this.#bytes;
    for (const frame of frames) {
      this.#frames.push(frame);
      this.#bytes += Buffer.byteLength(frame);
    }
    this.#forgetOldest(RECORDING_BYTES);
    this.#onResized(this.#bytes - before);
    this.#wake();
    return frames;
  }

  /** Drops the oldest events beyond this number of bytes. The latest one stays, for current readers. */
  shrink(capacity: number): void {
    const before = this.#bytes;
    this.#forgetOldest(capacity);
    this.#onResized(this.#bytes - before);
  }

  #forgetOldest(capacity: number): void {
    while (this.#bytes > capacity && this.#frames.length > 1) {
      this.#bytes -= Buffer.byteLength(this.#frames.shift() ?? '');
      this.#firstIndex += 1;
    }
  }

  end(status: RunStatus): void {
    this.#status = status;
    this.#endedAt = Date.now();
    this.#wake();
  }

  /** The frames of the kept events from the first index up to the second. */
  frames(from: number, to: number): readonly string[] {
    const first = Math.max(from, this.#firstIndex) - this.#firstIndex;
    return this.#frames.slice(first, Math.max(first, to - this.#firstIndex));
  }

  /**
   * The frames of the kept events from this index on, then those that follow until the run has ended.
   *
   * @param signal - aborted when the reader has left
   * @param onGap - called if events were dropped before the reader has taken them, which ends the reading; without it the reader
   *   goes on after them
   */
  async *read(from: number, signal: AbortSignal, onGap?: () => void): AsyncGenerator<string, void, void> {
    const wake = (): void => this.#wake();
    signal.addEventListener('abort', wake, { once: true });
    try {
      for (let index = from; ; index++) {
        while (index >= this.total && this.#endedAt === undefined && !signal.aborted) await this.#news();
        if (onGap && !this.keepsFrom(index)) return onGap();
        index = Math.max(index, this.#firstIndex);
        const frame = this.#frames[index - this.#firstIndex];
        if (frame === undefined || signal.aborted) return;
        yield frame;
      }
    } finally {
      signal.removeEventListener('abort', wake);
    }
  }

  #news(): Promise<void> {
    return new Promise((resolve) => this.#wakeReaders.push(resolve));
  }

  #wake(): void {
    const readers = this.#wakeReaders;
    this.#wakeReaders = [];
    for (const wake of readers) wake();
  }
}
