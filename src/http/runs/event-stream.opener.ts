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

  /** Answers with a stream that is written from now on. Whoever opens it ends it. */
  open(response: object): EventStream {
    const stream = new EventStream();
    const events = new StreamableFile(stream.readable, { type: 'text/event-stream; charset=utf-8' });
    // An interceptor of the host may have answered while the form was read: nothing reads the events then.
    if (this.responder.replyStream(response, events)) this.#watch(stream, response);
    else stream.abandon();
    return stream;
  }

  /** A reader that has left, or stalls while the application shuts down, is waited for no longer. */
  #watch(stream: EventStream, response: object): void {
    const { shutdown } = this.runtime;
    const raw = rawResponseOf(response);
    const onDeadline = (): void => {
      // Destroying the stream alone would leave the connection open for the bytes that nobody reads.
      if (stream.isStalled || (raw?.writableLength ?? 0) > 0) raw?.destroy();
    };
    shutdown.addEventListener('abort', onDeadline, { once: true });
    currentScope().response?.onClosed(() => {
      shutdown.removeEventListener('abort', onDeadline);
      stream.abandon();
    });
  }
}
