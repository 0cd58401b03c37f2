import type { RunOrigin } from '../model/run-origin.js';
import type { HookExecution } from './hook-execution.js';

/** Selects runs: those that match all criteria which are given; none if none is given. */
export interface RunCriteria {
  readonly runIds?: readonly string[];
  readonly sessionIds?: readonly string[];
  /** The user of the run; `null`: runs without a user. */
  readonly userId?: string | null;
}

/** The part of a hook's task that names its run. */
export interface HookOfRun {
  readonly execution: Pick<HookExecution, 'runId'>;
  readonly origin: Pick<RunOrigin, 'sessionId' | 'userId'>;
}

/** Whether the run of a hook is among those that the criteria select. */
export function isOfRuns(
  { execution: { runId }, origin: { sessionId, userId } }: HookOfRun,
  { runIds, sessionIds, userId: user }: RunCriteria,
): boolean {
  if (runIds === undefined && sessionIds === undefined && user === undefined) return false;
  return (
    (runIds === undefined || runIds.includes(runId)) &&
    (sessionIds === undefined || sessionIds.includes(sessionId)) &&
    (user === undefined || (userId ?? null) === user)
  );
}
