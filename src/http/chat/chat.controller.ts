import { Inject, Param, Req, Res, type Type } from '@nestjs/common';

import type { ResolvedAgentOsOptions } from '../../agent-os.options.js';
import { AgentOsRuntime } from '../../agent-os.runtime.js';
import { RESOLVED_OPTIONS } from '../../agent-os.tokens.js';
import type { ComponentKind } from '../../model/component-identity.js';
import { COMPONENT_ROUTES } from '../../protocol/routes.js';
import { UI_MESSAGE_STREAM_HEADERS } from '../../protocol/ui-messages.js';
import { AgentOsRoutes, Handles } from '../agent-os-route.decorator.js';
import { readBody, type FieldRequest } from '../forms/read-request.js';
import { ProtocolResponder } from '../protocol.responder.js';
import { nameController } from '../runs/name-controller.js';
import { ReplacedRuns } from '../runs/replaced.runs.js';
import { ResumeResponder } from '../runs/resume.responder.js';
import { RunFinder } from '../runs/run.finder.js';
import { withUser } from '../runs/run.user.js';
import { StreamResponder } from '../runs/stream.responder.js';
import { SessionAccess } from '../sessions/session.access.js';
import { ChatEncoder } from './chat.encoder.js';
import { droppedByChat, parseChatForm } from './chat.form.js';

/** The routes for chat clients of the AI SDK; a separate class for each kind of component. */
export function chatControllerOf(kind: ComponentKind): Type {
  const routes = COMPONENT_ROUTES[kind];
  @AgentOsRoutes()
  class ChatController {
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
    @Handles(routes.chat)
    async chat(
      @Param('id') id: string,
      @Req() request: FieldRequest,
      @Res() response: object,
    ): Promise<void> {
      const component = this.finder.component(kind, id);
      // Checked before the message is read, and again when the run starts.
      this.runtime.inFlight.admit();
      const body = readBody(request, routes.chat);
      const question = await withUser(parseChatForm(body, this.options.http), request, this.access);
      const form = await this.replaced.addTo(question, droppedByChat(body), component);
      await this.streams.answer(component, form, new ChatEncoder(), response);
    }

    @Handles(routes.chatStream)
    async stream(
      @Param('id') id: string,
      @Param('session_id') sessionId: string,
      @Req() request: FieldRequest,
      @Res() response: object,
    ): Promise<void> {
      const component = this.finder.component(kind, id);
      const recording = await this.finder.streamed(request, component, sessionId, 'chat');
      // A stream without its beginning cannot be read.
      if (!recording?.keepsFrom(0)) return this.responder.replyNothing(response);
      await this.resuming.fromStart(recording, response, UI_MESSAGE_STREAM_HEADERS);
    }
  }
  return nameController(ChatController, kind);
}
