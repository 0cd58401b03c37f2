import { Injectable, type CallHandler, type ExecutionContext, type NestInterceptor } from '@nestjs/common';
import { ApplicationConfig, ModuleRef } from '@nestjs/core';
import { concatMap, defaultIfEmpty, defer, lastValueFrom, map, takeLast, type Observable } from 'rxjs';

import { AgentOsInterceptor } from '../runs/background/agent-os.interceptor.js';
import { toJsonValue } from '../data/to-json-value.js';
import { NEST_KEYS, NEST_PARAMETERS } from '../peers/nest.internals.js';
import { isProtocolHandler } from './protocol.mark.js';
import { ProtocolResponder } from './protocol.responder.js';

/**
 * What the host's interceptors see in place of an answer, which our handlers send themselves. A text, so that it can be
 * recognised whatever an interceptor has made of it and in whatever cache it was.
 */
const ANSWERED = 'nestjs-agentos:answered';

/** The latest call of the handler of a request, with the error it has failed with. */
const calls = new WeakMap<object, Promise<unknown>>();

/** Innermost around each handler of the protocol: keeps how its call ends, whatever the host's interceptors make of it. */
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
 * Outermost around each handler of the protocol. Our handlers answer by themselves, so that a host's interceptor which
 * does not call them, or swallows their errors, would leave the request without any answer. If it has an answer of its
 * own, that is sent; if it has none, the error is answered as the protocol says. If it gives again what it has seen of an earlier request, as caches do, the handler is called all the same: that was no
 * answer, and the one that was given then may have been somebody else's.
 */
@Injectable()
export class AnswerInterceptor implements NestInterceptor {
  /** In the constructor: the host's own interceptors are added later, and routes made with all of them. */
  constructor(
    application: ApplicationConfig,
    private readonly moduleRef: ModuleRef,
    private readonly responder: ProtocolResponder,
    private readonly runs: AgentOsInterceptor,
  ) {
    application.getGlobalInterceptors().unshift(this);
  }

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    if (context.getType() !== 'http' || !isProtocolHandler(context.getHandler())) return next.handle();
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
    // A call that has failed, or goes on, is the answer unless the host has one.
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

/** Whether a value holds what interceptors see in place of an answer of ours. */
function isRepeated(value: unknown): boolean {
  return (JSON.stringify(toJsonValue(value)) ?? '').includes(ANSWERED);
}

/** What Nest would call the handler with: ours take the request, the response and parts of the path. */
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
