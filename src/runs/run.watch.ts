import { RunTimeoutError } from '../errors/run.errors.js';
import type { Deadline, Deadlines } from '../execution/deadlines.js';
import type { ActiveRun } from './active-run.js';
import { describeRun, isWaitingForRunsBelow } from './run-in-flight.js';

/** Milliseconds that a run may take, unless its component or the module says otherwise. */
export const RUN_TIMEOUT = 600_000;

/** Milliseconds without an event after which the log says so. */
const QUIET = 60_000;

/** Whether a value can be the time limit of runs. */
export function isRunTimeout(value: unknown): boolean {
  return value === Infinity || (typeof value === 'number' && value > 0 && value < 2 ** 31);
}

/** The time by which a run must have ended. */
export interface RunTimeLimit {
  /** In the time of `performance.now()`. */
  readonly endsAt: number;
  /** Milliseconds; Infinity for no limit. */
  readonly timeout: number;
}

/**
 * How long a run may take: as long as its component says, else as long as the run above it, which it may outlive, else as
 * long as the module says.
 */
export function timeLimitOf({ component, parent, startedAt, tree }: ActiveRun): RunTimeLimit {
  if (component.timeout === undefined && parent) return parent.timeLimit;
  const timeout = component.timeout ?? tree.environment.runTimeout;
  return { endsAt: startedAt + timeout, timeout };
}

/**
 * Ends the run at its time limit, and says in the log when it has shown nothing for a minute.
 *
 * @returns ends the watch
 */
export function watchRun(run: ActiveRun): () => void {
  const { deadlines } = run.tree.environment;
  const unlimit = setTimeLimit(run, deadlines);
  const unwatch = watchQuiet(run, deadlines);
  return () => {
    unlimit();
    unwatch();
  };
}

function setTimeLimit(run: ActiveRun, deadlines: Deadlines): () => void {
  const { endsAt, timeout } = run.timeLimit;
  if (timeout === Infinity) return () => undefined;
  const { kind, id } = run.component;
  const end = (): void => run.stop(new RunTimeoutError(`${run.runId} of ${kind} "${id}"`, timeout));
  const deadline = deadlines.set(Math.max(0, endsAt - performance.now()), end);
  return () => deadlines.clear(deadline);
}

function watchQuiet(run: ActiveRun, deadlines: Deadlines): () => void {
  let deadline: Deadline;
  let warnedOf: number | undefined;
  const look = (): void => {
    const { shownAt } = run;
    const left = shownAt + QUIET - performance.now();
    deadline = deadlines.set(left > 0 ? left : QUIET, look);
    // Of a tree only the run that the others wait for is named, and each silence once.
    if (left > 0 || warnedOf === shownAt || isWaitingForRunsBelow(run)) return;
    warnedOf = shownAt;
    warn(run);
  };
  deadline = deadlines.set(QUIET, look);
  return () => deadlines.clear(deadline);
}

function warn(run: ActiveRun): void {
  const { waitsFor, hook } = describeRun(run);
  const { kind, id } = run.component;
  const whatFor = hook === undefined ? `its ${waitsFor}` : `its hook "${hook}"`;
  run.tree.environment.logger.warn(
    `Run ${run.runId} of ${kind} "${id}" has shown nothing for ${QUIET / 1_000} seconds. It waits for ${whatFor}.`,
  );
}
