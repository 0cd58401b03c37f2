import type { RunEvent } from '../../model/run-event.js';
import { UiMessageChunks } from '../../protocol/ui-message.chunks.js';
import {
  toUiFrame,
  UI_MESSAGE_STREAM_END,
  UI_MESSAGE_STREAM_HEADERS,
  type UiMessageChunk,
} from '../../protocol/ui-messages.js';
import type { StreamEncoder } from '../runs/stream.encoder.js';

const DONE = 'done';

/** Writes a run as a message of the AI SDK's chat clients. They read its stream again only from its start. */
export class ChatEncoder implements StreamEncoder<UiMessageChunk | typeof DONE> {
  readonly route = 'chat';
  readonly isKept = false;
  readonly headers = UI_MESSAGE_STREAM_HEADERS;
  readonly #message = new UiMessageChunks();

  take(event: RunEvent): readonly UiMessageChunk[] {
    return this.#message.take(event);
  }

  end(isBroken: boolean): readonly (UiMessageChunk | typeof DONE)[] {
    return [...(isBroken ? this.#message.breakOff() : []), DONE];
  }

  toFrame(chunk: UiMessageChunk | typeof DONE): string {
    return chunk === DONE ? UI_MESSAGE_STREAM_END : toUiFrame(chunk);
  }
}
