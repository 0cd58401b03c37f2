import type { Schemas } from '../open-api.types.js';
import {
  allOptional,
  eventSchemaName,
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
import { EVENT_FIELDS, FAILURE_EVENT_FIELDS, STEP_INDEX } from './event.fields.js';
import { ANY_RUN, CONTENT_FIELDS } from './run.schemas.js';

/** The common fields of all events of a workflow's run. */
const COMMON: Fields = mergeFields(EVENT_FIELDS, {
  required: { workflow_id: text(), workflow_name: text(), session_id: text(), run_id: text() },
  optional: {
    parent_step_id: text('The block around the step, or the step that this workflow is.'),
  },
});

/** The end of a workflow; after a cancellation, only the text is present. */
const COMPLETED = mergeFields(CONTENT_FIELDS, {
  required: { step_results: listOf(ref('StepOutput'), 'Results of the steps, in order.') },
  optional: {
    step_executor_runs: listOf(ANY_RUN, 'The runs of the steps.'),
    metadata: record('What was remembered with the run.'),
    metrics: ref('WorkflowMetrics'),
  },
});

const PLACE: Fields = { required: { step_name: text(), step_index: STEP_INDEX } };
const STEP: Fields = mergeFields(PLACE, { required: { step_id: text('Of this execution of the step.') } });
const RESULTS = listOf(ref('StepOutput'), 'What stood inside, in order.');
const ENDED: Schemas = { step_results: RESULTS };
const ITERATION = mergeFields(STEP, {
  required: { iteration: integer('The first is 1.'), max_iterations: integer() },
});

/** The other fields of the events, by event name. */
const OWN_FIELDS: Readonly<Record<string, readonly [description: string, ...fields: readonly Fields[]]>> = {
  WorkflowStarted: ['The workflow has begun.', COMMON],
  WorkflowCompleted: ['The workflow has ended.', COMMON, COMPLETED],
  WorkflowCancelled: [
    'The workflow was stopped. `WorkflowCompleted` follows.',
    COMMON,
    { required: { content: text('What it had said so far.'), reason: text() } },
  ],
  WorkflowError: [
    'The workflow has ended with an error.',
    allOptional(COMMON),
    FAILURE_EVENT_FIELDS,
    { required: { created_at: integer('Epoch seconds.'), error: text('What went wrong, for people.') } },
  ],
  StepStarted: ['A step begins.', COMMON, STEP],
  StepCompleted: [
    'A step has ended.',
    ...[COMMON, STEP, CONTENT_FIELDS],
    { required: { step_response: ref('StepOutput') } },
  ],
  StepOutput: [
    'A function has ended.',
    ...[COMMON, PLACE],
    { required: { step_output: ref('RawStepOutput') } },
  ],
  ...blockEvents('Parallel', { parallel_step_count: integer() }, { required: ENDED }),
  ...blockEvents(
    'Condition',
    { condition_result: flag() },
    {
      required: { executed_steps: integer(), ...ENDED },
      optional: { branch: oneOfTexts(['if', 'else'], 'The side that ran, if there was one to run.') },
    },
  ),
  ...blockEvents(
    'Router',
    { selected_steps: listOf(text(), 'The chosen routes.') },
    { required: { executed_steps: integer(), ...ENDED } },
  ),
  ...blockEvents(
    'Loop',
    { max_iterations: integer() },
    {
      required: {
        total_iterations: integer('How many there were.'),
        all_results: listOf(RESULTS, 'The results of each iteration.'),
      },
    },
  ),
  LoopIterationStarted: ['An iteration of a loop begins.', COMMON, ITERATION],
  LoopIterationCompleted: [
    'An iteration of a loop has ended.',
    ...[COMMON, ITERATION],
    { required: { iteration_results: RESULTS, should_continue: flag() } },
  ],
};

/** The names of the events of a workflow's own run. */
export const WORKFLOW_EVENT_NAMES: readonly string[] = Object.keys(OWN_FIELDS);

/** The events of a workflow's own run. */
export const workflowEventSchemas: Schemas = Object.fromEntries(
  Object.entries(OWN_FIELDS).map(([name, [description, ...fields]]) => [
    eventSchemaName(name),
    object(description, { required: { event: oneOfTexts([name]) } }, ...fields),
  ]),
);

/** The start event of a block, and its end event with the results. */
function blockEvents(block: string, own: Schemas, end: Fields): typeof OWN_FIELDS {
  const common = [COMMON, STEP, { required: own }];
  return {
    [`${block}ExecutionStarted`]: [`A block of the kind ${block} begins.`, ...common],
    [`${block}ExecutionCompleted`]: [`A block of the kind ${block} has ended.`, ...common, end],
  };
}
