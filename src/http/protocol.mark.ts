import { PATH_METADATA } from '@nestjs/common/constants.js';

/** What Nest gives to Fastify as a route's own `config`; other adapters do not look at it. */
const ROUTE_CONFIG_METADATA = '__fastify_route_config__';
const MARK = Symbol('AgentOsRoute');

/** Marks the routes of a controller as those of the protocol: a host may have others of the same names. */
export function markProtocol(controller: object): void {
  const { prototype } = controller as { readonly prototype: Readonly<Record<string, unknown>> };
  for (const name of Object.getOwnPropertyNames(prototype)) {
    const handler = prototype[name] as object;
    if (name !== 'constructor' && Reflect.hasMetadata(PATH_METADATA, handler))
      Reflect.defineMetadata(ROUTE_CONFIG_METADATA, { [MARK]: true }, handler);
  }
}

/** Whether a handler is one of the protocol. */
export function isProtocolHandler(handler: object): boolean {
  return isOfProtocol(Reflect.getMetadata(ROUTE_CONFIG_METADATA, handler) as object | undefined);
}

/** Whether the `config` of a route says that it is one of the protocol. */
export function isOfProtocol(config: object | undefined): boolean {
  return config !== undefined && MARK in config;
}
