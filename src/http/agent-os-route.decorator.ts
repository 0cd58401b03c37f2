import { applyDecorators, Controller, UseFilters, UseGuards, UseInterceptors } from '@nestjs/common';

import { AgentOsInterceptor } from '../runs/agent-os.interceptor.js';
import { AgentOsExceptionFilter } from './agent-os.exception-filter.js';
import { AgentOsGuard } from './agent-os.guard.js';

/** A controller of the protocol: guarded, with `{ "detail": … }` errors, its runs tied to the response. */
export function AgentOsRoutes(): ClassDecorator {
  return applyDecorators(
    Controller(),
    UseGuards(AgentOsGuard),
    UseFilters(AgentOsExceptionFilter),
    UseInterceptors(AgentOsInterceptor),
  );
}
