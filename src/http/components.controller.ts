import { Get, Res } from '@nestjs/common';

import { AgentOsRuntime } from '../agent-os.runtime.js';
import { AgentOsRoutes } from './agent-os-route.decorator.js';
import { ProtocolResponder } from './protocol.responder.js';
import { toWireComponent, toWireWorkflowSummary } from './wire/wire-component.js';

/** Lists what is served. */
@AgentOsRoutes()
export class ComponentsController {
  constructor(
    private readonly runtime: AgentOsRuntime,
    private readonly responder: ProtocolResponder,
  ) {}

  @Get('agents')
  agents(@Res() response: object): void {
    this.responder.reply(response, this.runtime.components.list('agent').map(toWireComponent));
  }

  @Get('teams')
  teams(@Res() response: object): void {
    this.responder.reply(response, this.runtime.components.list('team').map(toWireComponent));
  }

  @Get('workflows')
  workflows(@Res() response: object): void {
    this.responder.reply(response, this.runtime.components.list('workflow').map(toWireWorkflowSummary));
  }
}
