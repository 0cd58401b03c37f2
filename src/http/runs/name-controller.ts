import type { Type } from '@nestjs/common';

import type { ComponentKind } from '../../model/component-identity.js';

/** Names the class after its kind, since logs and OpenAPI operation ids show its name: `AgentRunsController`. */
export function nameController(controller: Type, kind: ComponentKind): Type {
  const prefix = `${kind[0]?.toUpperCase()}${kind.slice(1)}`;
  return Object.defineProperty(controller, 'name', { value: prefix + controller.name });
}
