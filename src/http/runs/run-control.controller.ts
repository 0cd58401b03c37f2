import {
  BadRequestException,
  NotFoundException,
  NotImplementedException,
  Param,
  Req,
  Res,
  type Type,
} from '@nestjs/common';

import { COMPONENT_ROUTES } from '../../protocol/routes.js';
import type { ComponentKind } from '../../model/component-identity.js';
import { AgentOsRoutes, Handles } from '../agent-os-route.decorator.js';
import { readForm, type FormRequest } from '../forms/read-form.js';
import type { EventPlace } from '../../protocol/event.ids.js';
import { read } from '../../protocol/read.js';
import { readQuery, type FieldRequest } from '../forms/read-request.js';
import { ProtocolResponder } from '../protocol.responder.js';
import { SessionAccess } from '../sessions/session.access.js';
import { lastEventOf } from './last.event.js';
import { nameController } from './name-controller.js';
import { ResumeResponder } from './resume.responder.js';
import { RunFinder } from './run.finder.js';

type ControlRequest = FormRequest & FieldRequest;

/** The index of the client's last event of the run; -1 if it names none. */
function indexIn(place: EventPlace | undefined, runId: string): number {
  if (!place) return -1;
  if (place.runId !== runId) throw new BadRequestException(`Last-Event-ID is of another run than ${runId}.`);
  return place.index === 'end' ? Number.MAX_SAFE_INTEGER : place.index;
}

/** The routes that control a started run; a separate class for each kind of component. */
export function runControlControllerOf(kind: ComponentKind): Type {
  const routes = COMPONENT_ROUTES[kind];
  // A missing session has an answer of its own in the protocol: 400.
  const continuation = routes.continue.body.schema.partial({ session_id: true });
  @AgentOsRoutes()
  class RunControlController {
    constructor(
      private readonly finder: RunFinder,
      private readonly access: SessionAccess,
      private readonly resuming: ResumeResponder,
      private readonly responder: ProtocolResponder,
    ) {}

    /** A run that does not exist, or no longer, needs no cancelling. */
    @Handles(routes.cancel)
    async cancel(
      @Param('id') id: string,
      @Param('run_id') runId: string,
      @Req() request: ControlRequest,
      @Res() response: object,
    ): Promise<void> {
      const component = this.finder.component(kind, id);
      const { session_id: sessionId } = readQuery(request, routes.cancel);
      const run = await this.finder.inFlight(request, component, runId);
      run?.cancel(`Run ${runId} was cancelled`);
      if (!run && this.access.isHostAsked && !(await this.finder.recorded(request, component, runId))) {
        // Clients must not be able to tell a run that does not exist from a run of another user.
        const settled = sessionId && (await this.finder.stored(request, component, sessionId, runId));
        if (!settled) throw new NotFoundException('Run not found');
      }
      this.responder.reply(response, {});
    }

    @Handles(routes.continue)
    async continue(
      @Param('id') id: string,
      @Param('run_id') runId: string,
      @Req() request: ControlRequest,
      // Without it, Nest would send a second answer when an interceptor of the host replaces the error by a value.
      @Res() _response: object,
    ): Promise<never> {
      const component = this.finder.component(kind, id);
      const { fields } = await readForm(request);
      const { session_id: sessionId } = read(continuation, fields, ['body']);
      if (sessionId === undefined) throw new BadRequestException('session_id is required to continue a run');
      const run = await this.finder.find(request, component, sessionId, runId);
      if (!run) throw new NotFoundException('Run not found');
      throw new NotImplementedException(
        'Continuing a run is not supported: runs do not pause for a confirmation in this version.',
      );
    }

    @Handles(routes.resume)
    async resume(
      @Param('id') id: string,
      @Param('run_id') runId: string,
      @Req() request: ControlRequest,
      @Res() response: object,
    ): Promise<void> {
      const component = this.finder.component(kind, id);
      const { fields } = await readForm(request);
      const { session_id: sessionId, last_event_index: index } = read(routes.resume.body.schema, fields, [
        'body',
      ]);
      const last = index ?? indexIn(lastEventOf(request), runId);
      const recording = await this.finder.recorded(request, component, runId, 'runs');
      if (recording) return this.resuming.fromRecording(recording, last, response);
      const stored = sessionId && (await this.finder.stored(request, component, sessionId, runId));
      if (stored) return this.resuming.fromStore(stored, last, response);
      if (this.access.isHostAsked) throw new NotFoundException('Run not found');
      await this.resuming.unknown(runId, response);
    }
  }
  return nameController(RunControlController, kind);
}
