import type { LoggerService } from '@nestjs/common';

import { RunTimeoutError } from '../errors/run.errors.js';
import type { Deadline, Deadlines } from '../execution/deadlines.js';
import type { StoppableRun } from './run.view.js';

/** Milliseconds without an event after which the log says so. */
const QUIET = 60_000;

/** What a watch needs of the one who conducts the run. */
export interface WatchEnvironment {
  readonly deadlines: Deadlines;
  readonly logger: Pick<LoggerService, 'warn'>;
}

/**
 * Ends the run at its time limit, and says in the log when it has shown nothing for a minute.
 *
 * @returns ends the watch
 */
export function watchRun(run: StoppableRun, environment: WatchEnvironment): () => void {
  const unlimit = setTimeLimit(run, environment.deadlines);
  const unwatch = watchQuiet(run, environment);
  return () => {
    unlimit();
    unwatch();
  };
}

function setTimeLimit(run: StoppableRun, deadlines: Deadlines): () => void {
  const { endsAt, timeout } = run.timeLimit;
  if (timeout === Infinity) return () => undefined;
  const { kind, id } = run.component;
  const end = (): void => run.stop(new RunTimeoutError(`${run.runId} of ${kind} "${id}"`, timeout));
  const deadline = deadlines.set(Math.max(0, endsAt - performance.now()), end);
  return () => deadlines.clear(deadline);
}

function watchQuiet(run: StoppableRun, { deadlines, logger }: WatchEnvironment): () => void {
  let deadline: Deadline;
  let warnedOf: number | undefined;
  const look = (): void => {
    const { shownAt } = run;
    const left = shownAt + QUIET - performance.now();
    deadline = deadlines.set(left > 0 ? left : QUIET, look);
    // Of a tree only the run that the others wait for is named, and each silence once.
    if (left > 0 || warnedOf === shownAt || run.waitsFor === 'member') return;
    warnedOf = shownAt;
    logger.warn(describeSilence(run));
  };
  deadline = deadlines.set(QUIET, look);
  return () => deadlines.clear(deadline);
}

function describeSilence({ runId, component, waitsFor, inlineHook }: StoppableRun): string {
  const whatFor = inlineHook === undefined ? `its ${waitsFor}` : `its hook "${inlineHook}"`;
  return (
    `Run ${runId} of ${component.kind} "${component.id}" has shown nothing for ${QUIET / 1_000} seconds. ` +
    `It waits for ${whatFor}.`
  );
}
