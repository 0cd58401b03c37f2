import { Get, Inject, Res } from '@nestjs/common';

import type { AgentOsExtras } from '../agent-os.options.js';
import { AgentOsRuntime } from '../agent-os.runtime.js';
import { EXTRAS } from '../agent-os.tokens.js';
import { OpenRoutes } from './agent-os-route.decorator.js';
import { ProtocolResponder } from './protocol.responder.js';
import { authModeOf, toWireInfo } from './wire/wire-config.js';

/** Tells which server this is, and which credentials a client needs. Open to all clients. */
@OpenRoutes()
export class InfoController {
  constructor(
    @Inject(EXTRAS) private readonly extras: AgentOsExtras,
    private readonly runtime: AgentOsRuntime,
    private readonly responder: ProtocolResponder,
  ) {}

  @Get('info')
  info(@Res() response: object): void {
    const { options, components } = this.runtime;
    this.responder.reply(response, toWireInfo(options, authModeOf(options, this.extras), components));
  }
}
