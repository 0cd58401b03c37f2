import { Injectable } from '@nestjs/common';

import { AgentOsRuntime } from '../../agent-os.runtime.js';
import type { Component } from '../../components/component.js';
import { AgentOsLogger } from '../../errors/agent-os.logger.js';
import { forLog } from '../../errors/log.text.js';
import type { RunEvent } from '../../model/run-event.js';
import { UI_MESSAGE_STREAM_HEADERS } from '../../protocol/ui-messages.js';
import type { RunHandle, RunView } from '../../runs/run.view.js';
import { startRun } from '../../runs/start.js';
import type { RunForm } from '../forms/run-form.js';
import { copyFrames } from '../runs/background-run.responder.js';
import { EventStreamOpener } from '../runs/event-stream.opener.js';
import { recordedRunOf, type RunRecording } from '../runs/run.recording.js';
import { ChatMessage } from './chat.message.js';
import { ChatRecordings } from './chat.recordings.js';

/** Answers chat clients with the UI message stream of the AI SDK. */
@Injectable()
export class ChatResponder {
  readonly #logger = new AgentOsLogger();

  constructor(
    private readonly runtime: AgentOsRuntime,
    private readonly streams: EventStreamOpener,
    private readonly recordings: ChatRecordings,
  ) {}

  /** Runs the component, and answers with its answer, as it comes. */
  async answer(component: Component, { input, options, owner }: RunForm, response: object): Promise<void> {
    // Before the answer begins: after that, its status cannot report a refusal.
    this.runtime.inFlight.admit();
    const { environment } = this.runtime;
    const message = new ChatMessage(this.streams.open(response, UI_MESSAGE_STREAM_HEADERS));
    const sink = (event: RunEvent): Promise<void> | undefined => message.write(event);
    let run: RunHandle | undefined;
    let recording: RunRecording | undefined;
    try {
      run = startRun({ component, input, options, owner, environment, sink });
      recording = this.recordings.begin(recordedRunOf(run));
      message.recordIn(recording);
      await run.settled;
    } catch (thrown) {
      message.fail(thrown);
    } finally {
      if (message.broken) this.#report(component, message.broken.thrown);
      await message.end();
      if (run && recording) this.#end(recording, run);
    }
  }

  /** Answers with a message that is being streamed to another reader, from its start. */
  async repeat(recording: RunRecording, response: object): Promise<void> {
    const stream = this.streams.open(response, UI_MESSAGE_STREAM_HEADERS);
    await copyFrames(recording, 0, stream);
    stream.end();
  }

  #end(recording: RunRecording, { output }: RunView): void {
    recording.end(output.status);
    this.recordings.drop(recording);
  }

  #report({ kind, id }: Component, thrown: unknown): void {
    const { reason, stack } = forLog(thrown);
    this.#logger.error(`The chat with ${kind} "${id}" broke: ${reason}`, stack);
  }
}
