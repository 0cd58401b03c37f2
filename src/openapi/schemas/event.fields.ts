import type { Schema } from '../open-api.types.js';
import { anything, integer, text, type Fields } from '../schema.builders.js';

/** The common fields of all events. */
export const EVENT_FIELDS: Fields = {
  required: {
    created_at: integer('Epoch seconds.'),
    nested_depth: integer('How many workflows deep: 0, or more inside nested workflows.'),
  },
  optional: { event_index: integer('The number of the event, from 0; only for runs in the background.') },
};

/** The fields of an error besides its text. */
export const FAILURE_EVENT_FIELDS: Fields = {
  required: { error_type: text('What kind of error it is, such as `input_check_error`.') },
  optional: {
    error_id: text('Which check said no, such as `prompt_injection`.'),
    additional_data: anything('What the check says besides.'),
  },
};

/** The position of a step. */
export const STEP_INDEX: Schema = {
  description: 'The place of the step in its workflow; inside blocks the path of places, such as `[0, 1]`.',
  anyOf: [{ type: 'integer' }, { type: 'array', items: { type: 'integer' } }],
};
