/** What a component is: an agent thinks, a team delegates, a workflow runs steps in order. */
export type ComponentKind = 'agent' | 'team' | 'workflow';

/** The identity of a component, as it appears in events, logs, the ledger and hook contexts. */
export interface ComponentIdentity {
  readonly kind: ComponentKind;
  /** Unique over all agents, teams and workflows of the application. */
  readonly id: string;
  /** For people; defaults to the id. */
  readonly name: string;
  readonly description?: string;
}
