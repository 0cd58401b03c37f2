import { withoutUndefined } from '../../model/without-undefined.js';
import type { RunInFlight } from '../../runs/in-flight-run.js';
import { toIsoTime } from './wire-format.js';

/** A run in flight as `GET /hooks/runs` shows it. */
export type WireRunInFlight = Readonly<Record<string, unknown>>;

/** The runs in flight, the oldest first. */
export interface WireRunsInFlight {
  readonly data: readonly WireRunInFlight[];
  readonly meta: {
    readonly limit: number;
    /** How many there are that the client may see. */
    readonly total: number;
  };
}

export function toWireRunInFlight(run: RunInFlight): WireRunInFlight {
  const { runId, parentRunId, sessionId, userId, component, waitsFor, hook } = run;
  return withoutUndefined({
    run_id: runId,
    parent_run_id: parentRunId,
    session_id: sessionId,
    user_id: userId,
    component,
    state: 'running',
    started_at: toIsoTime(run.startedAt),
    shown_at: toIsoTime(run.shownAt),
    waits_for: waitsFor,
    hook,
  });
}
