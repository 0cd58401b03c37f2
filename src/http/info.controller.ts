import { Inject, Res } from '@nestjs/common';

import { SERVER_ROUTES } from '../protocol/routes.js';
import type { AgentOsExtras, ResolvedAgentOsOptions } from '../agent-os.options.js';
import { AgentOsRuntime } from '../agent-os.runtime.js';
import { EXTRAS } from '../agent-os.tokens.js';
import { OpenRoutes, Handles } from './agent-os-route.decorator.js';
import { ProtocolResponder } from './protocol.responder.js';
import { toWireInfo, type Authentication } from '../protocol/config.js';

/** Tells which server this is, and which credentials a client needs. Open to all clients. */
@OpenRoutes()
export class InfoController {
  constructor(
    @Inject(EXTRAS) private readonly extras: AgentOsExtras,
    private readonly runtime: AgentOsRuntime,
    private readonly responder: ProtocolResponder,
  ) {}

  @Handles(SERVER_ROUTES.info)
  info(@Res() response: object): void {
    const { options, components } = this.runtime;
    const authentication = authenticationOf(options, this.extras);
    this.responder.reply(response, toWireInfo(options, authentication, components));
  }
}

/** The authentication of clients: the key, the host's guards, or none; and whether the host identifies the user. */
function authenticationOf(
  { http: { securityKey } }: ResolvedAgentOsOptions,
  { http }: AgentOsExtras,
): Authentication {
  const isGuarded = http && http.guards && http.guards.length > 0;
  return {
    auth_mode: securityKey !== undefined ? 'security_key' : isGuarded ? 'jwt' : 'none',
    user_isolation: Boolean(http && http.userId),
  };
}
