import { AgentRunError } from '../errors/agent-run.error.js';
import { forLog } from '../errors/log.text.js';
import { toError } from '../data/to-error.js';
import type { RunEnvironment } from './environment.js';
import { outcomeOf, type RunErrorHandler, type RunFailure } from './outcome.js';
import type { RunView } from './run.view.js';

/**
 * Reports a failed run to the host, once: runs above it that fail with the same error are not reported again.
 * Rejected and cancelled runs have not failed.
 */
export function reportRunFailure(run: RunView, error: AgentRunError, environment: RunEnvironment): void {
  const onRunError = environment.kind === 'served' ? environment.onRunError : undefined;
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
  void tell(onRunError, failure, environment);
}

/** A handler that fails must not change how the run ends. */
async function tell(
  onRunError: RunErrorHandler,
  failure: RunFailure,
  { logger }: RunEnvironment,
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
