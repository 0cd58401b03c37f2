import {
  Injectable,
  type CallHandler,
  type ExecutionContext,
  type NestInterceptor,
  type OnModuleInit,
} from '@nestjs/common';
import { ApplicationConfig, ModuleRef } from '@nestjs/core';
import { Observable } from 'rxjs';

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
export class AnswerInterceptor implements NestInterceptor, OnModuleInit {
  readonly #arguments = new Map<unknown, ArgumentReader>();
  /** Neither interceptors nor pipes of the host are around the handlers. */
  #isAlone = false;

  /** In the constructor, because the host's interceptors are added later and routes are created with all of them. */
  constructor(
    private readonly application: ApplicationConfig,
    private readonly moduleRef: ModuleRef,
    private readonly responder: ProtocolResponder,
    private readonly runs: AgentOsInterceptor,
  ) {
    application.getGlobalInterceptors().unshift(this);
  }

  /** After the routes were created: later interceptors and pipes are not for them. */
  onModuleInit(): void {
    const { application, runs } = this;
    const others = application.getGlobalInterceptors().filter((other) => other !== this && other !== runs);
    const around = [
      ...others,
      ...application.getGlobalRequestInterceptors(),
      ...application.getGlobalPipes(),
      ...application.getGlobalRequestPipes(),
    ];
    this.#isAlone = around.length === 0 && runs instanceof AgentOsInterceptor;
  }

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    if (context.getType() !== 'http' || !protocolRouteOf(context.getHandler())) return next.handle();
    if (this.#isAlone) return this.#callAlone(context);
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

  /** Nest would call the handler in the same way, by way of several observables and promises for each interceptor. */
  #callAlone(context: ExecutionContext): Observable<unknown> {
    return new Observable((subscriber) => {
      this.#call(context).then(
        (value) => {
          subscriber.next(value);
          subscriber.complete();
        },
        (thrown: unknown) => subscriber.error(thrown),
      );
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
    const handler = context.getHandler() as (...given: readonly unknown[]) => Promise<unknown>;
    return this.runs.call(context, () => Reflect.apply(handler, controller, this.#argumentsOf(context)));
  }

  /** The arguments that Nest would pass to the handler: the request, the response and path parameters. */
  #argumentsOf(context: ExecutionContext): readonly unknown[] {
    const handler = context.getHandler();
    let read = this.#arguments.get(handler);
    if (!read) this.#arguments.set(handler, (read = argumentReaderOf(context)));
    return read(context);
  }
}

/** Whether a value contains the placeholder that interceptors receive in place of our answer. */
function isRepeated(value: unknown): boolean {
  return (JSON.stringify(toJsonValue(value)) ?? '').includes(ANSWERED);
}

/** Reads the arguments of a handler. */
type ArgumentReader = (context: ExecutionContext) => readonly unknown[];

function argumentReaderOf(context: ExecutionContext): ArgumentReader {
  const declared = Object.entries(declaredParameters(context.getClass(), context.getHandler().name));
  const parameters = declared
    .map(([key, { index, data = '' }]) => ({ index, data, type: parameterType(key) }))
    .sort((one, other) => one.index - other.index);
  return (called) => parameters.map(({ type, data }) => argumentOf(called, type, data));
}

function argumentOf(context: ExecutionContext, type: number, data: string): unknown {
  if (type === NEST_PARAMETERS.response) return context.switchToHttp().getResponse<object>();
  if (type === NEST_PARAMETERS.request) return requestOf(context);
  const { params } = requestOf(context) as { readonly params: Readonly<Record<string, string>> };
  return params[data];
}

function requestOf(context: ExecutionContext): object {
  return context.switchToHttp().getRequest<object>();
}
