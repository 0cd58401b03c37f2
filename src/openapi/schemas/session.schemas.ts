import type { Schemas } from '../open-api.types.js';
import {
  flag,
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
import { USAGE_FIELDS } from './metrics.schemas.js';

const SESSION: Fields = {
  required: {
    session_id: text(),
    session_name: text('Its name, else the first message.'),
    session_state: record(),
    created_at: time(),
    updated_at: time(),
  },
};

/** Left out in some answers, null in others. */
const UNKNOWN: Fields = {
  optional: { user_id: nullable(text()), metadata: nullable(record()) },
};

const CONVERSATION: Fields = {
  required: {
    metrics: ref('SessionMetrics'),
    chat_history: listOf(ref('Message'), 'What was said between the user and the component.'),
  },
  optional: {
    session_summary: nullable(record()),
    total_tokens: nullable(integer()),
  },
};

export const sessionSchemas: Schemas = {
  SessionSummary: object('A session in a list. What is unknown is left out.', SESSION, {
    required: { session_type: oneOfTexts(['agent', 'team', 'workflow']) },
    optional: {
      user_id: text(),
      agent_id: text(),
      team_id: text(),
      workflow_id: text(),
      session_summary: record(),
      metrics: ref('SessionMetrics'),
      total_tokens: integer(),
      metadata: record(),
      truncated: flag(
        'The page is full: state, metadata and summary are in the details of the session only.',
      ),
    },
  }),
  SessionMetrics: object('What all runs of a session have used.', USAGE_FIELDS, {
    optional: {
      details: object('The same by model.', {
        required: {
          model: listOf(
            object('What one model was used for.', USAGE_FIELDS, {
              required: { id: text(), provider: text() },
            }),
          ),
        },
      }),
    },
  }),
  AgentSession: object("An agent's session.", SESSION, UNKNOWN, CONVERSATION, {
    required: { agent_session_id: text() },
    optional: { agent_id: nullable(text()), agent_data: componentData('agent') },
  }),
  TeamSession: object("A team's session.", SESSION, UNKNOWN, CONVERSATION, {
    optional: { team_id: nullable(text()), team_data: componentData('team') },
  }),
  WorkflowSession: object("A workflow's session.", SESSION, UNKNOWN, {
    required: {
      session_data: object('What is kept with the session.', {
        required: { session_state: record() },
        optional: { session_name: text('Only if it was named.'), session_metrics: ref('SessionMetrics') },
      }),
    },
    optional: {
      workflow_id: nullable(text()),
      workflow_name: nullable(text()),
      workflow_data: componentData('workflow'),
    },
  }),
};

/** Null if the component of the session is unknown. */
function componentData(kind: string): Schemas[string] {
  return nullable(
    object('Whose session it is.', {
      required: { name: text(), [`${kind}_id`]: text() },
      optional: {
        ...(kind === 'workflow' ? { description: text() } : {}),
        model: object('The model.', { required: { name: text(), provider: text(), id: text() } }),
      },
    }),
  );
}
