import type { Schemas } from '../open-api.types.js';
import {
  anything,
  emptyList,
  flag,
  listOf,
  nullable,
  object,
  oneOfTexts,
  ref,
  text,
  type Fields,
} from '../schema.builders.js';
import { METRICS } from './metrics.schemas.js';

const NO_MEDIA = nullable(emptyList());

const STEP_FIELDS: Fields = {
  required: {
    step_name: text(),
    step_id: text('Of this execution of the step: in a loop it has many.'),
    step_type: oneOfTexts(['Step', 'Parallel', 'Condition', 'Loop', 'Router']),
    executor_type: oneOfTexts(
      ['agent', 'team', 'workflow', 'function', 'block'],
      'What ran: a component, a function, or a block of steps.',
    ),
    executor_name: text(),
    content: anything('The result: text, or any JSON value.'),
    step_run_id: nullable(text("The run of the step's component; null for functions.")),
    images: NO_MEDIA,
    videos: NO_MEDIA,
    audio: NO_MEDIA,
    files: NO_MEDIA,
    metrics: nullable(METRICS),
    success: flag(),
    error: nullable(text('Why the step failed.')),
    stop: flag(),
    is_paused: flag(),
  },
};

export const stepSchemas: Schemas = {
  StepOutput: object('What a step or a block of steps produced. Nulls are kept.', STEP_FIELDS, {
    optional: { steps: listOf(ref('StepOutput'), 'What stood inside a block, in order.') },
  }),
  RawStepOutput: object('What a function produced, as the event `StepOutput` says it.', STEP_FIELDS, {
    required: {
      steps: nullable(listOf(ref('StepOutput'), 'What stood inside a block, in order.')),
      requires_iteration_review_pause: flag(),
    },
  }),
};
