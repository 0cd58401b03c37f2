import { AgentOsConfigurationError } from '../errors/agent-os-configuration.error.js';
import type { ComponentKind } from '../model/component-identity.js';
import { Component } from './component.js';

/** The components that AgentOS serves, and those inside them. */
export class ComponentRegistry {
  readonly #served = new Map<string, Component>();
  /** Served components, members and steps, at any depth. */
  readonly #known = new Map<string, Component>();

  /** @throws AgentOsConfigurationError if it is no component, or its id or that of one inside it is taken */
  add(component: Component): void {
    const inside = componentsIn(component);
    if (this.#served.has(component.id)) throw duplicate(component);
    for (const item of inside) if ((this.#known.get(item.id) ?? item) !== item) throw duplicate(item);
    for (const item of inside) this.#known.set(item.id, item);
    this.#served.set(component.id, component);
  }

  /** A served component. */
  get(id: string): Component | undefined {
    return this.#served.get(id);
  }

  /** A component that is served, or is inside a served one. */
  find(id: string): Component | undefined {
    return this.#known.get(id);
  }

  /** The served components of a kind, in the order in which they were added. */
  list<K extends ComponentKind>(kind: K): (Component & { readonly kind: K })[] {
    return [...this.#served.values()].filter(
      (component): component is Component & { readonly kind: K } => component.kind === kind,
    );
  }

  /** All components, members and steps included. */
  all(): Component[] {
    return [...this.#known.values()];
  }
}

/**
 * A component, its members and steps, at any depth, each once.
 *
 * @throws AgentOsConfigurationError if it is no component, or two different components inside have the same id
 */
export function componentsIn(component: Component): Component[] {
  if (!(component instanceof Component)) {
    throw new AgentOsConfigurationError(
      `Expected an Agent, Team or Workflow, got ${String(component)}. If it is imported, look for a circular import.`,
    );
  }
  const found = new Map<string, Component>();
  const visit = (item: Component): void => {
    const known = found.get(item.id);
    if (known === item) return;
    if (known) throw duplicate(item);
    found.set(item.id, item);
    item.children.forEach(visit);
  };
  visit(component);
  return [...found.values()];
}

function duplicate({ id }: Component): AgentOsConfigurationError {
  return new AgentOsConfigurationError(
    `Two components have the id "${id}". Ids are unique over agents, teams and workflows, members and steps included.`,
  );
}
