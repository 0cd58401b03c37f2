import { NEST_KEYS } from './peers/nest.internals.js';

const MARK = Symbol('AgentOsRoute');

/** Marks the routes of a controller as routes of the protocol: a host may have others of the same names. */
export function markProtocol(controller: object): void {
  const { prototype } = controller as { readonly prototype: Readonly<Record<string, unknown>> };
  for (const name of Object.getOwnPropertyNames(prototype)) {
    const handler = prototype[name] as object;
    if (name !== 'constructor' && Reflect.hasMetadata(NEST_KEYS.path, handler))
      Reflect.defineMetadata(NEST_KEYS.routeConfig, { [MARK]: true }, handler);
  }
}

/** Whether a handler belongs to a route of the protocol. */
export function isProtocolHandler(handler: object): boolean {
  return isOfProtocol(Reflect.getMetadata(NEST_KEYS.routeConfig, handler) as object | undefined);
}

/** Whether the `config` of a route marks it as a route of the protocol. */
export function isOfProtocol(config: object | undefined): boolean {
  return config !== undefined && MARK in config;
}
