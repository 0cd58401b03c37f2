import type { LoggerService } from '@nestjs/common';
import type { z } from 'zod';

import { RunTimeoutError } from '../errors/run.errors.js';
import type { Deadline, Deadlines } from '../execution/deadlines.js';
import { LONGEST_TIMER, valueOf } from '../options/option.schemas.js';
import type { InFlightRuns } from './in-flight-runs.js';
import type { StoppableRun } from './run.view.js';

/** Milliseconds that a run may take, unless its component or the module says otherwise. */
export const RUN_TIMEOUT = 600_000;

/** Milliseconds without an event until the log warns. */
const QUIET = 60_000;

/** The time limit of runs. */
export function runTimeout(): z.ZodCustom<number, number> {
  return valueOf(
    `a number of milliseconds from 1 to ${LONGEST_TIMER}, or Infinity`,
    (value) => value === Infinity || (typeof value === 'number' && value > 0 && value <= LONGEST_TIMER),
  );
}

/** The options of {@link RunWatch}. */
export interface RunWatchOptions {
  readonly inFlight: InFlightRuns;
  readonly deadlines: Deadlines;
  readonly logger: Pick<LoggerService, 'warn'>;
}

/**
 * Ends runs at their time limit, and logs a warning if one has no event for a minute. All runs in flight share one
 * deadline, since most end long before it: a start costs a comparison, an end nothing.
 */
export class RunWatch {
  readonly #inFlight: InFlightRuns;
  readonly #deadlines: Deadlines;
  readonly #logger: Pick<LoggerService, 'warn'>;
  /** For runs that the log has warned of: the time of their last event then. */
  readonly #warnedOf = new WeakMap<StoppableRun, number>();
  #deadline: Deadline | undefined;

  constructor({ inFlight, deadlines, logger }: RunWatchOptions) {
    this.#inFlight = inFlight;
    this.#deadlines = deadlines;
    this.#logger = logger;
  }

  /** A run has started: it is among the runs in flight. */
  follow(run: StoppableRun): void {
    const dueAt = Math.min(run.timeLimit.endsAt, run.startedAt + QUIET);
    if (this.#deadline && this.#deadline.at <= dueAt) return;
    this.#lookAt(dueAt, run.startedAt);
  }

  /** No run will start any more. */
  stop(): void {
    if (this.#deadline) this.#deadlines.clear(this.#deadline);
    this.#deadline = undefined;
  }

  #lookAt(dueAt: number, now: number): void {
    this.stop();
    this.#deadline = this.#deadlines.set(Math.max(0, dueAt - now), () => this.#look());
  }

  #look(): void {
    this.#deadline = undefined;
    const now = performance.now();
    let dueAt = Infinity;
    for (const run of this.#inFlight.all()) dueAt = Math.min(dueAt, this.#lookAtRun(run, now));
    if (dueAt !== Infinity) this.#lookAt(dueAt, now);
  }

  /** @returns when to look at the run again */
  #lookAtRun(run: StoppableRun, now: number): number {
    const { timeLimit, shownAt } = run;
    if (now >= timeLimit.endsAt) {
      const { kind, id } = run.component;
      run.stop(new RunTimeoutError(`${run.runId} of ${kind} "${id}"`, timeLimit.timeout));
      return Infinity;
    }
    const quietAt = shownAt + QUIET;
    if (now < quietAt) return Math.min(timeLimit.endsAt, quietAt);
    // Of a tree, only the run that the others wait for is logged, and each silence once.
    if (this.#warnedOf.get(run) !== shownAt && run.waitsFor !== 'member') {
      this.#warnedOf.set(run, shownAt);
      this.#logger.warn(describeSilence(run));
    }
    return Math.min(timeLimit.endsAt, now + QUIET);
  }
}

function describeSilence({ runId, component, waitsFor, inlineHook }: StoppableRun): string {
  const awaited = inlineHook === undefined ? `its ${waitsFor}` : `its hook "${inlineHook}"`;
  return (
    `Run ${runId} of ${component.kind} "${component.id}" has shown nothing for ${QUIET / 1_000} seconds. ` +
    `It waits for ${awaited}.`
  );
}
