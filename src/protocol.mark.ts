import { NEST_KEYS } from './peers/nest.internals.js';
import type { Route } from './protocol/routes.js';

const MARK = Symbol('AgentOsRoute');

/** Marks a handler as that of a route of the protocol: a host may have others with the same paths. */
export function markProtocol(handler: object, route: Route): void {
  Reflect.defineMetadata(NEST_KEYS.routeConfig, { [MARK]: route }, handler);
}

/** The route of the protocol that a handler belongs to. */
export function protocolRouteOf(handler: object): Route | undefined {
  const config = Reflect.getMetadata(NEST_KEYS.routeConfig, handler) as MarkedConfig | undefined;
  return config?.[MARK];
}

/** Whether the `config` of a route marks it as a route of the protocol. */
export function isOfProtocol(config: object | undefined): boolean {
  return config !== undefined && MARK in config;
}

interface MarkedConfig {
  readonly [MARK]?: Route;
}
