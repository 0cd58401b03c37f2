import { Injectable } from '@nestjs/common';

import { AgentOsRuntime } from '../../agent-os.runtime.js';
import type { Component } from '../../components/component.js';
import { HooksNotStoredError, RunShutDownError } from '../../errors/run.errors.js';
import { disclosedError } from '../../runs/outcome.js';
import { startRun } from '../../runs/start.js';
import type { RunForm } from '../forms/run-form.js';
import { ProtocolResponder } from '../protocol.responder.js';
import { toWireFailure } from '../../protocol/errors.js';
import { toWireRun } from '../../protocol/runs.js';
import { RunEventEncoder } from './run-event.encoder.js';
import { StreamResponder } from './stream.responder.js';

/** Runs a component and answers with the result. */
@Injectable()
export class RunResponder {
  constructor(
    private readonly runtime: AgentOsRuntime,
    private readonly streams: StreamResponder,
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
  stream(component: Component, form: RunForm, response: object): Promise<void> {
    const encoder = new RunEventEncoder(component, { isAllWanted: form.streamEvents, isIndexed: false });
    return this.streams.answer(component, form, encoder, response);
  }
}
