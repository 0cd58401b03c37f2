import type { AgentOsOptions, Component } from 'nestjs-agentos';

/** The option that registers a component, whatever its kind. */
export function registrationOf(component: Component): AgentOsOptions {
  return { [`${component.kind}s`]: [component] };
}

/** Where a component is served. */
export function pathOf({ kind, id }: Component): string {
  return `/${kind}s/${id}`;
}
