import type { Schemas } from '../open-api.types.js';
import {
  flag,
  integer,
  listOf,
  mergeFields,
  object,
  oneOfTexts,
  record,
  ref,
  text,
  type Fields,
} from '../schema.builders.js';

const IDENTITY: Fields = {
  required: {
    id: text(),
    name: text(),
    is_factory: flag('Always false: components are code.'),
    is_component: flag('Always false: components are code.'),
  },
  optional: {
    db_id: text('Where its sessions are kept; members and steps have none of their own.'),
    description: text(),
  },
};

const SETTINGS: Fields = {
  optional: {
    model: object('The model that answers, if the engine has one.', {
      required: { name: text(), model: text('The model, as its provider calls it.'), provider: text() },
    }),
    tools: object('The tools that the engine can call.', {
      required: { tools: listOf(ref('Tool')) },
    }),
    sessions: object('Where the sessions are kept.', { required: { session_table: text() } }),
    response_settings: object('How often a failed answer is tried again.', {
      required: { retries: integer(), delay_between_retries: integer('Seconds.') },
    }),
  },
};

/** The mode of a team. */
export const TEAM_MODE = oneOfTexts(['coordinate', 'route', 'broadcast'], 'How the team works.');

const ANY_COMPONENT = { anyOf: [ref('Agent'), ref('Team'), ref('Workflow')] };

export const componentSchemas: Schemas = {
  Tool: object('A tool.', {
    required: { name: text() },
    optional: { description: text(), parameters: record('A JSON schema.') },
  }),
  Agent: object('An agent.', IDENTITY, SETTINGS),
  Team: object('A team with its members.', IDENTITY, SETTINGS, {
    required: {
      streaming: object('What its streams show.', { required: { stream_member_events: flag() } }),
      members: listOf(ANY_COMPONENT),
    },
    optional: { mode: TEAM_MODE },
  }),
  WorkflowSummary: object('A workflow, without its steps.', IDENTITY),
  Workflow: object('A workflow with its steps.', mergeFields(IDENTITY), {
    required: { steps: listOf(ref('WorkflowStep')), workflow_agent: flag('Always false.') },
  }),
  WorkflowStep: object('A step, or a block of steps. Of a function nothing more is known than its name.', {
    required: { name: text(), type: oneOfTexts(['Step', 'Parallel', 'Condition', 'Loop', 'Router']) },
    optional: {
      agent: ref('Agent'),
      team: ref('Team'),
      workflow: ref('Workflow'),
      steps: listOf(ref('WorkflowStep'), 'What stands inside of a block.'),
      else_steps: listOf(ref('WorkflowStep'), 'What a condition does otherwise.'),
    },
  }),
};
