import type { BlockEventFields, IterationEventFields, RunEvent } from '../../model/run-event.js';
import type { StepOutput } from '../../model/run-output.js';
import type { FrameBody } from './wire-event-frame.js';
import type { WireObject } from './wire-format.js';
import { errorFields, workflowCompletedFields } from './wire-event-fields.js';
import { toJsonValue } from './to-json-value.js';
import { toWireStepOutput } from './wire-run-output.js';

type EventOf<T extends RunEvent['type']> = Extract<RunEvent, { readonly type: T }>;

/** The events of a workflow's own run. */
export function workflowBodies(event: RunEvent): readonly FrameBody[] {
  switch (event.type) {
    case 'run-started':
      return [{ name: 'WorkflowStarted', fields: {} }];
    case 'run-completed':
      return [{ name: 'WorkflowCompleted', fields: workflowCompletedFields(event.output) }];
    case 'run-error':
      return [{ name: 'WorkflowError', fields: errorFields(event, 'error') }];
    case 'run-cancelled':
      return cancelledBodies(event);
    case 'step-started':
      return [{ name: 'StepStarted', fields: { step_name: event.stepName, step_index: event.stepIndex } }];
    case 'step-completed':
      return [{ name: 'StepCompleted', fields: stepFields(event) }];
    case 'block-started':
    case 'block-completed':
      return [blockBody(event)];
    case 'loop-iteration-started':
    case 'loop-iteration-completed':
      return [iterationBody(event)];
    case 'run-content':
    case 'run-content-completed':
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

function cancelledBodies({ output, reason }: EventOf<'run-cancelled'>): readonly FrameBody[] {
  const { content } = output;
  return [
    { name: 'WorkflowCancelled', fields: { reason, content } },
    { name: 'WorkflowCompleted', fields: { content, content_type: 'str', step_results: [] } },
  ];
}

function stepFields({ output, stepIndex }: EventOf<'step-completed'>): WireObject {
  const { stepName, content, data } = output;
  const answer =
    data === undefined
      ? { content, content_type: 'str' }
      : { content: toJsonValue(data), content_type: 'dict' };
  return { step_name: stepName, step_index: stepIndex, ...answer, step_response: toWireStepOutput(output) };
}

function blockBody(event: EventOf<'block-started' | 'block-completed'>): FrameBody {
  const output = event.type === 'block-completed' ? event.output : undefined;
  const { name, fields } = describeBlock(event, output?.steps);
  const common = { step_name: event.stepName, step_index: event.stepIndex };
  return { name: `${name}Execution${output ? 'Completed' : 'Started'}`, fields: { ...common, ...fields } };
}

/** What the protocol says of each kind of block; the results only once it has completed. */
function describeBlock(event: BlockEventFields, steps: readonly StepOutput[] | undefined): FrameBody {
  const results = steps?.map(toWireStepOutput);
  switch (event.block) {
    case 'parallel':
      return { name: 'Parallel', fields: { parallel_step_count: event.stepCount, step_results: results } };
    case 'condition': {
      const { conditionResult: condition_result } = event;
      return {
        name: 'Condition',
        fields: { condition_result, executed_steps: steps?.length, step_results: results },
      };
    }
    case 'loop':
      return { name: 'Loop', fields: { max_iterations: event.maxIterations, all_results: results } };
    case 'router': {
      const { selected: selected_steps } = event;
      return {
        name: 'Router',
        fields: { selected_steps, executed_steps: steps?.length, step_results: results },
      };
    }
    default:
      return event.block satisfies never;
  }
}

function iterationBody(event: EventOf<'loop-iteration-started' | 'loop-iteration-completed'>): FrameBody {
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

function iterationFields({
  stepName,
  stepIndex,
  iteration,
  maxIterations,
}: IterationEventFields): WireObject {
  return { step_name: stepName, step_index: stepIndex, iteration, max_iterations: maxIterations };
}
