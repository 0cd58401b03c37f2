import { Subject, type Observable } from 'rxjs';

import { TooManyRunsError } from '../errors/too-many-runs.error.js';
import type { ComponentIdentity } from '../model/component-identity.js';
import type { RunWait, StoppableRun } from './run.view.js';
import { millisecondsSince, now } from '../model/clock.js';

/** The runs that have not settled, with or without a socket. */
export class InFlightRuns {
  readonly #runs = new Map<string, StoppableRun>();
  readonly #started = new Subject<StoppableRun>();
  readonly #maxRuns: number;
  #roots = 0;
  #onIdle: (() => void)[] = [];
  #isShutDown = false;

  /** @param maxRuns - the limit of runs in flight; parts and runs that a hook has started do not count */
  constructor(maxRuns = Infinity) {
    this.#maxRuns = maxRuns;
  }

  /** Every run, when it starts. */
  get started(): Observable<StoppableRun> {
    return this.#started.asObservable();
  }

  get size(): number {
    return this.#runs.size;
  }

  /** @throws TooManyRunsError if there is no room for another root run */
  admit(): void {
    if (this.#roots >= this.#maxRuns) throw new TooManyRunsError(this.#maxRuns);
  }

  add(run: StoppableRun): void {
    this.#runs.set(run.runId, run);
    if (run.isRoot) this.#roots += 1;
    if (this.#isShutDown) run.shutDown();
    if (this.#started.observed) this.#started.next(run);
  }

  /** Cancels all runs, and those that start later: a request may still be under way. */
  shutDown(): void {
    this.#isShutDown = true;
    for (const run of this.all()) run.shutDown();
  }

  remove(run: StoppableRun): void {
    if (this.#runs.delete(run.runId) && run.isRoot) this.#roots -= 1;
    if (this.#runs.size > 0) return;
    const waiting = this.#onIdle;
    this.#onIdle = [];
    for (const resolve of waiting) resolve();
  }

  get(runId: string): StoppableRun | undefined {
    return this.#runs.get(runId);
  }

  /** Resolves once no run is in flight. */
  idle(): Promise<void> {
    if (this.#runs.size === 0) return Promise.resolve();
    return new Promise((resolve) => this.#onIdle.push(resolve));
  }

  all(): StoppableRun[] {
    return [...this.#runs.values()];
  }
}

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
export function describeRun(run: StoppableRun): RunInFlight {
  const { runId, context, session, userId, identity, startedAt, shownAt, waitsFor, inlineHook: hook } = run;
  const { parentRunId } = context;
  return {
    runId,
    ...(parentRunId === undefined ? {} : { parentRunId }),
    sessionId: session.id,
    ...(userId === undefined ? {} : { userId }),
    component: identity,
    startedAt: toEpoch(startedAt),
    shownAt: toEpoch(shownAt),
    waitsFor,
    ...(hook === undefined ? {} : { hook }),
  };
}

function toEpoch(performanceTime: number): number {
  return Math.round(now() - millisecondsSince(performanceTime));
}
