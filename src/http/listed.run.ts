import type { IndexedRun } from '../execution/run.index.js';
import { toWireRunInFlight, toWireSettledRun, type WireListedRun } from '../protocol/hooks.js';
import { describeRun } from '../runs/in-flight-runs.js';
import type { StoppableRun } from '../runs/run.view.js';

/** A run as lists of runs show it: one in flight, or the record of one that has settled. */
export type ListedRun = StoppableRun | IndexedRun;

/** The run above it, if there is one. */
export function parentIdOf(run: ListedRun): string | undefined {
  return 'context' in run ? run.context.parentRunId : run.parentRunId;
}

/** The run as clients see it, in its present state. */
export function toWireListedRun(run: ListedRun): WireListedRun {
  return 'context' in run ? toWireRunInFlight(describeRun(run)) : toWireSettledRun(run);
}
