import { Injectable, type CallHandler, type ExecutionContext, type NestInterceptor } from '@nestjs/common';
import { ApplicationConfig, ModuleRef } from '@nestjs/core';
import { defer, lastValueFrom, Observable } from 'rxjs';

import { AgentOsInterceptor } from '../runs/background/agent-os.interceptor.js';
import { toJsonValue } from '../data/to-json-value.js';
import { NEST_PARAMETERS } from '../peers/nest.internals.js';
import { protocolRouteOf } from '../protocol.mark.js';
import { ANSWERED, declaredParameters, latestCall, parameterType } from './handler.calls.js';
import { ProtocolResponder } from './protocol.responder.js';

/**
 * Outermost around each handler of the protocol. Our handlers send their answers themselves, so a request would get
 * no answer if an interceptor of the host did not call the handler, or swallowed its error. If the interceptor has a
 * value of its own, that is sent; if it has none, the error is answered as the protocol defines. If the interceptor
 * repeats the value of an earlier request, as caches do, the handler is called anyway: that value is a placeholder
 * and not an answer, and the earlier answer may have been sent to another client.
 *
 * It also ties the runs of the handler to the response, for all interceptors inside it.
 */
@Injectable()
export class AnswerInterceptor implements NestInterceptor {
  /** In the constructor, because the host's interceptors are added later and routes are created with all of them. */
  constructor(
    application: ApplicationConfig,
    private readonly moduleRef: ModuleRef,
    private readonly responder: ProtocolResponder,
    private readonly runs: AgentOsInterceptor,
  ) {
    application.getGlobalInterceptors().unshift(this);
  }

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    if (context.getType() !== 'http' || !protocolRouteOf(context.getHandler())) return next.handle();
    const handled = this.runs.intercept(context, next);
    // Several operators would cost several times as much, and each request pays for them.
    return new Observable((subscriber) => {
      let value: unknown;
      const end = (): void => {
        subscriber.next(value);
        subscriber.complete();
      };
      return handled.subscribe({
        next: (latest) => (value = latest),
        error: (thrown: unknown) => subscriber.error(thrown),
        complete: () => {
          const answering = this.#answer(context, value);
          if (answering) answering.then(end, (thrown: unknown) => subscriber.error(thrown));
          else end();
        },
      });
    });
  }

  #answer(context: ExecutionContext, value: unknown): Promise<void> | undefined {
    const response = context.switchToHttp().getResponse<object>();
    return this.responder.hasReplied(response) ? undefined : this.#answerLate(context, response, value);
  }

  /** The handler has sent no answer, or not yet. */
  async #answerLate(context: ExecutionContext, response: object, value: unknown): Promise<void> {
    const call = latestCall(response);
    const isRepeat = isRepeated(value);
    // A call that has failed, or is still running, answers the request unless the host has an answer.
    if (call && (isRepeat || value === undefined || value === null)) await call;
    else if (isRepeat) await this.#call(context);
    else this.responder.replyForHost(response, value);
  }

  #call(context: ExecutionContext): Promise<unknown> {
    const controller = this.moduleRef.get<object>(context.getClass(), { strict: false });
    const handler = context.getHandler() as (...given: readonly unknown[]) => unknown;
    const call = async (): Promise<unknown> => await Reflect.apply(handler, controller, argumentsOf(context));
    return lastValueFrom(this.runs.intercept(context, { handle: () => defer(call) }));
  }
}

/** Whether a value contains the placeholder that interceptors receive in place of our answer. */
function isRepeated(value: unknown): boolean {
  return (JSON.stringify(toJsonValue(value)) ?? '').includes(ANSWERED);
}

/** The arguments that Nest would pass to the handler: the request, the response and path parameters. */
function argumentsOf(context: ExecutionContext): readonly unknown[] {
  const given: unknown[] = [];
  const declared = declaredParameters(context.getClass(), context.getHandler().name);
  for (const [key, { index, data }] of Object.entries(declared))
    given[index] = argumentOf(context, parameterType(key), data);
  return given;
}

function argumentOf(context: ExecutionContext, type: number, data = ''): unknown {
  if (type === NEST_PARAMETERS.response) return context.switchToHttp().getResponse<object>();
  if (type === NEST_PARAMETERS.request) return requestOf(context);
  const { params } = requestOf(context) as { readonly params: Readonly<Record<string, string>> };
  return params[data];
}

function requestOf(context: ExecutionContext): object {
  return context.switchToHttp().getRequest<object>();
}
