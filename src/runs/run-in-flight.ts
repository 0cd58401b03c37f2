import type { ComponentIdentity } from '../model/component.js';
import type { ActiveRun } from './active-run.js';
import { userOf } from './run.beginning.js';

/** What a run in flight waits for: its `reader` takes no more events, its `member` is a run below it. */
export type RunWait = 'store' | 'hook' | 'engine' | 'member' | 'reader';

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
export function describeRun(run: ActiveRun): RunInFlight {
  const { runId, context, sessionId, identity, startedAt, shownAt, inlineHook: hook } = run;
  const { parentRunId } = context;
  return {
    runId,
    ...(parentRunId === undefined ? {} : { parentRunId }),
    sessionId,
    ...userOf(run),
    component: identity,
    startedAt: toEpoch(startedAt),
    shownAt: toEpoch(shownAt),
    waitsFor: waitOf(run),
    ...(hook === undefined ? {} : { hook }),
  };
}

/** The runs below it that have not settled. */
export function isWaitingForRunsBelow({ children }: ActiveRun): boolean {
  return children.some(({ outcome }) => outcome === undefined);
}

function waitOf(run: ActiveRun): RunWait {
  if (run.events.isReaderFull) return 'reader';
  if (isWaitingForRunsBelow(run)) return 'member';
  if (run.inlineHook !== undefined) return 'hook';
  return run.phase === 'execution' && run.outcome === undefined ? 'engine' : 'store';
}

function toEpoch(performanceTime: number): number {
  return Math.round(Date.now() - (performance.now() - performanceTime));
}
