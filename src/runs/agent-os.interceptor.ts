import type { ServerResponse } from 'node:http';

import { Injectable, type CallHandler, type ExecutionContext, type NestInterceptor } from '@nestjs/common';
import { tap, type Observable } from 'rxjs';

import { ResponseLifecycle, watchHttpResponse } from './response.lifecycle.js';
import { enterScope } from './run.scope.js';

/**
 * Ties the runs that a handler starts to the response it answers with, so that their background hooks start after
 * that response. Registered for the whole application unless `interceptor: 'manual'` is set; then put
 * `@UseInterceptors(AgentOsInterceptor)` on every controller, gateway and resolver that runs components: without it
 * their background hooks do not wait for the response.
 *
 * Over HTTP the response counts, not the handler: an observable has ended before the response is sent. Where there
 * is no response to watch (gateways, message handlers, GraphQL), the end of the handler's observable counts.
 */
@Injectable()
export class AgentOsInterceptor implements NestInterceptor {
  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const response = httpResponseOf(context);
    // A handler that runs nothing costs its host nothing: the response is watched when the first run asks for it.
    if (response)
      return enterScope(
        {
          get response() {
            return watchHttpResponse(response);
          },
        },
        () => next.handle(),
      );
    return this.#untilHandlerEnds(next);
  }

  #untilHandlerEnds(next: CallHandler): Observable<unknown> {
    const lifecycle = new ResponseLifecycle();
    let completed = false;
    return enterScope({ response: lifecycle }, () => next.handle()).pipe(
      tap({ complete: () => (completed = true), finalize: () => lifecycle.close(completed) }),
    );
  }
}

/** Node's own response, also under Fastify's reply; undefined where there is none. */
function httpResponseOf(context: ExecutionContext): ServerResponse | undefined {
  if (context.getType() !== 'http') return undefined;
  const response = context.switchToHttp().getResponse<{ raw?: ServerResponse } & ServerResponse>();
  const raw = response.raw ?? response;
  return typeof raw.once === 'function' ? raw : undefined;
}
