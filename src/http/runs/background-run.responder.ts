import { Injectable } from '@nestjs/common';

import type { Component } from '../../components/component.js';
import type { WirePendingRun } from '../../protocol/runs.js';
import { currentScope } from '../../runs/scope.js';
import type { BodyCount } from '../forms/body.memory.js';
import type { RunForm } from '../forms/run-form.js';
import { ProtocolResponder } from '../protocol.responder.js';
import { BackgroundRunStarter } from './background-run.starter.js';
import { EventStreamOpener } from './event-stream.opener.js';
import type { EventStream } from './event.stream.js';
import type { RunRecording } from './run.recording.js';

/** Runs a component in the background of the server: the run goes on when its client has left. */
@Injectable()
export class BackgroundRunResponder {
  constructor(
    private readonly starter: BackgroundRunStarter,
    private readonly streams: EventStreamOpener,
    private readonly responder: ProtocolResponder,
  ) {}

  /** Answers with the run's id, so that the client can ask for the result later. */
  json(component: Component, form: RunForm, response: object, memory: BodyCount): void {
    const { run } = this.starter.start(component, form, memory);
    const { runId: run_id, sessionId: session_id } = run;
    const pending: WirePendingRun = { run_id, session_id, status: 'PENDING' };
    this.responder.reply(response, pending, 202);
  }

  /** Answers with the run's events, numbered so that a client which loses the connection can resume. */
  async stream(component: Component, form: RunForm, response: object, memory: BodyCount): Promise<void> {
    const recording = this.starter.start(component, form, memory);
    const stream = this.streams.open(response);
    await copyFrames(recording, 0, stream);
    stream.end();
  }
}

/**
 * Writes the recorded events from this index on, until the run has ended or the reader has left.
 *
 * @param onGap - called if events were dropped before they could be written, in place of those that follow
 */
export async function copyFrames(
  recording: RunRecording,
  from: number,
  stream: EventStream,
  onGap?: () => void,
): Promise<void> {
  const reader = new AbortController();
  currentScope().response?.onClosed(() => reader.abort());
  for await (const frame of recording.read(from, reader.signal, onGap)) await stream.write(frame);
}
