import type { Component } from '../../components/component.js';
import { AgentOsLogger } from '../../errors/agent-os.logger.js';
import { forLog } from '../../errors/log.text.js';
import type { RunEvent } from '../../model/run-event.js';
import type { RunHandle } from '../../runs/run.view.js';
import type { EventStream } from './event.stream.js';
import { recordedRunOf, type RunRecording } from './run.recording.js';
import type { RunRecordings } from './run.recordings.js';
import type { StreamEncoder } from './stream.encoder.js';

/** The parts of a {@link RecordedStream}. */
export interface RecordedStreamParts<E> {
  readonly component: Component;
  readonly encoder: StreamEncoder<E>;
  readonly recordings: RunRecordings;
  /** To the client that has started the run; undefined if it reads the recording, as others do. */
  readonly stream?: EventStream;
}

/** A run that is being streamed. */
interface StreamedRun {
  readonly run: RunHandle;
  readonly recording: RunRecording;
}

/** The events of a run on their way to the client that has started it, and into a recording for clients that come back. */
export class RecordedStream<E> {
  readonly #logger = new AgentOsLogger();
  readonly #parts: RecordedStreamParts<E>;
  /** The first events, as they are sent: a run emits them while it is started, before its recording exists. */
  #early: E[] = [];
  #streamed: StreamedRun | undefined;
  /** Set while the latest events could not be written. */
  #broken: { readonly thrown: unknown } | undefined;

  constructor(parts: RecordedStreamParts<E>) {
    this.#parts = parts;
  }

  /**
   * The run has started: from now on its events are recorded, those before included.
   *
   * @returns the recording
   */
  begin(run: RunHandle): RunRecording {
    const { encoder, recordings } = this.#parts;
    const recording = recordings.begin(recordedRunOf(run, encoder.route));
    this.#streamed = { run, recording };
    const early = this.#early;
    this.#early = [];
    void this.#send(early);
    return recording;
  }

  /**
   * Writes the next event. Resolves when the reader can take more, or has left.
   *
   * @throws errors of the encoder
   */
  write(event: RunEvent): Promise<void> | undefined {
    try {
      const sent = this.#send(this.#parts.encoder.take(event, this.#streamed?.run));
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

  /** The run has settled, or could not be started. */
  end(): void {
    const { encoder, stream } = this.#parts;
    if (this.#broken) this.#report(this.#broken.thrown);
    const last = encoder.end(this.#broken !== undefined);
    if (this.#streamed) void this.#send(last);
    else
      void stream?.write([...this.#early, ...last].map((sent) => encoder.toFrame(sent, undefined)).join(''));
    stream?.end();
    if (this.#streamed) this.#endRecording(this.#streamed);
  }

  #send(next: readonly E[]): Promise<void> | undefined {
    if (this.#streamed) {
      const { encoder, stream } = this.#parts;
      const frames = this.#streamed.recording.record(next, (sent, place) => encoder.toFrame(sent, place));
      return stream?.write(frames.join(''));
    }
    this.#early.push(...next);
    return undefined;
  }

  #endRecording({ run, recording }: StreamedRun): void {
    const { encoder, recordings } = this.#parts;
    recording.end(run.output.status);
    if (encoder.isKept) recordings.keep(recording);
    else recordings.drop(recording);
  }

  #report(thrown: unknown): void {
    const { component, encoder } = this.#parts;
    const { reason, stack } = forLog(thrown);
    this.#logger.error(
      `The event stream of ${component.kind} "${component.id}" for a client of /${encoder.route} broke: ${reason}`,
      stack,
    );
  }
}
