import { Injectable } from '@nestjs/common';

import { AgentOsLogger } from '../../errors/agent-os.logger.js';
import { AgentOsRuntime } from '../../agent-os.runtime.js';
import type { Component } from '../../components/component.js';
import { forLog } from '../../errors/log.text.js';
import { HooksNotStoredError, RunShutDownError } from '../../errors/run.errors.js';
import type { RunEvent } from '../../model/run-event.js';
import { disclosedError } from '../../runs/outcome.js';
import type { RunHandle, RunView } from '../../runs/run.view.js';
import { startRun } from '../../runs/start.js';
import type { RunForm } from '../forms/run-form.js';
import { ProtocolResponder } from '../protocol.responder.js';
import { toWireFailure } from '../../protocol/errors.js';
import { brokenStreamEvent } from '../../protocol/events.js';
import { toWireRun } from '../../protocol/runs.js';
import { toReadEvents } from './essential.events.js';
import { EventStreamOpener } from './event-stream.opener.js';
import { RecordedStream } from './recorded.stream.js';
import { recordedRunOf, type RunRecording } from './run.recording.js';
import { RunRecordings } from './run.recordings.js';
import { nowInSeconds } from '../../model/clock.js';

/**
 * Runs a component and answers with the result. The run writes into the response from within its own asynchronous
 * context; the reader never pulls it, so a reader that leaves does not stop it.
 */
@Injectable()
export class RunResponder {
  readonly #logger = new AgentOsLogger();

  constructor(
    private readonly runtime: AgentOsRuntime,
    private readonly streams: EventStreamOpener,
    private readonly recordings: RunRecordings,
    private readonly responder: ProtocolResponder,
  ) {}

  /** Answers with the run's output: 200 if it completed or was cancelled on request, else the status of its error. */
  async json(
    component: Component,
    { input: asked, options, owner }: RunForm,
    response: object,
  ): Promise<void> {
    const { environment } = this.runtime;
    const run = startRun({ component, input: asked, options, owner, environment });
    const { outcome, output, error } = await run.settled;
    const { input, context } = run;
    const body = toWireRun(output, { input, sessionState: context.sessionState });
    // A client that has cancelled its run knows about it; a shutdown must be reported.
    const isShutDown = error instanceof RunShutDownError;
    if (!error || (outcome === 'cancelled' && !isShutDown)) return this.responder.reply(response, body, 200);
    if (isShutDown || error instanceof HooksNotStoredError) this.responder.askToRetry(response, error);
    const failed = { ...body, ...toWireFailure(disclosedError(error)) };
    this.responder.reply(response, failed, error.getStatus());
  }

  /** Answers with the run's events, as they happen. */
  async stream(
    component: Component,
    { input, options, owner, streamEvents }: RunForm,
    response: object,
  ): Promise<void> {
    // Before the answer begins: after that, its status cannot report a refusal.
    this.runtime.inFlight.admit();
    const events = new RecordedStream(this.streams.open(response));
    const { environment } = this.runtime;
    const sink = (event: RunEvent): Promise<void> | undefined =>
      events.write(() => toReadEvents(event, component, streamEvents));
    let run: RunHandle | undefined;
    let recording: RunRecording | undefined;
    try {
      run = startRun({ component, input, options, owner, environment, sink });
      recording = this.recordings.begin(recordedRunOf(run));
      events.recordIn(recording);
      await run.settled;
    } catch (thrown) {
      events.fail(thrown);
    } finally {
      if (events.broken) await this.#reportBrokenStream(events, component);
      events.end();
      if (run && recording) this.#keep(recording, run);
    }
  }

  #keep(recording: RunRecording, { output }: RunView): void {
    recording.end(output.status);
    this.recordings.keep(recording);
  }

  async #reportBrokenStream(events: RecordedStream, { kind, id }: Component): Promise<void> {
    const { reason, stack } = forLog(events.broken?.thrown);
    this.#logger.error(`The event stream of ${kind} "${id}" broke: ${reason}`, stack);
    await events.write(() => [brokenStreamEvent(kind, nowInSeconds())]);
  }
}
