import type { IterationEventFields, RunEvent } from '../../model/run-event.js';
import { blockBody, placeFields } from './wire-block-event.js';
import type { EventBody } from './wire-event-frame.js';
import type { WireObject } from './wire-format.js';
import { errorFields, workflowCompletedFields, type EventOf } from './wire-event-fields.js';
import { contentFields } from './wire-run-output.js';
import { toRawStepOutput, toWireStepOutput } from './wire-step-output.js';

/** The events of a workflow's own run. */
export function workflowBodies(event: RunEvent): readonly EventBody[] {
  switch (event.type) {
    case 'run-started':
      return [{ name: 'WorkflowStarted', fields: {} }];
    case 'run-completed':
      return [{ name: 'WorkflowCompleted', fields: workflowCompletedFields(event) }];
    case 'run-error':
      return [{ name: 'WorkflowError', fields: errorFields(event, 'error') }];
    case 'run-cancelled':
      return cancelledBodies(event);
    case 'step-started':
      return [{ name: 'StepStarted', fields: placeFields(event) }];
    case 'step-completed':
      return stepBodies(event);
    case 'block-started':
    case 'block-completed':
      return [blockBody(event)];
    case 'loop-iteration-started':
    case 'loop-iteration-completed':
      return [iterationBody(event)];
    case 'run-content':
    case 'run-content-completed':
    case 'model-request-started':
    case 'model-request-completed':
    case 'tool-call-started':
    case 'tool-call-completed':
    case 'tool-call-failed':
    case 'pre-hook-started':
    case 'pre-hook-completed':
    case 'post-hook-started':
    case 'post-hook-completed':
      return [];
    default:
      return event satisfies never;
  }
}

function cancelledBodies({ output, reason }: EventOf<'run-cancelled'>): readonly EventBody[] {
  const { content } = output;
  return [
    { name: 'WorkflowCancelled', fields: { reason, content } },
    { name: 'WorkflowCompleted', fields: { content, content_type: 'str', step_results: [] } },
  ];
}

/** The text of a function step has not been streamed before, so it gets an event of its own. */
function stepBodies(event: EventOf<'step-completed'>): readonly EventBody[] {
  const { output } = event;
  const place = placeFields(event);
  const completed: EventBody = {
    name: 'StepCompleted',
    fields: { ...place, ...contentFields(output), step_response: toWireStepOutput(output) },
  };
  if (output.executor !== 'function') return [completed];
  const fields = { step_id: undefined, ...place, step_output: toRawStepOutput(output) };
  return [{ name: 'StepOutput', fields }, completed];
}

function iterationBody(event: EventOf<'loop-iteration-started' | 'loop-iteration-completed'>): EventBody {
  const common = iterationFields(event);
  if (event.type === 'loop-iteration-started') return { name: 'LoopIterationStarted', fields: common };
  const { outputs, shouldContinue } = event;
  const fields = {
    ...common,
    iteration_results: outputs.map(toWireStepOutput),
    should_continue: shouldContinue,
  };
  return { name: 'LoopIterationCompleted', fields };
}

function iterationFields(event: IterationEventFields): WireObject {
  return { ...placeFields(event), iteration: event.iteration, max_iterations: event.maxIterations };
}
