import type { LoggerService } from '@nestjs/common';

import { RunTimeoutError } from '../errors/run.errors.js';
import type { Deadlines } from '../execution/deadlines.js';
import type { StoppableRun } from './run.view.js';

/** Milliseconds that a run may take, unless its component or the module says otherwise. */
export const RUN_TIMEOUT = 600_000;

/** Milliseconds without an event after which the log says so. */
const QUIET = 60_000;

/** What a watch needs of the one who conducts the run. */
export interface WatchEnvironment {
  readonly deadlines: Deadlines;
  readonly logger: Pick<LoggerService, 'warn'>;
}

/** Whether a value can be the time limit of runs. */
export function isRunTimeout(value: unknown): boolean {
  return value === Infinity || (typeof value === 'number' && value > 0 && value < 2 ** 31);
}

/**
 * Ends the run at its time limit, and says in the log when it has shown nothing for a minute. One deadline serves both:
 * every run has a watch.
 *
 * @returns ends the watch
 */
export function watchRun(run: StoppableRun, { deadlines, logger }: WatchEnvironment): () => void {
  const { endsAt, timeout } = run.timeLimit;
  let warnedOf: number | undefined;
  const look = (): void => {
    const now = performance.now();
    if (now >= endsAt) {
      const { kind, id } = run.component;
      run.stop(new RunTimeoutError(`${run.runId} of ${kind} "${id}"`, timeout));
      return;
    }
    const { shownAt } = run;
    // Of a tree only the run that the others wait for is named, and each silence once.
    if (now >= shownAt + QUIET && warnedOf !== shownAt && run.waitsFor !== 'member') {
      warnedOf = shownAt;
      logger.warn(describeSilence(run));
    }
    deadline = deadlines.set(nextLook(now) - now, look);
  };
  const nextLook = (now: number): number => {
    const quietAt = run.shownAt + QUIET;
    return Math.min(endsAt, quietAt > now ? quietAt : now + QUIET);
  };
  const now = performance.now();
  let deadline = deadlines.set(Math.max(0, nextLook(now) - now), look);
  return () => deadlines.clear(deadline);
}

function describeSilence({ runId, component, waitsFor, inlineHook }: StoppableRun): string {
  const whatFor = inlineHook === undefined ? `its ${waitsFor}` : `its hook "${inlineHook}"`;
  return (
    `Run ${runId} of ${component.kind} "${component.id}" has shown nothing for ${QUIET / 1_000} seconds. ` +
    `It waits for ${whatFor}.`
  );
}
