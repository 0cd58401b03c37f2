import type { Type } from '@nestjs/common';
import { ApiExtension } from '@nestjs/swagger';

import { protocolRouteOf } from '../protocol.mark.js';
import { nameOf } from '../protocol/routes.js';

/** Marks an operation of a document with its AgentOS route; it is removed before the document is returned. */
export const ROUTE_MARK = 'x-agent-os-route';

const marked = new WeakSet<object>();

/**
 * Marks every handler with its route. Only Nest and `@nestjs/swagger` know the final path of the route in an
 * application: they apply prefixes, versions and exclusions.
 */
export function markRoutes(controllers: readonly Type[]): void {
  for (const { prototype } of controllers as readonly { readonly prototype: object }[]) {
    for (const [name, descriptor] of Object.entries(Object.getOwnPropertyDescriptors(prototype))) {
      const handler: unknown = descriptor.value;
      const route = typeof handler === 'function' ? protocolRouteOf(handler) : undefined;
      if (!route || marked.has(descriptor.value as object)) continue;
      marked.add(descriptor.value as object);
      ApiExtension(ROUTE_MARK, nameOf(route))(prototype, name, descriptor);
    }
  }
}
