import {
  applyDecorators,
  Controller,
  RequestMapping,
  RequestMethod,
  UseFilters,
  UseGuards,
  UseInterceptors,
} from '@nestjs/common';

import { markProtocol } from '../protocol.mark.js';
import type { Route } from '../protocol/routes.js';
import { AgentOsInterceptor } from '../runs/background/agent-os.interceptor.js';
import { AgentOsExceptionFilter } from './agent-os.exception-filter.js';
import { AgentOsGuard } from './agent-os.guard.js';
import { ReachedInterceptor } from './answer.interceptors.js';

/** A controller of the protocol: guarded, with `{ "detail": … }` errors, its runs tied to the response. */
export function AgentOsRoutes(): ClassDecorator {
  return applyDecorators(
    UseGuards(AgentOsGuard),
    UseFilters(AgentOsExceptionFilter),
    UseInterceptors(AgentOsInterceptor),
    OpenRoutes(),
  );
}

/** A controller of the protocol whose routes are open to all clients. */
export function OpenRoutes(): ClassDecorator {
  return applyDecorators(Controller(), UseInterceptors(ReachedInterceptor));
}

/** The handler of a route of the protocol. */
export function Handles(route: Route): MethodDecorator {
  return applyDecorators(
    RequestMapping({ method: RequestMethod[route.method], path: route.path }),
    (_prototype: object, _name: string | symbol, { value }: PropertyDescriptor) =>
      markProtocol(value as object, route),
  );
}
