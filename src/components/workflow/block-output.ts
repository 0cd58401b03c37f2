import type { StepIndex } from '../../model/run-event.js';
import type { StepOutput } from '../../model/run-output.js';

/** The output of a block that has run its steps. */
export function blockOutput(
  stepName: string,
  type: StepOutput['type'],
  content: string,
  steps: readonly StepOutput[],
): StepOutput {
  return { stepName, type, content, success: true, executor: 'block', executorName: stepName, steps };
}

/** The path of an index, to which the places inside a block are added. */
export function indexPath(index: StepIndex): readonly number[] {
  return typeof index === 'number' ? [index] : index;
}
