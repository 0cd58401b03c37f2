import type { StepBlock, StepIndex, StepPlace } from '../../model/run-event.js';
import type { StepOutput } from '../../model/run-output.js';
import { showValue } from '../../model/show-value.js';
import type { StepIdentity, StepSeat, WorkflowNode } from './workflow-node.js';

/** Who a block is in outputs. */
export function blockIdentity(stepName: string, type: StepBlock): StepIdentity {
  return { stepName, type, executor: 'block', executorName: stepName };
}

/**
 * The output of a block that has run its steps. A block of steps that all failed has failed, and has no answer.
 *
 * @param content - of the last step that has an answer, or of all of them
 */
export function blockOutput(
  { identity }: WorkflowNode,
  { stepId }: StepPlace,
  content: string,
  steps: readonly StepOutput[],
): StepOutput {
  if (steps.length === 0 || steps.some(({ success }) => success))
    return { stepId, ...identity, content, success: true, steps };
  const error = `No step of "${identity.stepName}" succeeded.`;
  return { stepId, ...identity, content: '', success: false, error, steps };
}

/**
 * The decision of a condition or of the end of a loop.
 *
 * @param asked - the function as an error message should call it
 * @throws TypeError if the answer is neither true nor false
 */
export function decisionOf(answer: unknown, asked: string): boolean {
  if (typeof answer === 'boolean') return answer;
  // A text may be user content, which is not for the log.
  const got = typeof answer === 'string' ? 'string' : showValue(answer);
  throw new TypeError(`${asked} must return true or false, or a promise of one of them, got ${got}.`);
}

/** A place inside a block. */
export function insideOf({ stepIndex, stepId: parentStepId }: StepPlace, position: number): StepSeat {
  return { stepIndex: [...pathOf(stepIndex), position], parentStepId };
}

function pathOf(index: StepIndex): readonly number[] {
  return typeof index === 'number' ? [index] : index;
}
