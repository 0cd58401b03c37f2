import { RequestMethod, type Type } from '@nestjs/common';

import { HTTP_CONTROLLERS } from '../../src/http/http.routes.js';
import { NEST_KEYS } from '../../src/peers/nest.internals.js';

/** A route of the protocol. */
export interface ProtocolRoute {
  readonly method: string;
  readonly path: string;
}

/** Every route that a controller of the module declares, with something in the place of every parameter. */
export function protocolRoutes(): ProtocolRoute[] {
  return declaredRoutes().map(({ method, path }) => ({ method, path: path.replace(/:\w+/g, 'x') }));
}

/** Every route that a controller of the module declares, so that a new one is among them. */
export function declaredRoutes(): ProtocolRoute[] {
  return HTTP_CONTROLLERS.flatMap(routesOf);
}

function routesOf(controller: Type): ProtocolRoute[] {
  const prototype = controller.prototype as Record<string, unknown>;
  return Object.getOwnPropertyNames(prototype).flatMap((name) => {
    const handler = prototype[name] as object;
    const own = pathOf(handler);
    if (name === 'constructor' || own === undefined) return [];
    const method = RequestMethod[Reflect.getMetadata(NEST_KEYS.method, handler) as RequestMethod];
    const segments = `${pathOf(controller) ?? ''}/${own}`.split('/').filter((segment) => segment !== '');
    return [{ method, path: segments.map((segment) => `/${segment}`).join('') }];
  });
}

function pathOf(target: object): string | undefined {
  return Reflect.getMetadata(NEST_KEYS.path, target) as string | undefined;
}
