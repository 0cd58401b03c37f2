import { Subject, type Observable } from 'rxjs';

import { millisecondsSince, now } from '../model/clock.js';
import type { ComponentIdentity } from '../model/component-identity.js';
import type { RunActivity } from '../model/run-activity.js';
import type { RunContext } from '../model/run-context.js';
import type { RunOutcome, RunOutput } from '../model/run-output.js';
import type { Session } from '../model/session.js';
import { isUnused, sumUsage, type RunUsage } from '../model/run-usage.js';
import type { HookPosition } from './hook-execution.js';
import { LatestRecords } from './latest.records.js';

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

/** One object for all runs whose engine reports no tokens. */
const NO_USAGE: RunUsage = Object.freeze({});

/** How many settled runs are remembered. */
export const REMEMBERED_RUNS = 10_000;

/** The record of the latest runs that have settled; those in flight are in `InFlightRuns`. */
export class RunIndex {
  readonly #runs: LatestRecords<SettledRecord>;
  readonly #changes = new Subject<IndexedRun>();

  /** @param capacity - how many runs are remembered */
  constructor(capacity = REMEMBERED_RUNS) {
    this.#runs = new LatestRecords(capacity, () => new SettledRecord());
  }

  /** Runs that have settled, and again when their responses close. */
  get changes(): Observable<IndexedRun> {
    return this.#changes.asObservable();
  }

  /**
   * Remembers a run that has settled.
   *
   * @returns to be called when the response of the run has closed, with the time in epoch milliseconds
   */
  add(run: SettledRun): ResponseRecorder {
    const settled = settledRunOf(run);
    const record = this.#runs.next();
    record?.write(settled);
    this.#announce(settled);
    return (closedAt, delivered) => {
      // Meanwhile the record may be that of another run.
      if (record?.runId === settled.runId) record.close(closedAt, delivered);
      this.#announce({ ...settled, closedAt, delivered });
    };
  }

  /** Copies of the records, the last settled first. */
  *newestFirst(): Generator<IndexedRun> {
    for (const record of this.#runs.newestFirst()) yield record.read();
  }

  #announce(run: IndexedRun): void {
    if (this.#changes.observed) this.#changes.next(run);
  }
}

/** Records that the response of a run has closed. */
export type ResponseRecorder = (closedAt: number, delivered: boolean) => void;

/** The record of a run that has settled. Times are epoch milliseconds; `NaN` if there is none. */
class SettledRecord {
  #runId = '';
  #sessionId = '';
  #parentRunId: string | undefined;
  #userId: string | undefined;
  #component: ComponentIdentity | undefined;
  #position: HookPosition = 'root';
  #outcome: RunOutcome = 'failed';
  #usage = NO_USAGE;
  #startedAt = NaN;
  #settledAt = NaN;
  #closedAt = NaN;
  #delivered = false;
  /** Undefined if there was one attempt and nothing else, as in most runs: then the next two fields tell of it. */
  #activities: readonly RunActivity[] | undefined;
  #attemptStartedAt = NaN;
  #attemptEndedAt = NaN;

  get runId(): string {
    return this.#runId;
  }

  write(run: IndexedRun): void {
    const [first, second] = run.activities;
    const attempt = first && !second && isPlainAttempt(first) ? first : undefined;
    this.#runId = run.runId;
    this.#sessionId = run.sessionId;
    this.#parentRunId = run.parentRunId;
    this.#userId = run.userId;
    this.#component = run.component;
    this.#position = run.position;
    this.#outcome = run.outcome;
    this.#usage = run.usage;
    this.#startedAt = run.startedAt;
    this.#settledAt = run.settledAt;
    this.#closedAt = NaN;
    this.#activities = attempt ? undefined : run.activities;
    this.#attemptStartedAt = attempt?.startedAt ?? NaN;
    this.#attemptEndedAt = attempt?.endedAt ?? NaN;
  }

  close(closedAt: number, delivered: boolean): void {
    this.#closedAt = closedAt;
    this.#delivered = delivered;
  }

  read(): IndexedRun {
    const attempt = {
      kind: 'attempt',
      startedAt: this.#attemptStartedAt,
      endedAt: this.#attemptEndedAt,
    } as const;
    return {
      runId: this.#runId,
      ...(this.#parentRunId === undefined ? {} : { parentRunId: this.#parentRunId }),
      sessionId: this.#sessionId,
      ...(this.#userId === undefined ? {} : { userId: this.#userId }),
      component: this.#component as ComponentIdentity,
      position: this.#position,
      outcome: this.#outcome,
      startedAt: this.#startedAt,
      settledAt: this.#settledAt,
      activities: this.#activities ?? [attempt],
      usage: this.#usage,
      ...(Number.isNaN(this.#closedAt) ? {} : { closedAt: this.#closedAt, delivered: this.#delivered }),
    };
  }
}

function isPlainAttempt({ kind, name, endedAt, hasFailed }: RunActivity): boolean {
  return kind === 'attempt' && name === undefined && endedAt !== undefined && !hasFailed;
}

function settledRunOf(run: SettledRun): IndexedRun {
  const { runId, context, session, userId, identity, position, startedAt, output, activities } = run;
  const { outcome = 'failed' } = run;
  const { parentRunId } = context;
  const settledAt = now();
  return {
    runId,
    ...(parentRunId === undefined ? {} : { parentRunId }),
    sessionId: session.id,
    ...(userId === undefined ? {} : { userId }),
    component: identity,
    position,
    outcome,
    startedAt: Math.round(settledAt - millisecondsSince(startedAt)),
    settledAt,
    activities,
    // A copy of the tokens: engines may put more into the metrics.
    usage: isUnused(output.metrics) ? NO_USAGE : sumUsage(output.metrics, {}),
  };
}
