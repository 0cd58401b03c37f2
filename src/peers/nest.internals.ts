import type { RoutePathFactory } from '@nestjs/core/router/route-path-factory.js';

import { AgentOsLogger } from '../errors/agent-os.logger.js';

/*
 * The only place for internals of Nest that AgentOS depends on. Decision 0026 gives the reasons, and a test compares
 * them with the installed Nest.
 */

/** Metadata keys of Nest's decorators. */
export const NEST_KEYS = {
  path: 'path',
  method: 'method',
  host: 'host',
  version: '__version__',
  modulePath: '__module_path__',
  routeArguments: '__routeArguments__',
  /** The Fastify adapter passes it to Fastify as the route's `config`; other adapters ignore it. */
  routeConfig: '__fastify_route_config__',
} as const;

/** Nest's numbers for the handler parameters `@Req()`, `@Res()` and `@Param()`. */
export const NEST_PARAMETERS = { request: 0, response: 1, path: 5 } as const;

/**
 * Nest's class that builds the paths of routes from prefixes, versions and exclusions.
 *
 * @returns undefined, after a warning, if this version of Nest does not have the class in this place
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
    'Conflicts between routes of AgentOS and routes of this application are not detected: ' +
      `"@nestjs/core/router/route-path-factory.js" of this version of Nest cannot be used (${reason}).`,
  );
}
