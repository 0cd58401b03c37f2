import { Res } from '@nestjs/common';

import { SERVER_ROUTES } from '../protocol/routes.js';
import type { WireHealth } from '../protocol/config.js';
import { OpenRoutes, Handles } from './agent-os-route.decorator.js';
import { ProtocolResponder } from './protocol.responder.js';

/** Tells whether the server is up. Open to all clients. */
@OpenRoutes()
export class HealthController {
  readonly #instantiatedAt = new Date().toISOString();

  constructor(private readonly responder: ProtocolResponder) {}

  @Handles(SERVER_ROUTES.health)
  health(@Res() response: object): void {
    const health: WireHealth = { status: 'ok', instantiated_at: this.#instantiatedAt };
    this.responder.reply(response, health);
  }
}
