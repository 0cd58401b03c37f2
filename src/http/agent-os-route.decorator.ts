import { applyDecorators, Controller, UseFilters, UseGuards, UseInterceptors } from '@nestjs/common';

import { AgentOsInterceptor } from '../runs/agent-os.interceptor.js';
import { AgentOsExceptionFilter } from './agent-os.exception-filter.js';
import { AgentOsGuard } from './agent-os.guard.js';

/**
 * A controller of the protocol: guarded, with `{ "detail": … }` errors, its runs tied to the response.
 *
 * @param path - what the paths of its routes begin with
 */
export function AgentOsRoutes(path = ''): ClassDecorator {
  return applyDecorators(
    Controller(path),
    UseGuards(AgentOsGuard),
    UseFilters(AgentOsExceptionFilter),
    UseInterceptors(AgentOsInterceptor),
  );
}
