/** The kind of a component: an agent thinks, a team delegates, a workflow runs steps in order. */
export type ComponentKind = 'agent' | 'team' | 'workflow';

/** All kinds of components. */
export const COMPONENT_KINDS = ['agent', 'team', 'workflow'] as const satisfies readonly ComponentKind[];

/** The identity of a component, as it appears in events, logs, the ledger and hook contexts. */
export interface ComponentIdentity {
  readonly kind: ComponentKind;
  /** Unique over all agents, teams and workflows of the application. */
  readonly id: string;
  /** For people; defaults to the id. */
  readonly name: string;
  readonly description?: string;
}

/** Identities are created once per component, since every run needs one. */
const identities = new WeakMap<ComponentIdentity, ComponentIdentity>();

/** The identity of a component. Frozen: events, outputs and records of all its runs share it. */
export function identityOf(component: ComponentIdentity): ComponentIdentity {
  const known = identities.get(component);
  if (known) return known;
  const { kind, id, name, description } = component;
  const identity = Object.freeze(
    description === undefined ? { kind, id, name } : { kind, id, name, description },
  );
  identities.set(component, identity);
  return identity;
}
