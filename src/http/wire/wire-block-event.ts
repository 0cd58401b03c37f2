import type { StepPlace } from '../../model/run-event.js';
import type { StepOutput } from '../../model/run-output.js';
import type { EventOf } from './wire-event-fields.js';
import type { EventBody } from './wire-event-frame.js';
import type { WireObject } from './wire-format.js';
import { toWireStepOutput } from './wire-step-output.js';

type BlockStarted = EventOf<'block-started'>;
type BlockCompleted = EventOf<'block-completed'>;

/** The start or the end of a block. */
export function blockBody(event: BlockStarted | BlockCompleted): EventBody {
  const [phase, fields] =
    event.type === 'block-started'
      ? (['Started', startFields(event)] as const)
      : (['Completed', endFields(event)] as const);
  return { name: `${NAMES[event.block]}Execution${phase}`, fields: { ...placeFields(event), ...fields } };
}

/** The position of a step or block in its workflow. */
export function placeFields({ stepName, stepIndex }: StepPlace): WireObject {
  return { step_name: stepName, step_index: stepIndex };
}

const NAMES = { parallel: 'Parallel', condition: 'Condition', loop: 'Loop', router: 'Router' } as const;

/** The protocol's names for the sides of a condition. */
const BRANCHES = { then: 'if', else: 'else' } as const;

/** The fields of each kind of block before it has run. */
function startFields(event: BlockStarted): WireObject {
  switch (event.block) {
    case 'parallel':
      return { parallel_step_count: event.stepCount };
    case 'condition':
      return { condition_result: event.conditionResult };
    case 'loop':
      return { max_iterations: event.maxIterations };
    case 'router':
      return { selected_steps: event.selected };
    default:
      return event.block satisfies never;
  }
}

/** The fields of each kind of block after it has run. */
function endFields(event: BlockCompleted): WireObject {
  const { steps = [] } = event.output;
  const results = { step_results: toWireResults(steps) };
  switch (event.block) {
    case 'parallel':
      return { parallel_step_count: event.stepCount, ...results };
    case 'condition': {
      const branch = event.branch && BRANCHES[event.branch];
      return { condition_result: event.conditionResult, executed_steps: steps.length, branch, ...results };
    }
    case 'loop':
      return loopFields(event);
    case 'router':
      return { selected_steps: event.selected, executed_steps: steps.length, ...results };
    default:
      return event.block satisfies never;
  }
}

/** The results of a loop are grouped by iteration. */
function loopFields({ iterations = [], maxIterations }: BlockCompleted): WireObject {
  return {
    total_iterations: iterations.length,
    max_iterations: maxIterations,
    all_results: iterations.map(toWireResults),
  };
}

function toWireResults(outputs: readonly StepOutput[]): WireObject[] {
  return outputs.map(toWireStepOutput);
}
