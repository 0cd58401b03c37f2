import { Injectable } from '@nestjs/common';

import { AgentOsRuntime } from '../../agent-os.runtime.js';
import type { Component } from '../../components/component.js';
import { startRun } from '../../runs/start.js';
import type { RunForm } from '../forms/run-form.js';
import { EventStreamOpener } from './event-stream.opener.js';
import { RecordedStream } from './recorded.stream.js';
import { RunRecordings } from './run.recordings.js';
import type { StreamEncoder } from './stream.encoder.js';

/**
 * Runs components and answers with their events. The run writes into the response from within its own asynchronous
 * context; the reader never pulls it, so a reader that leaves does not stop it.
 */
@Injectable()
export class StreamResponder {
  constructor(
    private readonly runtime: AgentOsRuntime,
    private readonly streams: EventStreamOpener,
    private readonly recordings: RunRecordings,
  ) {}

  /** Runs the component, and answers with its events, as they happen. */
  async answer<E>(
    component: Component,
    { input, options, owner }: RunForm,
    encoder: StreamEncoder<E>,
    response: object,
  ): Promise<void> {
    // Before the answer begins: after that, its status cannot report a refusal.
    this.runtime.inFlight.admit();
    const { environment } = this.runtime;
    const stream = this.streams.open(response, encoder.headers);
    const events = new RecordedStream({ component, encoder, recordings: this.recordings, stream });
    try {
      const run = startRun({
        component,
        input,
        options,
        owner,
        environment,
        sink: (event) => events.write(event),
      });
      events.begin(run);
      await run.settled;
    } catch (thrown) {
      events.fail(thrown);
    } finally {
      events.end();
    }
  }
}
