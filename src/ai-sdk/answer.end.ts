import type { ModelIdentity } from '../model/run-output.js';
import type { AnswerReader } from './answer.reader.js';
import { providerError } from './model.error.js';

/** What is known of the call of the model. */
interface CallDetails {
  readonly model: ModelIdentity;
  readonly maxSteps: number;
  readonly isStructured: boolean;
}

/**
 * Lets only answers pass that are complete.
 *
 * @throws ProviderError if the stream just stopped, Error if the model was stopped before it had an answer
 */
export function checkEnd(
  { end, text, isAwaitingTools }: AnswerReader,
  { model, maxSteps, isStructured }: CallDetails,
): void {
  if (isAwaitingTools) {
    throw new Error(`The model still calls tools after ${maxSteps} steps, which is its maxSteps.`);
  }
  // A provider that is done says why.
  if (!end || (end.finishReason === 'other' && end.rawFinishReason === undefined)) {
    throw providerError(model, 'stopped in the middle of its answer');
  }
  if (end.finishReason === 'error') throw providerError(model, 'reported that its answer failed');
  const isCutOff = end.finishReason === 'length' || end.finishReason === 'content-filter';
  if (isCutOff && (isStructured || text === '')) {
    throw new Error(
      `The model was stopped before it had an answer: its finish reason is "${end.finishReason}".`,
    );
  }
}
