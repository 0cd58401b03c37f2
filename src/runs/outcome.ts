import { HttpException, type LoggerService } from '@nestjs/common';

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
import { toError, toReadable } from '../data/to-error.js';
import type { ComponentIdentity } from '../model/component-identity.js';
import type { AnswerPiece, RunErrorFields, RunEventBody } from '../model/run-event.js';
import type { RunOutcome, RunOutput, RunStatus } from '../model/run-output.js';
import type { RunView } from './run.view.js';

/** A failed run and its error. */
export interface RunFailure {
  /** The error that the engine, the step, the store or the inline hook threw. */
  readonly error: Error;
  /** The stable code of the run's error: `run_failed`, `step_failed`, `provider_error`, `guardrail_failed`, … */
  readonly code: string;
  readonly outcome: 'failed';
  readonly runId: string;
  readonly component: ComponentIdentity;
  readonly sessionId: string;
  readonly userId?: string;
}

/** Called for every run that failed. */
export type RunErrorHandler = (failure: RunFailure) => void | Promise<void>;

/** The receivers of reports about failed runs. */
interface FailureReporting {
  readonly onRunError?: RunErrorHandler;
  readonly logger: Pick<LoggerService, 'error'>;
}

/** The error with which a run ends, for any value that was thrown while it ran. */
export function toRunError({ component, runId }: RunView, whatever: unknown): AgentRunError {
  const thrown = toReadable(whatever);
  if (thrown instanceof AgentRunError) return thrown;
  if (thrown instanceof HttpException) return new RunHttpError(thrown);
  const { kind, id } = component;
  return new RunFailedError(`The run ${runId} of ${kind} "${id}" failed: ${reasonOf(thrown)}`, thrown);
}

/** The outcome of a run that ended with this error. */
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

/** An answer in the pieces in which it is streamed. */
export function piecesOf({
  reasoning = '',
  content,
  sources = [],
  files = [],
}: Readonly<RunOutput>): readonly AnswerPiece[] {
  return [
    ...(reasoning === '' ? [] : [{ type: 'run-reasoning', content: reasoning } as const]),
    { type: 'run-content', content },
    ...sources.map((source) => ({ type: 'run-source', source }) as const),
    ...files.map((file) => ({ type: 'run-file', file }) as const),
  ];
}

/** The last event of a run. */
export function finalEventOf({ output, context }: RunView, error: AgentRunError | undefined): RunEventBody {
  if (!error) return { type: 'run-completed', output, sessionState: context.sessionState };
  if (error instanceof RunCancelledError) return { type: 'run-cancelled', output, reason: error.reason };
  return { type: 'run-error', ...disclosedError(error) };
}

/** The part of the error of a run that clients may see. */
export function disclosedError(error: AgentRunError): RunErrorFields {
  const additionalData = additionalDataOf(error);
  return {
    content: error.publicMessage,
    errorType: error.code,
    ...(error instanceof CheckError ? { errorId: error.trigger } : {}),
    ...(additionalData ? { additionalData } : {}),
  };
}

/** The machine-readable data of the error. */
function additionalDataOf(error: AgentRunError): Readonly<Record<string, unknown>> | undefined {
  return error instanceof CheckError || error instanceof RunHttpError ? error.additionalData : undefined;
}

/** Whether the cause of a run's end is not logged yet. Rejections and cancellations are not logged. */
export function isUnlogged(error: AgentRunError): boolean {
  // An error that came up from a run below was logged there. A hook's failure was reported by its runner.
  if (Object.hasOwn(error, 'runOutput')) return false;
  if (error instanceof HookFailedError || error instanceof GuardrailFailedError) return false;
  return outcomeOf(error) === 'failed';
}

/**
 * Reports a failed run to the host, once: runs above it that fail with the same error are not reported again.
 * Rejected and cancelled runs have not failed.
 */
export function reportRunFailure(
  run: RunView,
  error: AgentRunError,
  { onRunError, logger }: FailureReporting,
): void {
  if (!onRunError || outcomeOf(error) !== 'failed' || cameFromBelow(error)) return;
  const { runId, identity: component, session, userId } = run;
  const failure: RunFailure = {
    error: toError(error.cause ?? error),
    code: error.code,
    outcome: 'failed',
    runId,
    component,
    sessionId: session.id,
    ...(userId === undefined ? {} : { userId }),
  };
  void tell(onRunError, failure, logger);
}

/** A handler that fails must not change how the run ends. */
async function tell(
  onRunError: RunErrorHandler,
  failure: RunFailure,
  logger: FailureReporting['logger'],
): Promise<void> {
  try {
    await onRunError(failure);
  } catch (thrown) {
    const { reason, stack } = forLog(thrown);
    logger.error(`onRunError itself failed for run ${failure.runId}: ${reason}`, stack);
  }
}

/** The error, or one that caused it, belongs to a run that was reported. */
function cameFromBelow(error: AgentRunError): boolean {
  const seen = new Set<unknown>();
  for (let each: unknown = error; each instanceof Error && !seen.has(each); each = each.cause) {
    if (each instanceof AgentRunError && Object.hasOwn(each, 'runOutput')) return true;
    seen.add(each);
  }
  return false;
}
