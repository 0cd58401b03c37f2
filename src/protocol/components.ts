import { z } from 'zod';

import type { Component } from '../components/component.js';
import type { ToolDescription } from '../components/engine.js';
import { Team } from '../components/team/team.js';
import { Condition } from '../components/workflow/condition.js';
import type { WorkflowNode } from '../components/workflow/workflow-node.js';
import { Workflow } from '../components/workflow/workflow.js';
import { DATABASE_ID, SESSION_TABLE } from './database.js';
import { jsonObject, named, toJsonObject } from './schema.js';
import { STEP_TYPES, WireStepType } from './steps.js';

const WireToolDescription = named(
  'Tool',
  'A tool.',
  z.object({
    name: z.string(),
    description: z.string().optional(),
    parameters: jsonObject('A JSON schema.').optional(),
  }),
);
type WireToolDescription = z.infer<typeof WireToolDescription>;

const IdentityFields = z.object({
  id: z.string(),
  name: z.string(),
  is_factory: z.boolean().describe('Always false: components are code.'),
  is_component: z.boolean().describe('Always false: components are code.'),
  db_id: z
    .string()
    .optional()
    .describe('The database of its sessions; members and steps have no sessions of their own.'),
  description: z.string().optional(),
});

const SettingsFields = z.object({
  model: z
    .object({
      name: z.string(),
      model: z.string().describe("The provider's name for the model."),
      provider: z.string(),
    })
    .optional()
    .describe('The model of the engine, if it has one.'),
  tools: z
    .object({ tools: z.array(WireToolDescription) })
    .optional()
    .describe('The tools that the engine can call.'),
  sessions: z.object({ session_table: z.string() }).optional().describe('The table of the sessions.'),
  response_settings: z
    .object({ retries: z.int(), delay_between_retries: z.int().describe('Seconds.') })
    .optional()
    .describe('How often a failed answer is tried again.'),
});

/** The mode of a team. */
export const WireTeamMode = z
  .enum(['coordinate', 'route', 'broadcast'])
  .optional()
  .describe('How the team works.');

const TeamFields = IdentityFields.extend({
  ...SettingsFields.shape,
  streaming: z.object({ stream_member_events: z.boolean() }).describe('The contents of its streams.'),
  mode: WireTeamMode,
});
const WorkflowFields = IdentityFields.extend({ workflow_agent: z.boolean().describe('Always false.') });
const StepFields = z.object({ name: z.string(), type: WireStepType });

interface WireTeam extends z.infer<typeof TeamFields> {
  members: WireComponent[];
}
interface WireWorkflow extends z.infer<typeof WorkflowFields> {
  steps: WireStep[];
}
/** The component of a step; a function has none. */
interface StepComponent {
  agent?: WireAgent | undefined;
  team?: WireTeam | undefined;
  workflow?: WireWorkflow | undefined;
}
/** The steps inside a block. */
interface BlockSteps {
  steps?: WireStep[] | undefined;
  else_steps?: WireStep[] | undefined;
}
interface WireStep extends z.infer<typeof StepFields>, StepComponent, BlockSteps {}

const WireAgent = named('Agent', 'An agent.', IdentityFields.extend(SettingsFields.shape));
type WireAgent = z.infer<typeof WireAgent>;

const WireTeam: z.ZodType<WireTeam> = named(
  'Team',
  'A team with its members.',
  TeamFields.extend({
    get members() {
      return z.array(z.union([WireAgent, WireTeam, WireWorkflow]));
    },
  }),
);

const WireStep: z.ZodType<WireStep> = named(
  'WorkflowStep',
  'A step, or a block of steps. Of a function only its name is known.',
  StepFields.extend({
    agent: WireAgent.optional(),
    team: WireTeam.optional(),
    get workflow() {
      return WireWorkflow.optional();
    },
    get steps() {
      return z
        .array(WireStep)
        .optional()
        .describe('The steps inside a block; of a condition, its `then` branch.');
    },
    get else_steps() {
      return z.array(WireStep).optional().describe('The `else` branch of a condition.');
    },
  }),
);

