import { toError } from '../data/to-error.js';
import { NEST_KEYS, NEST_PARAMETERS } from '../peers/nest.internals.js';

/**
 * Stands for an answer that our handler has sent itself: the host's interceptors receive it as the handler's value.
 * It is a text, so that it can be recognised after an interceptor has wrapped it or a cache has stored it.
 */
export const ANSWERED = 'nestjs-agentos:answered';

/** The parameters of a handler as Nest's decorators have declared them, by type and index. */
export type DeclaredParameters = Readonly<Record<string, { readonly index: number; readonly data?: string }>>;

type Handler = (...given: readonly object[]) => unknown;

/** The latest handler call of each response; it rejects with the error of the handler. */
const calls = new WeakMap<object, Promise<unknown>>();

/**
 * Wraps a handler of the protocol: its call is kept, whatever the host's interceptors return, and its value is
 * {@link ANSWERED}. No interceptor, which would cost each request several observables.
 */
export function recordCalls(prototype: object, name: string | symbol, descriptor: PropertyDescriptor): void {
  const handler = descriptor.value as Handler;
  const responseIndex = responseIndexOf(prototype, name);
  const recorded = function (this: object, ...given: readonly object[]): Promise<string> {
    const call = callOf(handler, this, given);
    calls.set(given[responseIndex] as object, call);
    return call.then(answered);
  };
  // Nest finds the declared parameters of a handler by its name.
  descriptor.value = Object.defineProperty(recorded, 'name', { value: handler.name });
}

/** The latest call of our handler that is to send this response. */
export function latestCall(response: object): Promise<unknown> | undefined {
  return calls.get(response);
}

/** The parameters that the method of a controller has declared. */
export function declaredParameters(controller: object, name: string | symbol): DeclaredParameters {
  return Reflect.getMetadata(NEST_KEYS.routeArguments, controller, name) as DeclaredParameters;
}

/** The number that Nest gives to the type of a declared parameter. */
export function parameterType(key: string): number {
  return Number(key.split(':', 1)[0]);
}

function responseIndexOf(prototype: object, name: string | symbol): number {
  const declared = Object.entries(declaredParameters(prototype.constructor, name));
  const response = declared.find(([key]) => parameterType(key) === NEST_PARAMETERS.response);
  if (!response) throw new TypeError(`The handler ${String(name)} sends its answer itself and needs @Res().`);
  return response[1].index;
}

/** A handler may also throw before it returns a promise. */
function callOf(handler: Handler, controller: object, given: readonly object[]): Promise<unknown> {
  try {
    return Promise.resolve(Reflect.apply(handler, controller, given));
  } catch (thrown) {
    return Promise.reject(toError(thrown));
  }
}

function answered(): string {
  return ANSWERED;
}
