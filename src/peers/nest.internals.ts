import type { RoutePathFactory } from '@nestjs/core/router/route-path-factory.js';

import { AgentOsLogger } from '../errors/agent-os.logger.js';

/*
 * What AgentOS needs of Nest beyond its public names: the one place for it. Decision 0026 says why, and a test compares it
 * with the Nest that is installed.
 */

/** Keys under which Nest's decorators keep what they are given. */
export const NEST_KEYS = {
  path: 'path',
  method: 'method',
  host: 'host',
  version: '__version__',
  modulePath: '__module_path__',
  routeArguments: '__routeArguments__',
  /** What the Fastify adapter gives to Fastify as a route's own `config`; other adapters do not look at it. */
  routeConfig: '__fastify_route_config__',
} as const;

/** Numbers by which Nest tells the parameters of a handler apart, `@Req()`, `@Res()` and `@Param()`. */
export const NEST_PARAMETERS = { request: 0, response: 1, path: 5 } as const;

/**
 * The class with which Nest makes the paths of routes, from prefixes, versions and exclusions.
 *
 * @returns undefined, after a warning, where this version of Nest has no such class in this place
 */
export async function findRoutePathFactory(): Promise<typeof RoutePathFactory | undefined> {
  try {
    const { RoutePathFactory: found } = await import('@nestjs/core/router/route-path-factory.js');
    if (typeof found === 'function') return found;
    warnOfMissing('it exports no RoutePathFactory');
  } catch (error) {
    warnOfMissing(error instanceof Error ? error.message : String(error));
  }
  return undefined;
}

function warnOfMissing(reason: string): void {
  new AgentOsLogger().warn(
    'Whether routes of AgentOS meet routes of this application is not looked at: ' +
      `"@nestjs/core/router/route-path-factory.js" of this version of Nest cannot be used (${reason}).`,
  );
}
