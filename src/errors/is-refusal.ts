import { CheckError } from './check.errors.js';
import { GuardrailFailedError, RunHttpError } from './run.errors.js';

/**
 * Whether a run or step ended because a guardrail or another hook refused it, or because a guardrail failed. A refused
 * run must not continue as if a part had merely failed.
 */
export function isRefusal(thrown: unknown): boolean {
  return holdsRefusal(thrown, new Set());
}

/** The application may have wrapped the refusal as the `cause` of an error or in an `AggregateError`. */
function holdsRefusal(thrown: unknown, seen: Set<unknown>): boolean {
  if (!(thrown instanceof Error) || seen.has(thrown)) return false;
  seen.add(thrown);
  if (thrown instanceof CheckError || thrown instanceof GuardrailFailedError) return true;
  if (thrown instanceof RunHttpError && (thrown.isOfGuardrail || thrown.getStatus() < 500)) return true;
  if (thrown instanceof AggregateError && thrown.errors.some((each) => holdsRefusal(each, seen))) return true;
  return holdsRefusal(thrown.cause, seen);
}

/** The error to report if several parts have failed: a refusal if there is one, else the first. */
export function gravestOf(errors: readonly unknown[]): unknown {
  return errors.find(isRefusal) ?? errors[0];
}
