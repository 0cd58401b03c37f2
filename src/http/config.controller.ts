import { Res } from '@nestjs/common';

import { SERVER_ROUTES } from '../protocol/routes.js';
import { AgentOsRuntime } from '../agent-os.runtime.js';
import { AgentOsRoutes, Handles } from './agent-os-route.decorator.js';
import { ProtocolResponder } from './protocol.responder.js';
import { toWireConfig, toWireModels } from '../protocol/config.js';

/** Shows the components, their models, and the databases of sessions and evaluations. */
@AgentOsRoutes()
export class ConfigController {
  constructor(
    private readonly runtime: AgentOsRuntime,
    private readonly responder: ProtocolResponder,
  ) {}

  @Handles(SERVER_ROUTES.config)
  config(@Res() response: object): void {
    const { options, components } = this.runtime;
    this.responder.reply(response, toWireConfig(options, components));
  }

  @Handles(SERVER_ROUTES.models)
  models(@Res() response: object): void {
    this.responder.reply(response, toWireModels(this.runtime.components));
  }
}
