import type { ComponentIdentity } from '../../model/component.js';
import type { RunInFlight } from '../../runs/in-flight-runs.js';
import type { RunWait } from '../../runs/run.view.js';
import { toIsoTime } from './wire-format.js';

/** A run in flight as `GET /hooks/runs` shows it. */
export interface WireRunInFlight {
  readonly run_id: string;
  readonly parent_run_id?: string;
  readonly session_id: string;
  readonly user_id?: string;
  readonly component: ComponentIdentity;
  readonly state: 'running';
  readonly started_at: string;
  readonly shown_at: string;
  readonly waits_for: RunWait;
  readonly hook?: string;
}

export function toWireRunInFlight(run: RunInFlight): WireRunInFlight {
  const { runId, parentRunId, sessionId, userId, component, waitsFor, hook } = run;
  return {
    run_id: runId,
    ...(parentRunId === undefined ? {} : { parent_run_id: parentRunId }),
    session_id: sessionId,
    ...(userId === undefined ? {} : { user_id: userId }),
    component,
    state: 'running',
    started_at: toIsoTime(run.startedAt),
    shown_at: toIsoTime(run.shownAt),
    waits_for: waitsFor,
    ...(hook === undefined ? {} : { hook }),
  };
}
