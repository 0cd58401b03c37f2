import type { ComponentIdentity } from '../model/component.js';
import type { RunView, RunWait } from './run.view.js';

/** A run that has not ended, as lists show it: ids, names and times, no content. */
export interface RunInFlight {
  readonly runId: string;
  readonly parentRunId?: string;
  readonly sessionId: string;
  readonly userId?: string;
  readonly component: ComponentIdentity;
  /** Epoch milliseconds. */
  readonly startedAt: number;
  /** Epoch milliseconds of the latest event of it or of a run below it. */
  readonly shownAt: number;
  readonly waitsFor: RunWait;
  /** The inline hook that it waits for. */
  readonly hook?: string;
}

/** A run that has not ended, as lists show it. */
export function describeRun(run: RunView): RunInFlight {
  const { runId, context, session, userId, identity, startedAt, shownAt, waitsFor, inlineHook: hook } = run;
  const { parentRunId } = context;
  return {
    runId,
    ...(parentRunId === undefined ? {} : { parentRunId }),
    sessionId: session.id,
    ...(userId === undefined ? {} : { userId }),
    component: identity,
    startedAt: toEpoch(startedAt),
    shownAt: toEpoch(shownAt),
    waitsFor,
    ...(hook === undefined ? {} : { hook }),
  };
}

function toEpoch(performanceTime: number): number {
  return Math.round(Date.now() - (performance.now() - performanceTime));
}
