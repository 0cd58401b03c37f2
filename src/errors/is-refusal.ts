import { CheckError } from './check.errors.js';
import { GuardrailFailedError, RunHttpError, StepFailedError } from './run.errors.js';

/**
 * Whether a run or step ended because a guardrail or another hook refused it, or because a guardrail could not do its
 * work. What was refused must not go on as if a part had merely failed.
 */
export function isRefusal(thrown: unknown): boolean {
  if (thrown instanceof CheckError || thrown instanceof GuardrailFailedError) return true;
  if (thrown instanceof StepFailedError) return isRefusal(thrown.cause);
  return thrown instanceof RunHttpError && (thrown.isOfGuardrail || thrown.getStatus() < 500);
}

/** The error with which to end if several parts have failed: a refusal, if there is one, else the first. */
export function gravestOf(errors: readonly unknown[]): unknown {
  return errors.find(isRefusal) ?? errors[0];
}
