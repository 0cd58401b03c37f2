import type { HookPosition } from '../../execution/hook-execution.js';
import type { HookStatistics, HookTotals } from '../../execution/hook.executions.js';
import type { ComponentIdentity } from '../../model/component.js';
import type { RunOutcome } from '../../model/run-output.js';
import type { IndexedRun } from '../../runs/run.index.js';
import { toIsoTime } from './wire-format.js';
import type { WireExecution } from './wire-hook.js';
import type { WireRunInFlight } from './wire-run-in-flight.js';

/** A run that has settled, as `GET /hooks/runs` shows it. */
export interface WireSettledRun {
  readonly run_id: string;
  readonly parent_run_id?: string;
  readonly session_id: string;
  readonly user_id?: string;
  readonly component: ComponentIdentity;
  readonly position: HookPosition;
  readonly state: 'settled';
  readonly outcome: RunOutcome;
  readonly started_at: string;
  readonly settled_at: string;
  /** Tokens, as far as known. */
  readonly usage: WireRunUsage;
  readonly response_closed_at?: string;
  readonly delivered?: boolean;
}

interface WireRunUsage {
  readonly input_tokens?: number;
  readonly output_tokens?: number;
  readonly total_tokens?: number;
}

/** A run in flight or settled. */
export type WireRecordedRun = WireRunInFlight | WireSettledRun;

/** The runs in flight, the oldest first; then those that have settled, the latest first. */
export interface WireRecordedRuns {
  readonly data: readonly WireRecordedRun[];
  readonly meta: {
    readonly limit: number;
    /** The number of runs that the client may see and that match the filter. */
    readonly total: number;
  };
}

/** A run, its parts and their hooks, each in the order of their start. */
export interface WireTimeline {
  readonly run: WireRecordedRun;
  readonly parts: readonly WireRecordedRun[];
  readonly executions: readonly WireExecution[];
}

/** Counts of running and past work. */
export interface WireStats {
  readonly waiting: number;
  readonly running: number;
  readonly failed: number;
  /** Milliseconds; null if no hook waits. */
  readonly oldest_waiting: number | null;
  readonly hooks: readonly HookStatistics[];
  readonly runs: Readonly<Record<'running' | RunOutcome, number>>;
}

export function toWireSettledRun(run: IndexedRun): WireSettledRun {
  const { runId, parentRunId, sessionId, userId, component, position, outcome, usage, delivered } = run;
  const { inputTokens, outputTokens, totalTokens } = usage;
  return {
    run_id: runId,
    ...(parentRunId === undefined ? {} : { parent_run_id: parentRunId }),
    session_id: sessionId,
    ...(userId === undefined ? {} : { user_id: userId }),
    component,
    position,
    state: 'settled',
    outcome,
    started_at: toIsoTime(run.startedAt),
    settled_at: toIsoTime(run.settledAt),
    usage: {
      ...(inputTokens === undefined ? {} : { input_tokens: inputTokens }),
      ...(outputTokens === undefined ? {} : { output_tokens: outputTokens }),
      ...(totalTokens === undefined ? {} : { total_tokens: totalTokens }),
    },
    ...(run.closedAt === undefined ? {} : { response_closed_at: toIsoTime(run.closedAt) }),
    ...(delivered === undefined ? {} : { delivered }),
  };
}

export function toWireStats(totals: HookTotals, runs: WireStats['runs']): WireStats {
  const { waiting, running, failed, oldestWaiting, hooks } = totals;
  return { waiting, running, failed, oldest_waiting: oldestWaiting ?? null, hooks, runs };
}
