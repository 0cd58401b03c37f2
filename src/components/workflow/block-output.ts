import type { StepBlock, StepIndex } from '../../model/run-event.js';
import type { StepOutput } from '../../model/run-output.js';
import type { StepIdentity, WorkflowNode } from './workflow-node.js';

/** Who a block is in outputs. */
export function blockIdentity(stepName: string, type: StepBlock): StepIdentity {
  return { stepName, type, executor: 'block', executorName: stepName };
}

/** The output of a block that has run its steps. */
export function blockOutput(
  { identity }: WorkflowNode,
  content: string,
  steps: readonly StepOutput[],
): StepOutput {
  return { ...identity, content, success: true, steps };
}

/** The path of an index, to which the places inside a block are added. */
export function indexPath(index: StepIndex): readonly number[] {
  return typeof index === 'number' ? [index] : index;
}
