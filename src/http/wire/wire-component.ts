import type { Component } from '../../components/component.js';
import type { ToolDescription } from '../../components/engine.js';
import { Team } from '../../components/team/team.js';
import { Workflow } from '../../components/workflow/workflow.js';
import { DATABASE_ID, SESSION_TABLE } from './database.js';
import { toJsonValue } from '../../data/to-json-value.js';
import { withoutUndefined } from '../../data/without-undefined.js';
import type { WireObject } from './wire-format.js';
import { toWireSteps } from './wire-step.js';

/** An agent, team or workflow as `GET /agents/:id` and its like show it; unknown fields are left out. */
export function toWireComponent(component: Component): Promise<WireObject> {
  return describe(component, { db_id: DATABASE_ID, sessions: { session_table: SESSION_TABLE } });
}

/** A workflow as `GET /workflows` shows it. */
export function toWireWorkflowSummary({ id, name, description }: Component): WireObject {
  return withoutUndefined({ id, name, description, db_id: DATABASE_ID, ...IS_CODE });
}

/** The database of a component's sessions. Members and steps have no sessions of their own. */
interface Storage {
  readonly db_id?: string;
  readonly sessions?: WireObject;
}

/** The component is neither created for each request nor stored in a database. */
const IS_CODE = { is_factory: false, is_component: false };

function describe(component: Component, storage: Storage = {}): Promise<WireObject> {
  if (component instanceof Workflow) return describeWorkflow(component, storage);
  if (component instanceof Team) return describeTeam(component, storage);
  return describeAgent(component, storage);
}

async function describeAgent(agent: Component, storage: Storage): Promise<WireObject> {
  return withoutUndefined({
    ...identityOf(agent, storage),
    is_factory: false,
    ...(await settingsOf(agent, storage)),
    is_component: false,
  });
}

async function describeTeam(team: Team, storage: Storage): Promise<WireObject> {
  return withoutUndefined({
    ...identityOf(team, storage),
    mode: team.mode,
    ...(await settingsOf(team, storage)),
    streaming: { stream_member_events: true },
    members: await Promise.all(team.members.map((member) => describe(member))),
    ...IS_CODE,
  });
}

async function describeWorkflow(workflow: Workflow, storage: Storage): Promise<WireObject> {
  return withoutUndefined({
    ...identityOf(workflow, storage),
    steps: await toWireSteps(workflow.steps, (component) => describe(component)),
    workflow_agent: false,
    ...IS_CODE,
  });
}

function identityOf({ id, name, description }: Component, { db_id }: Storage): WireObject {
  return { id, name, db_id, description };
}

async function settingsOf(component: Component, { sessions }: Storage): Promise<WireObject> {
  const { model, retries } = component;
  const tools = await component.describeTools();
  return {
    model: model && { name: model.name ?? model.id, model: model.id, provider: model.provider },
    tools: tools.length === 0 ? undefined : { tools: tools.map(toWireTool) },
    sessions,
    response_settings: retries === 0 ? undefined : { retries, delay_between_retries: 0 },
  };
}

/** Field by field: an engine may return more fields of a tool than clients may see. */
function toWireTool({ name, description, parameters }: ToolDescription): WireObject {
  return withoutUndefined({ name, description, parameters: toJsonValue(parameters) });
}
