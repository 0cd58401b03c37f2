import { RequestMethod, type Type } from '@nestjs/common';
import { ApiExtension } from '@nestjs/swagger';

import { NEST_KEYS } from '../peers/nest.internals.js';

/** Says in a document which of our routes an operation is; it is taken out before anybody sees the document. */
export const ROUTE_MARK = 'x-agent-os-route';

/** A handler, and the route that it has before anything is put in front of it, such as `GET agents/:id`. */
interface DeclaredRoute {
  readonly route: string;
  readonly prototype: object;
  readonly name: string;
}

const marked = new WeakSet<object>();

/**
 * Writes on every handler which route it is. Where that route stands in an application, only Nest and
 * `@nestjs/swagger` know: prefixes, versions and exclusions are theirs.
 */
export function markRoutes(controllers: readonly Type[]): void {
  for (const { route, prototype, name } of controllers.flatMap(routesOf)) {
    const descriptor = Object.getOwnPropertyDescriptor(prototype, name);
    const handler = descriptor?.value as object | undefined;
    if (!descriptor || !handler || marked.has(handler)) continue;
    marked.add(handler);
    ApiExtension(ROUTE_MARK, route)(prototype, name, descriptor);
  }
}

/** The routes that a controller declares. */
export function routesOf(controller: Type): DeclaredRoute[] {
  const prototype = controller.prototype as Record<string, object>;
  const controllerPath = Reflect.getMetadata(NEST_KEYS.path, controller) as string;
  return Object.getOwnPropertyNames(prototype).flatMap((name) => {
    const handler = prototype[name];
    const path = handler && (Reflect.getMetadata(NEST_KEYS.path, handler) as string | undefined);
    if (name === 'constructor' || path === undefined) return [];
    const method = Reflect.getMetadata(NEST_KEYS.method, handler as object) as RequestMethod;
    return [{ route: `${RequestMethod[method]} ${join(controllerPath, path)}`, prototype, name }];
  });
}

function join(...paths: readonly string[]): string {
  const parts = paths.flatMap((path) => path.split('/'));
  return parts.filter((part) => part !== '').join('/');
}
