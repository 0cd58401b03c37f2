import { Injectable, Logger, StreamableFile } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';

import { AgentOsRuntime } from '../agent-os.runtime.js';
import type { Component } from '../components/component.js';
import { AgentRunError } from '../errors/agent-run.error.js';
import { CheckError } from '../errors/check.errors.js';
import { toError } from '../errors/to-error.js';
import type { ActiveRun } from '../runs/active-run.js';
import { rawResponseOf } from '../runs/response.lifecycle.js';
import { currentScope } from '../runs/run.scope.js';
import { startRun } from '../runs/start-run.js';
import { EventStream } from './event.stream.js';
import type { RunForm } from './run-form.js';
import { toJsonValue } from './wire/to-json-value.js';
import { withoutUndefined, type WireObject } from './wire/wire-format.js';
import { toFrame } from './wire/wire-event-frame.js';
import { toFrames } from './wire/wire-run-event.js';
import { toWireRunOutput } from './wire/wire-run-output.js';

/**
 * Runs a component and answers with what came of it. The run is pumped into the response from within its own
 * asynchronous context; the reader never pulls it, so a reader that leaves does not stop it.
 */
@Injectable()
export class RunResponder {
  readonly #logger = new Logger('AgentOs');

  constructor(
    private readonly adapterHost: HttpAdapterHost,
    private readonly runtime: AgentOsRuntime,
  ) {}

  /** Answers with the run's output: 200 if it completed or was cancelled, else the status of its error. */
  async json(component: Component, form: RunForm, response: object): Promise<void> {
    let run: ActiveRun | undefined;
    const { environment } = this.runtime;
    let status = 200;
    let problem: WireObject = {};
    try {
      const { message: input, options } = form;
      await startRun({ component, input, options, environment, onStart: (started) => (run = started) });
    } catch (thrown) {
      if (!(thrown instanceof AgentRunError) || !run) throw thrown;
      status = run.outcome === 'cancelled' ? 200 : thrown.getStatus();
      if (status !== 200) problem = problemOf(thrown);
    }
    const { output, input, context } = run as ActiveRun;
    const body = { ...toWireRunOutput(output, { input, sessionState: context.sessionState }), ...problem };
    this.adapterHost.httpAdapter.reply(response, body, status);
  }

  /** Answers with the run's events, as they happen. */
  async stream(component: Component, form: RunForm, response: object): Promise<void> {
    const { httpAdapter } = this.adapterHost;
    const stream = new EventStream();
    this.#watch(stream, response);
    httpAdapter.setHeader(response, 'Cache-Control', 'no-cache');
    httpAdapter.setHeader(response, 'X-Accel-Buffering', 'no');
    const file = new StreamableFile(stream.readable, { type: 'text/event-stream; charset=utf-8' });
    httpAdapter.reply(response, file, 200);
    try {
      const { message: input, options } = form;
      const { environment } = this.runtime;
      await startRun({
        component,
        input,
        options,
        environment,
        sink: (event) => stream.write(toFrames(event)),
      });
    } catch (thrown) {
      // A run that ends with an error has said so in the stream.
      if (!(thrown instanceof AgentRunError)) await this.#reportBrokenStream(stream, component, thrown);
    } finally {
      stream.end();
    }
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

  async #reportBrokenStream(stream: EventStream, { kind, id }: Component, thrown: unknown): Promise<void> {
    const error = toError(thrown);
    this.#logger.error(`The event stream of ${kind} "${id}" broke: ${error.message}`, error.stack);
    const fields = {
      created_at: Math.floor(Date.now() / 1_000),
      content: 'Internal Server Error',
      error_type: 'internal_error',
    };
    await stream.write(
      toFrame(kind === 'team' ? 'TeamRunError' : kind === 'agent' ? 'RunError' : 'WorkflowError', fields),
    );
  }
}

/** What an error adds to the run's output. */
function problemOf(error: AgentRunError): WireObject {
  const check = error instanceof CheckError ? error : undefined;
  return withoutUndefined({
    detail: error.publicMessage,
    error_type: error.code,
    error_id: check?.trigger,
    additional_data: toJsonValue(check?.additionalData),
  });
}
