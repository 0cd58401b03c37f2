import { Subject, type Observable } from 'rxjs';

import type { FinalHookExecutionState, HookEndReason, HookExecution, HookMode } from './hook-execution.js';
import type {
  HookCounts,
  HookExecutionFilter,
  HookExecutions,
  HookTotals,
  HookTotalsFilter,
} from './hook.executions.js';
import { totalsOf } from './hook.totals.js';
import { EndedExecutions } from './ended.executions.js';
import { now } from '../model/clock.js';

type Writable<T> = { -readonly [K in keyof T]: T[K] };

/** How many ended executions are remembered, and how many that have failed or timed out besides. */
const DEFAULT_CAPACITY = 10_000;

const NONE_ENDED: Readonly<Record<FinalHookExecutionState, number>> = {
  succeeded: 0,
  failed: 0,
  timed_out: 0,
  skipped: 0,
  dropped: 0,
};

/**
 * The record of hook executions: all that have not ended, the latest failures and the latest others that have ended. It holds ids, names, states,
 * times and error classes, never content. Runs read and write it synchronously, since they wait for it; other code
 * reads it through the port {@link HookExecutions}.
 */
export class HookLedger {
  /** By id. */
  readonly #open = new Map<string, HookExecution>();
  readonly #ended: EndedExecutions;
  /** Executions with a record elsewhere, which may still change their state here. */
  readonly #forgotten = new WeakSet<HookExecution>();
  readonly #changes = new Subject<HookExecution>();
  readonly #counts: Readonly<Record<HookMode, Record<FinalHookExecutionState, number>>> = {
    inline: { ...NONE_ENDED },
    background: { ...NONE_ENDED },
  };

  /** @param capacity - how many ended executions are remembered, and how many that have failed or timed out besides */
  constructor(capacity = DEFAULT_CAPACITY) {
    this.#ended = new EndedExecutions(capacity);
  }

  /** Every change of state, as it happens. The object is the live record: copy it to keep it. */
  get changes(): Observable<HookExecution> {
    return this.#changes.asObservable();
  }

  /** How many executions ended in each final state since the application started. */
  get counts(): Readonly<Record<FinalHookExecutionState, number>> {
    const { inline, background } = this.#counts;
    const sum = (state: FinalHookExecutionState): number => inline[state] + background[state];
    return {
      succeeded: sum('succeeded'),
      failed: sum('failed'),
      timed_out: sum('timed_out'),
      skipped: sum('skipped'),
      dropped: sum('dropped'),
    };
  }

  /** Executions that have not ended yet. */
  get openCount(): number {
    return this.#open.size;
  }

  /** How many executions of one mode, or of both, ended in each final state, and how many are open. */
  countsOf(mode?: HookMode): HookCounts {
    if (mode === undefined) return { ...this.counts, open: this.openCount };
    let open = 0;
    for (const execution of this.#open.values()) if (execution.mode === mode) open += 1;
    return { ...this.#counts[mode], open };
  }

  /** Executions, the newest first; copies. */
  list({ limit = 100, ...filter }: HookExecutionFilter = {}): HookExecution[] {
    const found: HookExecution[] = [];
    for (const execution of this.#find(filter)) {
      if (found.length >= limit) break;
      found.push({ ...execution });
    }
    return found;
  }

  /** The open and the remembered executions, in numbers. */
  totals({ isOpen = false, ...filter }: HookTotalsFilter = {}): HookTotals {
    const all = isOpen ? this.#openNewestFirst() : this.#newestFirst();
    return totalsOf(this.#find(filter, all), now());
  }

  /** @internal */
  schedule(execution: HookExecution): void {
    this.#open.set(execution.id, execution);
    this.#announce(execution);
  }

  /** @internal The open execution with this id. */
  find(id: string): HookExecution | undefined {
    return this.#open.get(id);
  }

  /**
   * @internal The open record of an execution from a store, perhaps of another process: the one that is
   * here, else a new one, which is scheduled and knows the attempts made so far.
   */
  adopt(stored: HookExecution): HookExecution {
    const open = this.#open.get(stored.id);
    if (open) return open;
    const { id, hook, phase, mode, component, position, attachedBy, runId, userId, attempts, scheduledAt } =
      stored;
    const adopted: HookExecution = {
      ...{ id, hook, phase, mode, component, position, attachedBy, runId },
      ...(userId === undefined ? {} : { userId }),
      state: 'scheduled',
      ...{ attempts, scheduledAt },
    };
    this.schedule(adopted);
    return adopted;
  }

  /** @internal Another record has taken the execution over: it is neither listed nor counted here. */
  forget(execution: HookExecution): void {
    const { id, mode, state } = execution;
    if (state !== 'scheduled' && state !== 'running') {
      if (this.#ended.remove(execution)) this.#counts[mode][state] -= 1;
      return;
    }
    if (this.#open.get(id) !== execution) return;
    this.#open.delete(id);
    this.#forgotten.add(execution);
  }

  /** @internal The store of a durable executor could not take the execution: it is kept in this process only. */
  markVolatile(execution: Writable<HookExecution>): void {
    execution.isVolatile = true;
  }

  /** @internal The store of a durable executor has changed an execution whose record is there. */
  tell(execution: HookExecution): void {
    this.#announce(execution);
  }

  /** @internal */
  start(execution: Writable<HookExecution>): void {
    execution.attempts += 1;
    execution.state = 'running';
    execution.startedAt ??= now();
    this.#announce(execution);
  }

  /** @internal Ends an execution, once: a second result, such as that of an abandoned attempt, changes nothing. */
  end(execution: Writable<HookExecution>, state: FinalHookExecutionState, because: HookEnd = {}): void {
    const isOpen = this.#open.get(execution.id) === execution;
    if (!isOpen && !this.#forgotten.has(execution)) return;
    if (isOpen) this.#open.delete(execution.id);
    this.#forgotten.delete(execution);
    execution.state = state;
    execution.endedAt = now();
    if (because.reason !== undefined) execution.reason = because.reason;
    if (because.errorName !== undefined) execution.errorName = because.errorName;
    if (!isOpen) return this.#announce(execution);
    this.#counts[execution.mode][state] += 1;
    this.#ended.add(execution);
    this.#announce(execution);
  }

  /**
   * @internal Ends a background hook that waits, as cancelled.
   *
   * @returns false if no such hook waits here
   */
  cancel(id: string): boolean {
    const execution = this.#open.get(id);
    if (execution?.state !== 'scheduled' || execution.mode === 'inline') return false;
    this.end(execution, 'dropped', { reason: 'cancelled' });
    return true;
  }

  /** @internal Takes an execution that has ended back to `scheduled`. */
  reopen(execution: Writable<HookExecution>): void {
    const { state, mode } = execution;
    if (state === 'scheduled' || state === 'running') return;
    if (this.#ended.remove(execution)) this.#counts[mode][state] -= 1;
    execution.state = 'scheduled';
    delete execution.endedAt;
    delete execution.reason;
    delete execution.errorName;
    this.schedule(execution);
  }

  #announce(execution: HookExecution): void {
    if (this.#changes.observed) this.#changes.next(execution);
  }

  *#find(
    filter: HookExecutionFilter,
    all: Iterable<HookExecution> = this.#newestFirst(),
  ): Generator<HookExecution> {
    const { id, runId, userId, hook, state, mode, endedFrom, endedBefore } = filter;
    const runIds = filter.runIds && new Set(filter.runIds);
    for (const execution of all) {
      if (id !== undefined && execution.id !== id) continue;
      if (endedFrom !== undefined && !((execution.endedAt ?? -1) >= endedFrom)) continue;
      if (endedBefore !== undefined && !((execution.endedAt ?? Infinity) < endedBefore)) continue;
      if (runId !== undefined && execution.runId !== runId) continue;
      if (runIds && !runIds.has(execution.runId)) continue;
      if (userId !== undefined && (execution.userId ?? null) !== userId) continue;
      if (hook !== undefined && execution.hook !== hook) continue;
      if (state !== undefined && execution.state !== state) continue;
      if (mode !== undefined && execution.mode !== mode) continue;
      yield execution;
    }
  }

  #openNewestFirst(): readonly HookExecution[] {
    return [...this.#open.values()].reverse();
  }

  *#newestFirst(): Generator<HookExecution> {
    yield* this.#openNewestFirst();
    yield* this.#ended.newestFirst();
  }
}

/** Why an execution ended as it did. */
export interface HookEnd {
  readonly reason?: HookEndReason;
  readonly errorName?: string;
}

/** The executions of this process. */
export class LedgerExecutions implements HookExecutions {
  readonly #ledger: HookLedger;

  constructor(ledger: HookLedger) {
    this.#ledger = ledger;
  }

  get changes(): Observable<HookExecution> {
    return this.#ledger.changes;
  }

  list(filter?: HookExecutionFilter): Promise<HookExecution[]> {
    return Promise.resolve(this.#ledger.list(filter));
  }

  counts({ mode }: Pick<HookExecutionFilter, 'mode'> = {}): Promise<HookCounts> {
    return Promise.resolve(this.#ledger.countsOf(mode));
  }

  totals(filter?: HookTotalsFilter): Promise<HookTotals> {
    return Promise.resolve(this.#ledger.totals(filter));
  }
}
