import { AsyncResource } from 'node:async_hooks';
import type { ServerResponse } from 'node:http';

import { Injectable, type CallHandler, type ExecutionContext, type NestInterceptor } from '@nestjs/common';
import { defer, lastValueFrom, Observable, tap } from 'rxjs';

import { rawResponseOf, ResponseLifecycle, watchHttpResponse } from './response.lifecycle.js';
import { currentScope, enterScope, type RunScope } from '../scope.js';

/**
 * Ties the runs that a handler starts to the response it answers with, so that their background hooks start after
 * that response. Registered for the whole application unless `interceptor: 'manual'` is set; then put
 * `@UseInterceptors(AgentOsInterceptor)` on every controller, gateway and resolver that runs components: without it
 * their background hooks do not wait for the response. Put it there too where Nest applies no global interceptors:
 * on gateways under Nest 11, and on message handlers connected without `inheritAppConfig: true`.
 *
 * `tap` tells the response's lifecycle that the handler has ended. Over HTTP the response counts, not the handler: an
 * observable has ended before the response is sent, so the lifecycle waits for the response to close. Where there is no
 * response (gateways, message handlers, GraphQL), the end of the handler closes it.
 */
@Injectable()
export class AgentOsInterceptor implements NestInterceptor {
  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const response = httpResponseOf(context);
    // Applied twice, such as to the whole application and to a controller: the outer one has entered the scope.
    if (response && isEntered(response)) return next.handle();
    const scope = new HandlerScope(response);
    let completed = false;
    return handleIn(scope, next).pipe(
      tap({ complete: () => (completed = true), finalize: () => scope.handlerEnded(completed) }),
    );
  }

  /**
   * Calls a handler of the protocol that nothing else is around, as {@link intercept} does, without the observables,
   * which cost more than most handlers.
   *
   * @internal
   */
  call(context: ExecutionContext, handler: () => Promise<unknown>): Promise<unknown> {
    const response = httpResponseOf(context);
    if (!response) return lastValueFrom(this.intercept(context, { handle: () => defer(handler) }));
    return isEntered(response) ? handler() : enterScope(new HandlerScope(response), handler);
  }
}

/** Handles the request in the scope. An observable that starts its run only when Nest subscribes does so in it, too. */
function handleIn(scope: RunScope, next: CallHandler): Observable<unknown> {
  return enterScope(scope, () => {
    const handled = next.handle();
    const context = new AsyncResource('AgentOsHandler');
    return new Observable((subscriber) => context.runInAsyncScope(() => handled.subscribe(subscriber)));
  });
}

/**
 * A handler without runs has no overhead: the response is watched when the first run asks for it. A class, because
 * each evaluation of an object literal with a getter makes a hidden class that keeps a reference to the response.
 */
class HandlerScope implements RunScope {
  #response: ServerResponse | ResponseLifecycle;

  constructor(response: ServerResponse | undefined) {
    this.#response = response ?? new ResponseLifecycle();
  }

  /** Drops the reference to a watched response: hooks that wait in this scope would keep the response in memory. */
  get response(): ResponseLifecycle {
    if (this.#response instanceof ResponseLifecycle) return this.#response;
    return (this.#response = watchHttpResponse(this.#response));
  }

  /** Whether this is the scope of the handler that answers with this response. */
  isOf(response: ServerResponse): boolean {
    if (this.#response instanceof ResponseLifecycle) return this.#response === watchHttpResponse(response);
    return this.#response === response;
  }

  /** @param completed - false if the handler has failed or its caller has left */
  handlerEnded(completed: boolean): void {
    if (this.#response instanceof ResponseLifecycle) this.#response.handlerEnded(completed);
  }
}

function isEntered(response: ServerResponse): boolean {
  const scope = currentScope();
  return scope instanceof HandlerScope && scope.isOf(response);
}

function httpResponseOf(context: ExecutionContext): ServerResponse | undefined {
  if (context.getType() !== 'http') return undefined;
  return rawResponseOf(context.switchToHttp().getResponse<object>());
}
