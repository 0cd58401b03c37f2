import { Injectable } from '@nestjs/common';

import { AgentOsRuntime } from '../../agent-os.runtime.js';
import type { Component } from '../../components/component.js';
import { AgentOsLogger } from '../../errors/agent-os.logger.js';
import { forLog } from '../../errors/log.text.js';
import type { RunEvent } from '../../model/run-event.js';
import { AgUiEvents, type AgUiRequest } from '../../protocol/ag-ui.events.js';
import { toAgUiFrame, type AgUiEvent } from '../../protocol/ag-ui.js';
import type { RunHandle } from '../../runs/run.view.js';
import { startRun } from '../../runs/start.js';
import type { RunForm } from '../forms/run-form.js';
import { EventStreamOpener } from '../runs/event-stream.opener.js';

/** Answers clients of AG-UI with the events of a run. */
@Injectable()
export class AgUiResponder {
  readonly #logger = new AgentOsLogger();

  constructor(
    private readonly runtime: AgentOsRuntime,
    private readonly streams: EventStreamOpener,
  ) {}

  /** Runs the component, and answers with its events, as they happen. */
  async answer(
    component: Component,
    { input, options, owner }: RunForm,
    request: AgUiRequest,
    response: object,
  ): Promise<void> {
    // Before the answer begins: after that, its status cannot report a refusal.
    this.runtime.inFlight.admit();
    const { environment } = this.runtime;
    const stream = this.streams.open(response);
    const events = new AgUiEvents(request);
    const write = (next: readonly AgUiEvent[]): Promise<void> | undefined =>
      stream.write(next.map(toAgUiFrame).join(''));
    let run: RunHandle | undefined;
    let broken: { readonly thrown: unknown } | undefined;
    const sink = (event: RunEvent): Promise<void> | undefined => {
      try {
        const frames = events.take(event, run && surroundingsOf(run));
        broken = undefined;
        return write(frames);
      } catch (thrown) {
        broken = { thrown };
        throw thrown;
      }
    };
    try {
      run = startRun({ component, input, options, owner, environment, sink });
      await run.settled;
    } catch (thrown) {
      broken = { thrown };
    } finally {
      if (broken) this.#report(component, broken.thrown);
      if (broken) await write(events.breakOff());
      stream.end();
    }
  }

  #report({ kind, id }: Component, thrown: unknown): void {
    const { reason, stack } = forLog(thrown);
    this.#logger.error(`The AG-UI stream of ${kind} "${id}" broke: ${reason}`, stack);
  }
}

function surroundingsOf({ context, backgroundHooks }: RunHandle): {
  sessionState: RunHandle['context']['sessionState'];
  backgroundHooks: RunHandle['backgroundHooks'];
} {
  return { sessionState: context.sessionState, backgroundHooks };
}
