import type { StepBlock, StepIndex, StepPlace } from '../../model/run-event.js';
import type { StepOutput } from '../../model/run-output.js';
import type { StepIdentity, WorkflowNode } from './workflow-node.js';

/** Who a block is in outputs. */
export function blockIdentity(stepName: string, type: StepBlock): StepIdentity {
  return { stepName, type, executor: 'block', executorName: stepName };
}

/** The output of a block that has run its steps. */
export function blockOutput(
  { identity }: WorkflowNode,
  { stepId }: StepPlace,
  content: string,
  steps: readonly StepOutput[],
): StepOutput {
  return { stepId, ...identity, content, success: true, steps };
}

/** Where in a workflow a step is run, before it is. */
export type StepSeat = Pick<StepPlace, 'stepIndex' | 'parentStepId'>;

/** A place inside a block. */
export function insideOf({ stepIndex, stepId: parentStepId }: StepPlace, position: number): StepSeat {
  return { stepIndex: [...pathOf(stepIndex), position], parentStepId };
}

function pathOf(index: StepIndex): readonly number[] {
  return typeof index === 'number' ? [index] : index;
}
