import type { Schemas } from '../open-api.types.js';
import { anything, listOf, object, ref, text, type Fields } from '../schema.builders.js';

/** The additional fields of the output of a run that did not complete. */
export const FAILURE_FIELDS: Fields = {
  required: {
    detail: text('What went wrong, for people. Never a stack or an internal message.'),
    error_type: text('What kind of error it is, such as `input_check_error`.'),
  },
  optional: {
    error_id: text('Which check said no, such as `prompt_injection`.'),
    additional_data: anything('What the check says besides.'),
  },
};

export const errorSchemas: Schemas = {
  HttpError: object('An error.', { required: { detail: text('What went wrong, for people.') } }),
  ValidationError: object('The request has fields that are wrong or missing.', {
    required: { detail: listOf(ref('FieldProblem'), 'One entry for each problem, up to 100.') },
  }),
  FieldProblem: object('What is wrong with one field.', {
    required: {
      type: text('What kind of problem it is, such as `missing`.'),
      loc: listOf(
        { anyOf: [{ type: 'string' }, { type: 'integer' }] },
        'Where it is: `body` or `query`, then the name of the field, then the place inside of it.',
      ),
      msg: text('The problem, for people.'),
      input: anything(
        'What was sent, cut after 1,000 characters; null if nothing was, or a larger or deep object.',
      ),
    },
  }),
};
