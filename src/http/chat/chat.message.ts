import type { RunEvent } from '../../model/run-event.js';
import { UiMessageChunks } from '../../protocol/ui-message.chunks.js';
import { toUiFrame, UI_MESSAGE_STREAM_END, type UiMessageChunk } from '../../protocol/ui-messages.js';
import type { EventStream } from '../runs/event.stream.js';
import type { RunRecording } from '../runs/run.recording.js';

/** A message on its way to a chat client, and into a recording for clients that come back. */
export class ChatMessage {
  readonly #stream: EventStream;
  readonly #chunks = new UiMessageChunks();
  /** Frames of the first events: a run emits them while it is started, before its recording exists. */
  #early: string[] = [];
  #recording: RunRecording | undefined;
  #broken: { readonly thrown: unknown } | undefined;

  constructor(stream: EventStream) {
    this.#stream = stream;
  }

  /** Why the message cannot be completed. */
  get broken(): { readonly thrown: unknown } | undefined {
    return this.#broken;
  }

  /** From now on the message is recorded, with what was written before. */
  recordIn(recording: RunRecording): void {
    this.#recording = recording;
    recording.add(this.#early);
    this.#early = [];
  }

  /** Writes the next event of the run. Resolves when the reader can take more, or has left. */
  write(event: RunEvent): Promise<void> | undefined {
    try {
      const frames = this.#chunks.take(event).map(toUiFrame);
      this.#broken = undefined;
      return this.#send(frames);
    } catch (thrown) {
      this.fail(thrown);
      throw thrown;
    }
  }

  /** The message cannot be completed, unless a later event can be written. */
  fail(thrown: unknown): void {
    this.#broken = { thrown };
  }

  /** The run has settled. */
  async end(): Promise<void> {
    const left: readonly UiMessageChunk[] = this.#broken ? this.#chunks.breakOff() : [];
    await this.#send([...left.map(toUiFrame), UI_MESSAGE_STREAM_END]);
    this.#stream.end();
  }

  #send(frames: readonly string[]): Promise<void> | undefined {
    if (this.#recording) this.#recording.add(frames);
    else this.#early.push(...frames);
    return this.#stream.write(frames.join(''));
  }
}
