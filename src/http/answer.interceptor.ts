import { Injectable, type CallHandler, type ExecutionContext, type NestInterceptor } from '@nestjs/common';
import { ApplicationConfig, ModuleRef } from '@nestjs/core';
import { concatMap, defaultIfEmpty, defer, lastValueFrom, map, takeLast, type Observable } from 'rxjs';

import { AgentOsInterceptor } from '../runs/background/agent-os.interceptor.js';
import { toJsonValue } from '../data/to-json-value.js';
import { NEST_KEYS, NEST_PARAMETERS } from '../peers/nest.internals.js';
import { protocolRouteOf } from '../protocol.mark.js';
import { ProtocolResponder } from './protocol.responder.js';

/**
 * Stands for an answer that our handler has sent itself: the host's interceptors receive it as the handler's value.
 * It is a text, so that it can be recognised after an interceptor has wrapped it or a cache has stored it.
 */
const ANSWERED = 'nestjs-agentos:answered';

/** The latest handler call of each request; it rejects with the error of the handler. */
const calls = new WeakMap<object, Promise<unknown>>();

/** Innermost around each handler of the protocol: keeps the result, whatever the host's interceptors return. */
@Injectable()
export class ReachedInterceptor implements NestInterceptor {
  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    return defer(() => {
      const call = lastValueFrom(next.handle(), { defaultValue: undefined });
      calls.set(requestOf(context), call);
      return call;
    }).pipe(map(() => ANSWERED));
  }
}

/**
 * Outermost around each handler of the protocol. Our handlers send their answers themselves, so a request would get
 * no answer if an interceptor of the host did not call the handler, or swallowed its error. If the interceptor has a
 * value of its own, that is sent; if it has none, the error is answered as the protocol defines. If the interceptor
 * repeats the value of an earlier request, as caches do, the handler is called anyway: that value is a placeholder
 * and not an answer, and the earlier answer may have been sent to another client.
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
    return next.handle().pipe(
      takeLast(1),
      defaultIfEmpty(undefined),
      concatMap(async (value: unknown) => {
        await this.#answer(context, value);
        return value;
      }),
    );
  }

  async #answer(context: ExecutionContext, value: unknown): Promise<void> {
    const response = context.switchToHttp().getResponse<object>();
    if (this.responder.hasReplied(response)) return;
    const call = calls.get(requestOf(context));
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
  const controller = context.getClass();
  const declared = Reflect.getMetadata(
    NEST_KEYS.routeArguments,
    controller,
    context.getHandler().name,
  ) as Declared;
  const given: unknown[] = [];
  for (const [key, { index, data }] of Object.entries(declared)) {
    const type = Number(key.split(':', 1)[0]);
    given[index] = argumentOf(context, type, data);
  }
  return given;
}

type Declared = Readonly<Record<string, { readonly index: number; readonly data?: string }>>;

function argumentOf(context: ExecutionContext, type: number, data = ''): unknown {
  if (type === NEST_PARAMETERS.response) return context.switchToHttp().getResponse<object>();
  if (type === NEST_PARAMETERS.request) return requestOf(context);
  const { params } = requestOf(context) as { readonly params: Readonly<Record<string, string>> };
  return params[data];
}

function requestOf(context: ExecutionContext): object {
  return context.switchToHttp().getRequest<object>();
}
