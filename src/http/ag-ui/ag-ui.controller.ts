import { Inject, Param, Req, Res, type Type } from '@nestjs/common';

import type { ResolvedAgentOsOptions } from '../../agent-os.options.js';
import { AgentOsRuntime } from '../../agent-os.runtime.js';
import { RESOLVED_OPTIONS } from '../../agent-os.tokens.js';
import type { ComponentKind } from '../../model/component-identity.js';
import { COMPONENT_ROUTES } from '../../protocol/routes.js';
import { AgentOsRoutes, Handles } from '../agent-os-route.decorator.js';
import { readBody, type FieldRequest } from '../forms/read-request.js';
import { nameController } from '../runs/name-controller.js';
import { RunFinder } from '../runs/run.finder.js';
import { withUser } from '../runs/run.user.js';
import { StreamResponder } from '../runs/stream.responder.js';
import { SessionAccess } from '../sessions/session.access.js';
import { AgUiEncoder } from './ag-ui.encoder.js';
import { parseAgUiForm } from './ag-ui.form.js';

/** The route for clients of AG-UI; a separate class for each kind of component. */
export function agUiControllerOf(kind: ComponentKind): Type {
  const routes = COMPONENT_ROUTES[kind];
  @AgentOsRoutes()
  class AgUiController {
    constructor(
      @Inject(RESOLVED_OPTIONS) private readonly options: ResolvedAgentOsOptions,
      private readonly runtime: AgentOsRuntime,
      private readonly finder: RunFinder,
      private readonly access: SessionAccess,
      private readonly streams: StreamResponder,
    ) {}

    /** Awaits the run: the handler's observable ends when the run has settled and its answer is being sent. */
    @Handles(routes.agUi)
    async run(@Param('id') id: string, @Req() request: FieldRequest, @Res() response: object): Promise<void> {
      const component = this.finder.component(kind, id);
      // Checked before the message is read, and again when the run starts.
      this.runtime.inFlight.admit();
      const asked = readBody(request, routes.agUi);
      const form = await withUser(parseAgUiForm(asked, this.options.http), request, this.access);
      await this.streams.answer(component, form, new AgUiEncoder(asked), response);
    }
  }
  return nameController(AgUiController, kind);
}