const WireWorkflow: z.ZodType<WireWorkflow> = named(
  'Workflow',
  'A workflow with its steps.',
  WorkflowFields.extend({ steps: z.array(WireStep) }),
);

/** A workflow as `GET /workflows` shows it. */
export const WireWorkflowSummary = named('WorkflowSummary', 'A workflow, without its steps.', IdentityFields);
export type WireWorkflowSummary = z.infer<typeof WireWorkflowSummary>;

/** The components of each kind. */
export const WIRE_COMPONENTS = { agent: WireAgent, team: WireTeam, workflow: WireWorkflow };

/** An agent, team or workflow. */
export type WireComponent = WireAgent | WireTeam | WireWorkflow;

/** An agent, team or workflow as `GET /agents/:id` and its like show it; unknown fields are left out. */
export function toWireComponent(component: Component): Promise<WireComponent> {
  return describe(component, { db_id: DATABASE_ID, sessions: { session_table: SESSION_TABLE } });
}

/** A workflow as `GET /workflows` shows it. */
export function toWireWorkflowSummary({ id, name, description }: Component): WireWorkflowSummary {
  return { id, name, description, db_id: DATABASE_ID, is_factory: false, is_component: false };
}

/** The database of a component's sessions. Members and steps have no sessions of their own. */
type Storage = Pick<WireAgent, 'db_id' | 'sessions'>;

function describe(component: Component, storage: Storage = {}): Promise<WireComponent> {
  if (component instanceof Workflow) return describeWorkflow(component, storage);
  if (component instanceof Team) return describeTeam(component, storage);
  return describeAgent(component, storage);
}

/** An agent, and the fields that a team shares with it. */
async function describeAgent(component: Component, { db_id, sessions }: Storage = {}): Promise<WireAgent> {
  const { id, name, description, model, retries } = component;
  const tools = await component.describeTools();
  return {
    id,
    name,
    db_id,
    description,
    is_factory: false,
    model: model && { name: model.name ?? model.id, model: model.id, provider: model.provider },
    tools: tools.length === 0 ? undefined : { tools: tools.map(toWireTool) },
    sessions,
    response_settings: retries === 0 ? undefined : { retries, delay_between_retries: 0 },
    is_component: false,
  };
}

async function describeTeam(team: Team, storage: Storage = {}): Promise<WireTeam> {
  return {
    ...(await describeAgent(team, storage)),
    mode: team.mode,
    streaming: { stream_member_events: true },
    members: await Promise.all(team.members.map((member) => describe(member))),
  };
}

async function describeWorkflow(workflow: Workflow, { db_id }: Storage = {}): Promise<WireWorkflow> {
  const { id, name, description } = workflow;
  return {
    id,
    name,
    db_id,
    description,
    steps: await toWireSteps(workflow.steps),
    workflow_agent: false,
    is_factory: false,
    is_component: false,
  };
}

/** Field by field: an engine may return more fields of a tool than clients may see. */
function toWireTool({ name, description, parameters }: ToolDescription): WireToolDescription {
  return { name, description, parameters: toJsonObject(parameters) };
}

function toWireSteps(nodes: readonly WorkflowNode[]): Promise<WireStep[]> {
  return Promise.all(nodes.map(toWireStep));
}

async function toWireStep(node: WorkflowNode): Promise<WireStep> {
  const { name, identity } = node;
  const inside = await (identity.type === 'step' ? componentOf(node) : stepsOf(node));
  return { name, type: STEP_TYPES[identity.type], ...inside };
}

/** A function step has no component to show. */
async function componentOf({ components: [component] }: WorkflowNode): Promise<StepComponent> {
  if (!component) return {};
  if (component instanceof Workflow) return { workflow: await describeWorkflow(component) };
  if (component instanceof Team) return { team: await describeTeam(component) };
  return { agent: await describeAgent(component) };
}

async function stepsOf(block: WorkflowNode): Promise<BlockSteps> {
  if (!(block instanceof Condition)) return { steps: await toWireSteps(block.nodes) };
  const { thenNodes, elseNodes } = block;
  return {
    steps: await toWireSteps(thenNodes),
    else_steps: elseNodes.length === 0 ? undefined : await toWireSteps(elseNodes),
  };
}
