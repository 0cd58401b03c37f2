import { Get } from '@nestjs/common';

import { AgentOsRuntime } from '../agent-os.runtime.js';
import { AgentOsRoutes } from './agent-os-route.decorator.js';
import {
  toWireComponent,
  toWireWorkflowSummary,
  type WireComponent,
  type WireWorkflowSummary,
} from './wire/wire-component.js';

/** Lists what is served. */
@AgentOsRoutes()
export class ComponentsController {
  constructor(private readonly runtime: AgentOsRuntime) {}

  @Get('agents')
  agents(): WireComponent[] {
    return this.runtime.components.list('agent').map(toWireComponent);
  }

  @Get('teams')
  teams(): WireComponent[] {
    return this.runtime.components.list('team').map(toWireComponent);
  }

  @Get('workflows')
  workflows(): WireWorkflowSummary[] {
    return this.runtime.components.list('workflow').map(toWireWorkflowSummary);
  }
}
