import { AgentOsConfigurationError } from '../errors/agent-os-configuration.error.js';

/** A class whose instances are providers, abstract ones included. */
export type HookClass<T = object> = abstract new (...dependencies: never[]) => T;

/** A hook without a provider: a function of the phase's context. */
export type HookFunction<C> = (context: C) => unknown;

/** The options of a hook reference. */
export interface HookReferenceOptions {
  /** Only for hooks of the module: run for members and steps too, not just for root runs. Default false. */
  readonly members?: boolean;
}

/** The names of the methods of T that take one argument, or none. */
export type HookMethodName<T> = {
  [K in keyof T]: T[K] extends (context: never) => unknown ? K : never;
}[keyof T] &
  string;

/** The context that a method of T takes. */
export type HookMethodContext<T, M extends keyof T> = T[M] extends (context: infer C) => unknown ? C : never;

/**
 * Points to a hook. The type parameter is the context that the hook takes, so a hook of the output cannot be listed
 * among the pre-hooks. Made by {@link hookRef}.
 */
export class HookReference<in C> {
  /** Only for the type checker. */
  declare protected readonly accepts: (context: C) => void;

  /** @internal */
  constructor(
    /** A class, an instance or a function. */
    readonly target: object,
    readonly method: string | undefined,
    readonly options: HookReferenceOptions,
  ) {}
}

/** An entry in a list of hooks: a reference, a class with exactly one hook method, or a function. */
export type HookLike<C> = HookReference<C> | HookFunction<C> | HookClass;

/**
 * Points to a hook method of a provider class (the instance comes from the Nest container) or of an instance.
 *
 * @example
 * ```ts
 * new Agent({ id: 'support', engine, postHooks: [hookRef(SupportHooks, 'notify')] });
 * ```
 */
export function hookRef<T extends object, M extends HookMethodName<T>>(
  target: HookClass<T>,
  method: M,
  options?: HookReferenceOptions,
): HookReference<HookMethodContext<T, M>>;
export function hookRef<T extends object, M extends HookMethodName<T>>(
  target: T,
  method: M,
  options?: HookReferenceOptions,
): HookReference<HookMethodContext<T, M>>;
/** Adds options to a function, a built-in hook, or a class with exactly one hook method. */
export function hookRef<C>(
  target: HookFunction<C> | HookClass,
  options: HookReferenceOptions,
): HookReference<C>;
export function hookRef(
  target: object,
  methodOrOptions: string | HookReferenceOptions = {},
  options: HookReferenceOptions = {},
): HookReference<never> {
  if (typeof target !== 'function' && (typeof target !== 'object' || (target as unknown) === null)) {
    throw new AgentOsConfigurationError(
      `hookRef() was given ${JSON.stringify(target)}. Expected a class, an instance or a function; ` +
        'if it is imported, look for a circular import.',
    );
  }
  return typeof methodOrOptions === 'string'
    ? new HookReference(target, methodOrOptions, options)
    : new HookReference(target, undefined, methodOrOptions);
}
