import { RequestMethod, type Type } from '@nestjs/common';
import { ApiExtension } from '@nestjs/swagger';

import { NEST_KEYS } from '../peers/nest.internals.js';

/** Marks an operation of a document with its AgentOS route; it is removed before the document is returned. */
export const ROUTE_MARK = 'x-agent-os-route';

/** A handler, and its route without prefixes and versions, such as `GET agents/:id`. */
interface DeclaredRoute {
  readonly route: string;
  readonly prototype: object;
  readonly name: string;
}

const marked = new WeakSet<object>();

/**
 * Marks every handler with its route. Only Nest and `@nestjs/swagger` know the final path of the route in an
 * application: they apply prefixes, versions and exclusions.
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
