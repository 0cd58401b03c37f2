import type { WireEvent } from '../../protocol/events.js';
import { toFrame } from '../../protocol/streams.js';
import type { EventStream } from './event.stream.js';
import type { RunRecording } from './run.recording.js';

/** The events of a run on their way to the client that has started it, and into a recording for a client that comes back. */
export class RecordedStream {
  readonly #stream: EventStream;
  /** The first events: a run emits them while it is started, before its recording exists. */
  #early: WireEvent[] = [];
  #recording: RunRecording | undefined;
  #broken: { readonly thrown: unknown } | undefined;

  constructor(stream: EventStream) {
    this.#stream = stream;
  }

  /** Set while the latest events could not be written. */
  get broken(): { readonly thrown: unknown } | undefined {
    return this.#broken;
  }

  /** From now on the events are recorded, those before included. */
  recordIn(recording: RunRecording): void {
    this.#recording = recording;
    const early = this.#early;
    this.#early = [];
    void this.#send(early);
  }

  /**
   * Writes the next events. Resolves when the reader can take more, or has left.
   *
   * @throws what the events' function throws, and errors of the conversion to JSON
   */
  write(events: () => readonly WireEvent[]): Promise<void> | undefined {
    try {
      const sent = this.#send(events());
      this.#broken = undefined;
      return sent;
    } catch (thrown) {
      this.fail(thrown);
      throw thrown;
    }
  }

  /** The run could not be started, or its events could not be written. */
  fail(thrown: unknown): void {
    this.#broken = { thrown };
  }

  end(): void {
    // A run that did not start has no recording.
    if (this.#early.length > 0) void this.#stream.write(this.#early.map((event) => toFrame(event)).join(''));
    this.#stream.end();
  }

  #send(events: readonly WireEvent[]): Promise<void> | undefined {
    if (this.#recording) return this.#stream.write(this.#recording.record(events, false).join(''));
    this.#early.push(...events);
    return undefined;
  }
}
