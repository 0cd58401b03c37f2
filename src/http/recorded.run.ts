import type { IndexedRun } from '../execution/run.index.js';
import { toWireRunInFlight, toWireSettledRun, type WireRecordedRun } from '../protocol/hooks.js';
import { describeRun } from '../runs/in-flight-runs.js';
import type { StoppableRun } from '../runs/run.view.js';

/** A run in flight, or the record of one that has settled. */
export type RecordedRun = StoppableRun | IndexedRun;

/** The run above it, if there is one. */
export function parentIdOf(run: RecordedRun): string | undefined {
  return 'context' in run ? run.context.parentRunId : run.parentRunId;
}

/** The run as clients see it, in its present state. */
export function toWireRecordedRun(run: RecordedRun): WireRecordedRun {
  return 'context' in run ? toWireRunInFlight(describeRun(run)) : toWireSettledRun(run);
}
