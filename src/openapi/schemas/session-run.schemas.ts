import type { Schemas } from '../open-api.types.js';
import {
  anything,
  emptyList,
  integer,
  listOf,
  nullable,
  object,
  oneOfTexts,
  record,
  ref,
  text,
  time,
  type Fields,
} from '../schema.builders.js';
import { ANY_RUN, RUN_STATUS } from './run.schemas.js';

const CONTENT = anything('The answer: text, or an object if it is structured.');

/** The fields of all runs; fields that are null in one answer are left out in another. */
const COMMON: Fields = {
  required: {
    run_id: text(),
    status: RUN_STATUS,
    run_input: text('What was asked.'),
    content: CONTENT,
    reasoning_content: text('Always empty.'),
    reasoning_steps: emptyList(),
    created_at: time(),
    references: emptyList(),
    reasoning_messages: emptyList(),
    images: emptyList(),
    videos: emptyList(),
    audio: emptyList(),
    files: emptyList(),
  },
  optional: {
    citations: nullable(record('Always null.')),
    response_audio: nullable(record('Always null.')),
  },
};

const CONVERSATION: Fields = {
  required: {
    parent_run_id: text('The run that started this one; empty if none did.'),
    run_response_format: oneOfTexts(['text', 'json']),
    metrics: ref('Metrics'),
    session_state: record("The session's state as the run has left it."),
    input_media: ref('InputMedia'),
  },
  optional: {
    messages: nullable(listOf(ref('Message'), 'The conversation of this run.')),
    tools: nullable(listOf(ref('ToolExecution'), 'Tool calls.')),
    events: nullable(listOf(ref('WorkflowEvent'), 'What happened, without pieces of content.')),
    followups: nullable(listOf(text(), 'Always null.')),
    forked_from_run_id: nullable(text('Always null.')),
    forked_from_message_index: nullable(integer('Always null.')),
    forked_from_session_id: nullable(text('Always null.')),
    regenerated_from: nullable(text('Always null.')),
    last_checkpoint_at_message_index: nullable(integer('Always null.')),
  },
};

export const sessionRunSchemas: Schemas = {
  AgentSessionRun: object("An agent's run, as its session remembers it.", COMMON, CONVERSATION, {
    required: { agent_id: text(), user_id: text('Empty if nobody is known.') },
  }),
  TeamSessionRun: object("A team's run, as its session remembers it.", COMMON, CONVERSATION, {
    required: { team_id: text() },
  }),
  WorkflowSessionRun: workflowSessionRun(),
  InputMedia: object('Files that came with the input, by kind.', {
    required: Object.fromEntries(
      ['images', 'videos', 'audios', 'files'].map((kind) => [kind, listOf(ref('Media'))]),
    ),
  }),
};

function workflowSessionRun(): Schemas[string] {
  return object("A workflow's run, as its session remembers it.", COMMON, {
    required: {
      workflow_id: text(),
      user_id: text('Empty if nobody is known.'),
      content_type: oneOfTexts(['str', 'dict']),
      events: listOf(ref('WorkflowEvent'), 'What happened, without pieces of content.'),
      step_results: listOf(ref('StepOutput'), 'Results of the steps, in order.'),
      step_executor_runs: listOf(ANY_RUN, 'The runs of the steps.'),
      metrics: ref('WorkflowMetrics'),
    },
    optional: {
      step_requirements: nullable(listOf(record(), 'Always null.')),
      pause_kind: nullable(text('Always null.')),
      paused_step_name: nullable(text('Always null.')),
      paused_step_index: nullable(integer('Always null.')),
    },
  });
}
