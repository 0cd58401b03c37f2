import type { Schema, Schemas } from '../open-api.types.js';
import { listOf, object, oneOfTexts, record, shortText, text, type Fields } from '../schema.builders.js';

const NAME: Schema = { ...shortText(), minLength: 1 };

const CONTENT: Fields = {
  optional: {
    session_name: shortText(),
    session_state: record('Ignored unless the server accepts context from clients.'),
    metadata: record(),
  },
};

/** The bodies of requests about sessions and evaluations. */
export const sessionBodySchemas: Schemas = {
  NewSession: object('A session to be made.', CONTENT, {
    optional: {
      session_id: shortText('Default: a new one.'),
      user_id: shortText('Whose it is, unless the server knows who asks.'),
      agent_id: shortText(),
      team_id: shortText(),
      workflow_id: shortText(),
    },
  }),
  SessionUpdate: object('What is to be changed; the rest stays.', CONTENT, {
    optional: { summary: record() },
  }),
  SessionName: object('The new name.', { required: { session_name: NAME } }),
  SessionDeletion: object('Which sessions are to be deleted: as many ids as types.', {
    required: {
      session_ids: { ...listOf(text()), minItems: 1 },
      session_types: { ...listOf(oneOfTexts(['agent', 'team', 'workflow'])), minItems: 1 },
    },
  }),
  EvalRunName: object('The new name.', { required: { name: NAME } }),
  EvalRunDeletion: object('Which evaluations are to be deleted.', {
    required: { eval_run_ids: { ...listOf(text()), minItems: 1 } },
  }),
};
