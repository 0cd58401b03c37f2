import type { Schemas } from '../open-api.types.js';
import {
  anything,
  emptyList,
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
import { FAILURE_FIELDS } from './error.schemas.js';
import { FINISH_REASON, METRICS_FIELDS } from './metrics.schemas.js';

/** The runs of agents, teams and workflows. */
export const ANY_RUN = {
  anyOf: [ref('RunOutput'), ref('TeamRunOutput'), ref('WorkflowRunOutput')],
};

/** The runs of a team's members: the input of a workflow is wrapped there. */
export const ANY_MEMBER_RUN = {
  anyOf: [ref('RunOutput'), ref('TeamRunOutput'), ref('WorkflowMemberRun')],
};

/** The fields of the answer. */
export const CONTENT_FIELDS: Fields = {
  required: {
    content: anything('The answer: text, or any JSON value if `content_type` is `dict`.'),
    content_type: oneOfTexts(['str', 'dict']),
  },
};

/** The status of a run. */
export const RUN_STATUS = oneOfTexts(
  ['RUNNING', 'COMPLETED', 'ERROR', 'CANCELLED'],
  'How the run stands. A run that was rejected or failed is `ERROR`.',
);

const COMMON_FIELDS: Fields = {
  required: {
    run_id: text(),
    session_id: text('The conversation that the run belongs to.'),
    created_at: integer('Epoch seconds.'),
    status: RUN_STATUS,
  },
  optional: {
    user_id: text(),
    parent_run_id: text('The run that started this one.'),
    workflow_step_id: text('The execution of a step that this run is.'),
    metadata: record('What was remembered with the run.'),
  },
};

const CONVERSATION_FIELDS: Fields = {
  required: { metrics: ref('Metrics') },
  optional: {
    model: text('The model, as its provider calls it.'),
    model_provider: text(),
    model_provider_data: FINISH_REASON,
    messages: listOf(ref('Message'), 'The conversation of this run.'),
    tools: listOf(ref('ToolExecution'), 'Tool calls; empty if the run completed without any.'),
    input: ref('RunInput'),
  },
};

const AGENT_FIELDS = mergeFields(COMMON_FIELDS, CONTENT_FIELDS, CONVERSATION_FIELDS, {
  required: {
    agent_id: text(),
    agent_name: text(),
    session_state: record("The session's state as the run has left it."),
  },
});

const TEAM_FIELDS = mergeFields(COMMON_FIELDS, CONTENT_FIELDS, CONVERSATION_FIELDS, {
  required: {
    team_id: text(),
    team_name: text(),
    member_responses: listOf(ANY_MEMBER_RUN, 'The runs of the members, in the order in which they settled.'),
  },
});

const WORKFLOW_FIELDS = mergeFields(COMMON_FIELDS, CONTENT_FIELDS, {
  required: {
    workflow_id: text(),
    workflow_name: text(),
    images: emptyList(),
    videos: emptyList(),
    audio: emptyList(),
    files: emptyList(),
    metrics: ref('WorkflowMetrics'),
  },
  optional: {
    input: text('What the workflow was asked.'),
    step_results: listOf(ref('StepOutput'), 'Results of the steps, in order.'),
    step_executor_runs: listOf(ANY_RUN, 'The runs of the steps.'),
  },
});

export const runSchemas: Schemas = {
  RunOutput: object("An agent's run. What is unknown is left out.", AGENT_FIELDS),
  TeamRunOutput: object("A team's run. What is unknown is left out.", TEAM_FIELDS),
  WorkflowRunOutput: object("A workflow's run. What is unknown is left out.", WORKFLOW_FIELDS),
  WorkflowMemberRun: object(
    "A workflow's run as a member of a team. What is unknown is left out.",
    WORKFLOW_FIELDS,
    { optional: { input: ref('RunInput') } },
  ),
  FailedRun: object("An agent's run that did not complete, and why.", AGENT_FIELDS, FAILURE_FIELDS),
  FailedTeamRun: object("A team's run that did not complete, and why.", TEAM_FIELDS, FAILURE_FIELDS),
  FailedWorkflowRun: object(
    "A workflow's run that did not complete, and why.",
    WORKFLOW_FIELDS,
    FAILURE_FIELDS,
  ),
  PendingRun: object('A run that has begun in the background of the server.', {
    required: { run_id: text(), session_id: text(), status: oneOfTexts(['PENDING']) },
  }),
  WorkflowMetrics: object('What a workflow has used.', METRICS_FIELDS, {
    required: {
      steps: { type: 'object', description: 'By the name of the step.', additionalProperties: stepMetrics() },
    },
  }),
};

function stepMetrics(): Schemas[string] {
  return object('What a step has used.', {
    required: {
      step_name: text(),
      executor_type: text('What ran: a kind of component.'),
      executor_name: text(),
      metrics: ref('Metrics'),
    },
  });
}
