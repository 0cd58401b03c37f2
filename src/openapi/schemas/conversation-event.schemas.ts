import type { ComponentKind } from '../../model/component.js';
import type { Schema, Schemas } from '../open-api.types.js';
import {
  allOptional,
  eventSchemaName,
  integer,
  listOf,
  mergeFields,
  number,
  object,
  oneOfTexts,
  record,
  ref,
  text,
  type Fields,
} from '../schema.builders.js';
import { ANY_MEMBER_RUN, CONTENT_FIELDS } from './run.schemas.js';
import { FINISH_REASON, FINISH_REASON_FIELDS } from './metrics.schemas.js';
import { EVENT_FIELDS, FAILURE_EVENT_FIELDS, STEP_INDEX } from './event.fields.js';

type ConversationKind = Exclude<ComponentKind, 'workflow'>;

/** The common fields of all events of an agent's or team's run. */
function commonFields(kind: ConversationKind): Fields {
  return mergeFields(EVENT_FIELDS, {
    required: {
      [`${kind}_id`]: text(),
      [`${kind}_name`]: text(),
      run_id: text(),
      session_id: text(),
    },
    optional: {
      parent_run_id: text('The run that started this one.'),
      workflow_id: text('Only in a workflow.'),
      workflow_run_id: text('Only in a workflow.'),
      step_id: text('Only in a workflow.'),
      step_name: text('Only in a workflow.'),
      step_index: STEP_INDEX,
    },
  });
}

const MODEL_FIELDS: Fields = { optional: { model: text(), model_provider: text() } };
const TOOL_FIELDS: Fields = { required: { tool: ref('ToolExecution') } };

/** The other fields of the events, by event name; the end of a run and its errors are below. */
const OWN_FIELDS: Readonly<Record<string, readonly [description: string, fields: Fields]>> = {
  RunStarted: ['The run has begun.', MODEL_FIELDS],
  RunContentCompleted: ['The answer is complete.', {}],
  RunCancelled: [
    'The run was stopped. `RunCompleted` follows.',
    { required: { content: text('What it had said so far.'), reason: text() } },
  ],
  PreHookStarted: ['An inline pre-hook begins.', hookFields('pre', {})],
  PreHookCompleted: ['An inline pre-hook has ended.', hookFields('pre', hookError())],
  PostHookStarted: ['An inline post-hook begins.', hookFields('post', {})],
  PostHookCompleted: ['An inline post-hook has ended.', hookFields('post', hookError())],
  ModelRequestStarted: ['A model is asked.', MODEL_FIELDS],
  ModelRequestCompleted: ['A model has answered.', mergeFields(MODEL_FIELDS, usageFields())],
  ToolCallStarted: ['A tool is called.', TOOL_FIELDS],
  ToolCallCompleted: [
    'A tool has answered.',
    mergeFields(TOOL_FIELDS, { required: { content: text('The call, for people.') } }),
  ],
  ToolCallError: ['A tool has failed.', mergeFields(TOOL_FIELDS, { required: { error: text() } })],
};

/** The names of the events of a kind's runs. */
export function conversationEventNames(kind: ConversationKind): readonly string[] {
  const names = [...Object.keys(OWN_FIELDS), 'RunContent', 'RunCompleted', 'RunError'];
  return names.map((name) => prefixOf(kind) + name);
}

/** The events of agents' and teams' runs. */
export const conversationEventSchemas: Schemas = { ...schemasOf('agent'), ...schemasOf('team') };

function schemasOf(kind: ConversationKind): Schemas {
  const common = commonFields(kind);
  const event = (name: string, description: string, ...fields: readonly Fields[]): [string, Schema] => {
    const fullName = prefixOf(kind) + name;
    const named: Fields = { required: { event: oneOfTexts([fullName]) } };
    return [eventSchemaName(fullName), object(description, named, ...fields)];
  };
  return Object.fromEntries([
    ...Object.entries(OWN_FIELDS).map(([name, [description, own]]) => event(name, description, common, own)),
    event('RunContent', 'A piece of the answer.', common, pieceFields(kind)),
    event('RunCompleted', 'The run has ended.', common, completedFields(kind)),
    event('RunError', 'The run has ended with an error.', allOptional(common), FAILURE_EVENT_FIELDS, {
      required: { created_at: integer('Epoch seconds.'), content: text('What went wrong, for people.') },
    }),
  ]);
}

function pieceFields(kind: ConversationKind): Fields {
  return {
    required: {
      content: text('The piece.'),
      content_type: oneOfTexts(['str']),
      reasoning_content: text('Empty.'),
      ...(kind === 'agent' ? { workflow_agent: { type: 'boolean' } satisfies Schema } : {}),
    },
  };
}

/** After a cancellation, only the text is present. */
function completedFields(kind: ConversationKind): Fields {
  return mergeFields(CONTENT_FIELDS, {
    optional: {
      metadata: record('What was remembered with the run.'),
      metrics: ref('Metrics'),
      model_provider_data: FINISH_REASON,
      ...(kind === 'agent'
        ? { session_state: record("The session's state as the run has left it.") }
        : { member_responses: listOf(ANY_MEMBER_RUN, 'The runs of the members, if there were any.') }),
    },
  });
}

function hookFields(phase: 'pre' | 'post', others: Fields): Fields {
  return mergeFields({ required: { [`${phase}_hook_name`]: text() } }, others);
}

function hookError(): Fields {
  return { optional: { error: text('Why the hook failed, if it did.') } };
}

function usageFields(): Fields {
  return {
    required: {
      input_tokens: integer(),
      output_tokens: integer(),
      total_tokens: integer(),
      reasoning_tokens: integer(),
      cache_read_tokens: integer(),
      cache_write_tokens: integer(),
    },
    optional: {
      time_to_first_token: number('Seconds until the first piece.'),
      ...FINISH_REASON_FIELDS.optional,
    },
  };
}

function prefixOf(kind: ConversationKind): string {
  return kind === 'team' ? 'Team' : '';
}
