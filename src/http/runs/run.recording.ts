import type { RunStatus } from '../../model/run-output.js';
import { toFrame, type WireEvent } from '../wire/wire-event-frame.js';

/** Bytes of events that are kept of one run; beyond that the oldest are forgotten. */
export const RECORDING_BYTES = 1024 * 1024;

/** Who a recorded run is. */
export interface RecordedRun {
  readonly runId: string;
  readonly sessionId: string;
  readonly userId?: string;
  readonly componentId: string;
}

/** The events of a run in the background, numbered, for readers who come and go. The run waits for none of them. */
export class RunRecording {
  readonly #frames: string[] = [];
  readonly #onResized: (bytes: number) => void;
  #firstIndex = 0;
  #bytes = 0;
  #status: RunStatus = 'RUNNING';
  #endedAt: number | undefined;
  #wakeReaders: (() => void)[] = [];

  /** @param onResized - told by how many bytes the recording has grown or shrunk */
  constructor(
    readonly run: RecordedRun,
    onResized: (bytes: number) => void = () => undefined,
  ) {
    this.#onResized = onResized;
  }

  get status(): RunStatus {
    return this.#status;
  }

  /** How many events there were, those that are forgotten included. */
  get total(): number {
    return this.#firstIndex + this.#frames.length;
  }

  /** How many events are still known. */
  get buffered(): number {
    return this.#frames.length;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Epoch milliseconds; undefined while the run goes on. */
  get endedAt(): number | undefined {
    return this.#endedAt;
  }

  record(events: readonly WireEvent[]): void {
    const before = this.#bytes;
    for (const event of events) {
      const frame = toFrame({ ...event, event_index: this.total });
      this.#frames.push(frame);
      this.#bytes += Buffer.byteLength(frame);
    }
    this.#forgetOldest(RECORDING_BYTES);
    this.#onResized(this.#bytes - before);
    this.#wake();
  }

  /** Forgets the oldest events beyond so many bytes. The latest one stays, for those who read along. */
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

  /** The frames of the events from the first index up to the second, as far as they are known. */
  frames(from: number, to: number): readonly string[] {
    const first = Math.max(from, this.#firstIndex) - this.#firstIndex;
    return this.#frames.slice(first, Math.max(first, to - this.#firstIndex));
  }

  /**
   * The frames of the events from this index on, as far as they are known, then those that follow until the run has
   * ended.
   *
   * @param signal - aborted when the reader has left
   */
  async *read(from: number, signal: AbortSignal): AsyncGenerator<string, void, void> {
    const wake = (): void => this.#wake();
    signal.addEventListener('abort', wake, { once: true });
    try {
      for (let index = from; ; index++) {
        while (index >= this.total && this.#endedAt === undefined && !signal.aborted) await this.#news();
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
