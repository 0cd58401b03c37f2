import {
  applyDecorators,
  Controller,
  RequestMapping,
  RequestMethod,
  UseFilters,
  UseGuards,
} from '@nestjs/common';

import { markProtocol } from '../protocol.mark.js';
import type { Route } from '../protocol/routes.js';
import { AgentOsExceptionFilter } from './agent-os.exception-filter.js';
import { AgentOsGuard } from './agent-os.guard.js';
import { recordCalls } from './handler.calls.js';

/** A controller of the protocol: guarded, with `{ "detail": … }` errors. */
export function AgentOsRoutes(): ClassDecorator {
  return applyDecorators(UseGuards(AgentOsGuard), UseFilters(AgentOsExceptionFilter), OpenRoutes());
}

/** A controller of the protocol whose routes are open to all clients. */
export function OpenRoutes(): ClassDecorator {
  return Controller();
}

/** The handler of a route of the protocol. */
export function Handles(route: Route): MethodDecorator {
  return applyDecorators(
    recordCalls,
    RequestMapping({ method: RequestMethod[route.method], path: route.path }),
    (_prototype: object, _name: string | symbol, { value }: PropertyDescriptor) =>
      markProtocol(value as object, route),
  );
}
