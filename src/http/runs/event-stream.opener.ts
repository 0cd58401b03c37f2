import { Injectable, StreamableFile } from '@nestjs/common';

import { AgentOsRuntime } from '../../agent-os.runtime.js';
import { rawResponseOf } from '../../runs/background/response.lifecycle.js';
import { currentScope } from '../../runs/scope.js';
import { ProtocolResponder } from '../protocol.responder.js';
import { EventStream } from './event.stream.js';

/** Answers requests with streams of events. */
@Injectable()
export class EventStreamOpener {
  constructor(
    private readonly runtime: AgentOsRuntime,
    private readonly responder: ProtocolResponder,
  ) {}

  /**
   * Answers with a stream that can be written from now on. The caller ends it.
   *
   * @param headers - besides those of all streams
   */
  open(response: object, headers: Readonly<Record<string, string>> = {}): EventStream {
    const stream = new EventStream();
    const events = new StreamableFile(stream.readable, { type: 'text/event-stream; charset=utf-8' });
    // An interceptor of the host may have answered while the form was read: the events then have no reader.
    if (this.responder.replyStream(response, events, headers)) this.#watch(stream, response);
    else stream.abandon();
    return stream;
  }

  /** Stops waiting for a reader that has left, or that stalls while the application shuts down. */
  #watch(stream: EventStream, response: object): void {
    const { shutdown } = this.runtime;
    const raw = rawResponseOf(response);
    const onDeadline = (): void => {
      // Destroying only the stream would leave the connection open for the bytes that are not read.
      if (stream.isStalled || (raw?.writableLength ?? 0) > 0) raw?.destroy();
    };
    shutdown.addEventListener('abort', onDeadline, { once: true });
    currentScope().response?.onClosed(() => {
      shutdown.removeEventListener('abort', onDeadline);
      stream.abandon();
    });
  }
}
