import type { Schemas } from '../open-api.types.js';
import { integer, listOf, number, object, oneOfTexts, text, type Fields } from '../schema.builders.js';

/** Tokens; zeros are left out. */
export const USAGE_FIELDS: Fields = {
  optional: {
    input_tokens: integer(),
    output_tokens: integer(),
    total_tokens: integer(),
    cache_read_tokens: integer('Input tokens that the provider had cached.'),
    cache_write_tokens: integer('Input tokens that the provider has cached now.'),
    reasoning_tokens: integer(),
  },
};

/** The reason why an answer is incomplete. */
export const FINISH_REASON_FIELDS: Fields = {
  optional: {
    finish_reason: oneOfTexts(
      ['length', 'content_filter'],
      'Why the answer is not whole: the limit of tokens was reached, or the provider has filtered it.',
    ),
  },
};

/** Only if the answer is incomplete. */
export const FINISH_REASON = object('Only if the answer is not whole.', FINISH_REASON_FIELDS);

const MODEL_USAGE = object('What one model was used for.', USAGE_FIELDS, {
  required: { id: text('The model, as its provider calls it.'), provider: text() },
});

export const METRICS_FIELDS: Fields = {
  optional: {
    ...USAGE_FIELDS.optional,
    time_to_first_token: number('Seconds until the first piece of the answer.'),
    duration: number('Seconds that the run took.'),
    details: object('The same by model.', { required: { model: listOf(MODEL_USAGE) } }),
    additional_metrics: FINISH_REASON,
  },
};

/** The metrics of a run; inlined where they may be null. */
export const METRICS = object('What a run has used. Zeros and unknowns are left out.', METRICS_FIELDS);

export const metricsSchemas: Schemas = {
  Metrics: METRICS,
  MessageMetrics: object('What a message of a model has cost.', USAGE_FIELDS, {
    optional: {
      time_to_first_token: number('Seconds until its first piece.'),
      additional_metrics: FINISH_REASON,
    },
  }),
};
