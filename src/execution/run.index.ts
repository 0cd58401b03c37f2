import { Subject, type Observable } from 'rxjs';

import { millisecondsSince, now } from '../model/clock.js';
import type { ComponentIdentity } from '../model/component.js';
import type { RunActivity } from '../model/run-activity.js';
import type { RunContext } from '../model/run-context.js';
import type { RunOutcome, RunOutput } from '../model/run-output.js';
import type { Session } from '../model/session.js';
import { isUnused, sumUsage, type RunUsage } from '../model/run-usage.js';
import type { HookPosition } from './hook-execution.js';

/** A run that has settled, as the index remembers it: ids, names, times and tokens, never content. */
export interface IndexedRun {
  readonly runId: string;
  readonly parentRunId?: string;
  readonly sessionId: string;
  readonly userId?: string;
  readonly component: ComponentIdentity;
  readonly position: HookPosition;
  readonly outcome: RunOutcome;
  /** Epoch milliseconds. */
  readonly startedAt: number;
  readonly settledAt: number;
  /** Its attempts, model requests, tool calls and steps, the first 200. */
  readonly activities: readonly RunActivity[];
  /** The tokens that its engine has reported. */
  readonly usage: RunUsage;
  /** Epoch milliseconds; absent while the response is open, if there is none, and for runs below a root. */
  readonly closedAt?: number;
  /** Whether the response has carried the result to its last byte. */
  readonly delivered?: boolean;
}

/** The part of a settled run that its record is made of. */
interface SettledRun {
  readonly runId: string;
  readonly context: Pick<RunContext, 'parentRunId'>;
  readonly session: Pick<Session, 'id'>;
  readonly userId: string | undefined;
  readonly identity: ComponentIdentity;
  readonly position: HookPosition;
  /** In the time of `performance.now()`. */
  readonly startedAt: number;
  readonly output: Readonly<Pick<RunOutput, 'metrics'>>;
  readonly outcome: RunOutcome | undefined;
  readonly activities: readonly RunActivity[];
}

type Writable<T> = { -readonly [K in keyof T]: T[K] };

/** One object for all runs whose engine reports no tokens. */
const NO_USAGE: RunUsage = Object.freeze({});

/** How many settled runs are remembered. */
export const REMEMBERED_RUNS = 10_000;

/** The record of the latest runs that have settled; those in flight are in `InFlightRuns`. One object for each run. */
export class RunIndex {
  readonly #runs: IndexedRun[] = [];
  readonly #capacity: number;
  readonly #changes = new Subject<IndexedRun>();
  #oldest = 0;

  /** @param capacity - how many runs are remembered */
  constructor(capacity = REMEMBERED_RUNS) {
    this.#capacity = capacity;
  }

  /** Runs that have settled, and again when their responses close. The object is the live record. */
  get changes(): Observable<IndexedRun> {
    return this.#changes.asObservable();
  }

  /** Remembers a run that has settled. */
  add(run: SettledRun): IndexedRun {
    const record = recordOf(run);
    if (this.#runs.length < this.#capacity) {
      this.#runs.push(record);
    } else {
      this.#runs[this.#oldest] = record;
      this.#oldest = (this.#oldest + 1) % this.#capacity;
    }
    this.#announce(record);
    return record;
  }

  /** The response of a run has closed. */
  close(record: Writable<IndexedRun>, closedAt: number, delivered: boolean): void {
    record.closedAt = closedAt;
    record.delivered = delivered;
    this.#announce(record);
  }

  /** The runs, the last settled first. */
  *newestFirst(): Generator<IndexedRun> {
    const size = this.#runs.length;
    for (let back = 1; back <= size; back++)
      yield this.#runs[(this.#oldest - back + size) % size] as IndexedRun;
  }

  #announce(record: IndexedRun): void {
    if (this.#changes.observed) this.#changes.next(record);
  }
}

function recordOf(run: SettledRun): IndexedRun {
  const {
    runId,
    context,
    session,
    userId,
    identity,
    position,
    startedAt,
    output,
    activities,
    outcome = 'failed',
  } = run;
  const { parentRunId } = context;
  const settledAt = now();
  const record: Writable<IndexedRun> = {
    runId,
    sessionId: session.id,
    component: identity,
    position,
    outcome,
    startedAt: Math.round(settledAt - millisecondsSince(startedAt)),
    settledAt,
    activities,
    // A copy of the tokens: engines may put more into the metrics.
    usage: isUnused(output.metrics) ? NO_USAGE : sumUsage(output.metrics, {}),
  };
  if (parentRunId !== undefined) record.parentRunId = parentRunId;
  if (userId !== undefined) record.userId = userId;
  return record;
}
