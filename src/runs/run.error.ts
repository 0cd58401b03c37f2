import { HttpException } from '@nestjs/common';

import { AgentRunError } from '../errors/agent-run.error.js';
import { CheckError } from '../errors/check.errors.js';
import {
  GuardrailFailedError,
  HookFailedError,
  RunCancelledError,
  RunFailedError,
  RunHttpError,
} from '../errors/run.errors.js';
import { forLog, reasonOf } from '../errors/log.text.js';
import { toReadable } from '../errors/to-error.js';
import type { RunEventBody } from '../model/run-event.js';
import type { RunOutcome, RunStatus } from '../model/run-output.js';
import type { ActiveRun } from './active-run.js';

/** The error with which a run ends, for whatever was thrown while it ran. */
export function toRunError(run: ActiveRun, whatever: unknown): AgentRunError {
  if (run.cancellation.reason) return run.cancellation.reason;
  const thrown = toReadable(whatever);
  if (thrown instanceof AgentRunError) return thrown;
  if (thrown instanceof HttpException) return new RunHttpError(thrown);
  const { kind, id } = run.component;
  return new RunFailedError(`The run ${run.runId} of ${kind} "${id}" failed: ${reasonOf(thrown)}`, thrown);
}

/** What an error makes of a run. */
export function outcomeOf(error: AgentRunError | undefined): RunOutcome {
  if (!error) return 'completed';
  if (error instanceof CheckError) return 'rejected';
  if (error instanceof RunCancelledError) return 'cancelled';
  return error instanceof RunHttpError && error.getStatus() < 500 ? 'rejected' : 'failed';
}

/** The outcome in the words of the protocol. */
export function statusOf(outcome: RunOutcome): RunStatus {
  switch (outcome) {
    case 'completed':
      return 'COMPLETED';
    case 'rejected':
    case 'failed':
      return 'ERROR';
    case 'cancelled':
      return 'CANCELLED';
    default:
      return outcome satisfies never;
  }
}

/** The last event of a run. */
export function finalEventOf({ output, context }: ActiveRun, error: AgentRunError | undefined): RunEventBody {
  if (!error) return { type: 'run-completed', output, sessionState: context.sessionState };
  if (error instanceof RunCancelledError) return { type: 'run-cancelled', output, reason: error.reason };
  const common = { type: 'run-error', content: error.publicMessage, errorType: error.code } as const;
  const additionalData = additionalDataOf(error);
  return {
    ...common,
    ...(error instanceof CheckError ? { errorId: error.trigger } : {}),
    ...(additionalData ? { additionalData } : {}),
  };
}

/** What the error tells programs beside its text. */
export function additionalDataOf(error: AgentRunError): Readonly<Record<string, unknown>> | undefined {
  return error instanceof CheckError || error instanceof RunHttpError ? error.additionalData : undefined;
}

/** Logs the causes that clients never see. Rejections and cancellations are no news. */
export function logRunError(run: ActiveRun, error: AgentRunError): void {
  // An error that came up from a run below was logged there. A hook's failure was reported by its runner.
  if (
    Object.hasOwn(error, 'runOutput') ||
    error instanceof HookFailedError ||
    error instanceof GuardrailFailedError
  )
    return;
  if (outcomeOf(error) !== 'failed') return;
  run.tree.environment.logger.error(reasonOf(error), forLog(error.cause ?? error).stack);
}
