import type { Provider, Type } from '@nestjs/common';

import { AgentOsGuard } from './agent-os.guard.js';
import { ComponentsController } from './components.controller.js';
import { FastifyMultipart } from './fastify-multipart.js';
import { HealthController } from './health.controller.js';
import { HooksController } from './hooks.controller.js';
import { ProtocolResponder } from './protocol.responder.js';
import { RunResponder } from './run.responder.js';
import { RunsController } from './runs.controller.js';

/** The routes of the AgentOS protocol. */
export const HTTP_CONTROLLERS: readonly Type[] = [
  HealthController,
  ComponentsController,
  RunsController,
  HooksController,
];

/** What the routes are made of. */
export const HTTP_PROVIDERS: readonly Provider[] = [
  AgentOsGuard,
  FastifyMultipart,
  ProtocolResponder,
  RunResponder,
];
