import type { Component } from '../../components/component.js';
import { Team } from '../../components/team/team.js';

/** An agent or team as `GET /agents` and `GET /teams` show it; what is unknown is left out. */
export interface WireComponent {
  readonly id: string;
  readonly name: string;
  readonly description?: string;
  /** `model` is the provider's name for it. */
  readonly model?: { readonly name: string; readonly model: string; readonly provider: string };
  readonly mode?: string;
  readonly members?: readonly WireComponent[];
  readonly is_factory: false;
  readonly is_component: false;
}

/** A workflow as `GET /workflows` shows it. */
export type WireWorkflowSummary = Omit<WireComponent, 'members' | 'mode' | 'model'>;

export function toWireComponent(component: Component): WireComponent {
  const members =
    component instanceof Team
      ? { mode: component.mode, members: component.members.map(toWireComponent) }
      : {};
  return { ...toWireWorkflowSummary(component), ...modelFields(component), ...members };
}

function modelFields({ model }: Component): Pick<WireComponent, 'model'> {
  return model ? { model: { name: model.name ?? model.id, model: model.id, provider: model.provider } } : {};
}

export function toWireWorkflowSummary({ id, name, description }: Component): WireWorkflowSummary {
  return {
    id,
    name,
    ...(description === undefined ? {} : { description }),
    is_factory: false,
    is_component: false,
  };
}
