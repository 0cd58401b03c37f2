import { applyDecorators, Controller, UseFilters, UseGuards, UseInterceptors } from '@nestjs/common';

import { AgentOsInterceptor } from '../runs/background/agent-os.interceptor.js';
import { AgentOsExceptionFilter } from './agent-os.exception-filter.js';
import { AgentOsGuard } from './agent-os.guard.js';
import { ReachedInterceptor } from './answer.interceptors.js';
import { markProtocol } from '../protocol.mark.js';

/**
 * A controller of the protocol: guarded, with `{ "detail": … }` errors, its runs tied to the response.
 *
 * @param path - the prefix of its routes' paths
 */
export function AgentOsRoutes(path = ''): ClassDecorator {
  return applyDecorators(
    UseGuards(AgentOsGuard),
    UseFilters(AgentOsExceptionFilter),
    UseInterceptors(AgentOsInterceptor),
    OpenRoutes(path),
  );
}

/** A controller of the protocol whose routes are open to everybody. */
export function OpenRoutes(path = ''): ClassDecorator {
  return applyDecorators(Controller(path), markProtocol, UseInterceptors(ReachedInterceptor));
}
