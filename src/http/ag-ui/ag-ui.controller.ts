import { Inject, NotFoundException, Param, Req, Res, type Type } from '@nestjs/common';

import type { ResolvedAgentOsOptions } from '../../agent-os.options.js';
import { AgentOsRuntime } from '../../agent-os.runtime.js';
import { RESOLVED_OPTIONS } from '../../agent-os.tokens.js';
import type { Component } from '../../components/component.js';
import type { ComponentKind } from '../../model/component-identity.js';
import type { EventPlace } from '../../protocol/event.ids.js';
import { COMPONENT_ROUTES } from '../../protocol/routes.js';
import { AgentOsRoutes, Handles } from '../agent-os-route.decorator.js';
import { readBody, type FieldRequest } from '../forms/read-request.js';
import { ProtocolResponder } from '../protocol.responder.js';
import { lastEventOf } from '../runs/last.event.js';
import { nameController } from '../runs/name-controller.js';
import { ReplacedRuns } from '../runs/replaced.runs.js';
import { ResumeResponder } from '../runs/resume.responder.js';
import { RunFinder } from '../runs/run.finder.js';
import { withUser } from '../runs/run.user.js';
import { StreamResponder } from '../runs/stream.responder.js';
import { SessionAccess } from '../sessions/session.access.js';
import { AgUiEncoder } from './ag-ui.encoder.js';
import { droppedByAgUi, parseAgUiForm } from './ag-ui.form.js';

/** The routes for clients of AG-UI; a separate class for each kind of component. */
export function agUiControllerOf(kind: ComponentKind): Type {
  const routes = COMPONENT_ROUTES[kind];
  @AgentOsRoutes()
  class AgUiController {
    constructor(
      @Inject(RESOLVED_OPTIONS) private readonly options: ResolvedAgentOsOptions,
      private readonly runtime: AgentOsRuntime,
      private readonly finder: RunFinder,
      private readonly access: SessionAccess,
      private readonly replaced: ReplacedRuns,
      private readonly streams: StreamResponder,
      private readonly resuming: ResumeResponder,
      private readonly responder: ProtocolResponder,
    ) {}

    /** Awaits the run: the handler's observable ends when the run has settled and its answer is being sent. */
    @Handles(routes.agUi)
    async run(@Param('id') id: string, @Req() request: FieldRequest, @Res() response: object): Promise<void> {
      const component = this.finder.component(kind, id);
      const last = lastEventOf(request);
      if (last) return this.#resume(component, last, request, response);
      // Checked before the message is read, and again when the run starts.
      this.runtime.inFlight.admit();
      const asked = readBody(request, routes.agUi);
      const question = await withUser(parseAgUiForm(asked, this.options.http), request, this.access);
      const form = await this.replaced.addTo(question, droppedByAgUi(asked), component);
      await this.streams.answer(component, form, new AgUiEncoder(asked), response);
    }

    @Handles(routes.agUiStream)
    async stream(
      @Param('id') id: string,
      @Param('thread_id') threadId: string,
      @Req() request: FieldRequest,
      @Res() response: object,
    ): Promise<void> {
      const component = this.finder.component(kind, id);
      const last = lastEventOf(request);
      if (last) return this.#resume(component, last, request, response, threadId);
      const recording = await this.finder.streamed(request, component, threadId, 'ag-ui');
      // A stream without its beginning cannot be read.
      if (!recording?.keepsFrom(0)) return this.responder.replyNothing(response);
      await this.resuming.fromStart(recording, response);
    }

    /** A client that has lost a stream sends the same request again, with the id of the last event that it has received. */
    async #resume(
      component: Component,
      last: EventPlace,
      request: FieldRequest,
      response: object,
      threadId?: string,
    ): Promise<void> {
      const recording = await this.finder.recorded(request, component, last.runId, 'ag-ui');
      const isOfThread = threadId === undefined || recording?.run.sessionId === threadId;
      // Clients cannot read a stream with a gap.
      const isLeft = last.index !== 'end' && recording?.keepsFrom(last.index + 1);
      if (!recording || !isOfThread || !isLeft) throw new NotFoundException('Run not found');
      await this.resuming.after(last, recording, response);
    }
  }
  return nameController(AgUiController, kind);
}
