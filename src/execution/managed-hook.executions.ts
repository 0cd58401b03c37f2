import type { Observable } from 'rxjs';

import {
  HookDataGoneError,
  HookExecutionConflictError,
  HookExecutionNotFoundError,
} from '../errors/hook-execution.errors.js';
import type { HookExecution } from './hook-execution.js';
import type {
  HookCounts,
  HookExecutionFilter,
  HookExecutions,
  HookTotals,
  HookTotalsFilter,
} from './hook.executions.js';
import type { HookExecutor } from './hook.executor.js';
import type { HookLedger } from './hook.ledger.js';

/** The failed executions that {@link ManagedHookExecutions.retryAll} retries. */
export interface HookRetryFilter {
  /** The name of the hook. */
  readonly hook: string;
  /** Epoch milliseconds: only executions that have failed then or later. Default: all. */
  readonly from?: number | undefined;
  /** Epoch milliseconds: only executions that have failed before. Default: all. */
  readonly to?: number | undefined;
  /** Only executions for runs of this user; `null`: of runs without a user. Default: all. */
  readonly userId?: string | null | undefined;
  /**
   * At most so many executions, from 1 on: those that have failed first. Those of the same millisecond belong together.
   * Default 1,000.
   */
  readonly limit?: number | undefined;
}

/** The default of {@link HookRetryFilter.limit}: a call retries one execution after another, so it must not have too many. */
export const MOST_RETRIES = 1_000;

/** An execution that was not retried, and why. */
export interface RefusedHookRetry {
  readonly id: string;
  readonly code: 'hook_execution_not_found' | 'hook_execution_conflict' | 'hook_data_gone';
  readonly message: string;
}

/** The results of {@link ManagedHookExecutions.retryAll}. */
export interface HookRetries {
  /** The ids of the executions that are retried, in the order in which they have failed. */
  readonly retried: readonly string[];
  readonly refused: readonly RefusedHookRetry[];
  /** The number of executions that match and were not tried, because of the limit. */
  readonly left: number;
  /** Epoch milliseconds: the `from` of the next call, which goes on with those that are left. Absent if none is. */
  readonly next?: number;
}

type RefusedRetryError = HookExecutionNotFoundError | HookExecutionConflictError | HookDataGoneError;

/** The parts of {@link ManagedHookExecutions}. */
interface ManagedHookExecutionsOptions {
  /** The ledger of the executor, or of this process. */
  readonly record: HookExecutions;
  /** The open executions of this process. */
  readonly ledger: Pick<HookLedger, 'cancel'>;
  readonly executor: Pick<HookExecutor, 'retry' | 'cancel'>;
}

/** The ledger of hook executions, and the operations on single executions of background hooks. */
export class ManagedHookExecutions implements HookExecutions {
  readonly #record: HookExecutions;
  readonly #ledger: Pick<HookLedger, 'cancel'>;
  readonly #executor: Pick<HookExecutor, 'retry' | 'cancel'>;

  constructor({ record, ledger, executor }: ManagedHookExecutionsOptions) {
    this.#record = record;
    this.#ledger = ledger;
    this.#executor = executor;
  }

  get changes(): Observable<HookExecution> {
    return this.#record.changes;
  }

  list(filter?: HookExecutionFilter): Promise<HookExecution[]> {
    return this.#record.list(filter);
  }

  counts(filter?: Pick<HookExecutionFilter, 'mode'>): Promise<HookCounts> {
    return this.#record.counts(filter);
  }

  totals(filter?: HookTotalsFilter): Promise<HookTotals> {
    return this.#record.totals(filter);
  }

  /**
   * Runs a background hook that has failed or timed out once more, with the same execution id and the next attempt:
   * outside the order of its run tree, and never at the same time as another hook of the tree. Resolves when the hook
   * is scheduled, with its execution.
   *
   * @param options - `userId`: only an execution for a run of this user; `null`: of a run without a user
   * @throws HookExecutionNotFoundError if the ledger has no such execution
   * @throws HookExecutionConflictError if it has neither failed nor timed out, or is inline
   * @throws HookDataGoneError if the data of its run is not kept any longer
   * @example
   * ```ts
   * const [failed] = await agentOs.executions.list({ hook: 'sync', state: 'failed' });
   * if (failed) await agentOs.executions.retry(failed.id);
   * ```
   */
  async retry(id: string, { userId }: Pick<HookExecutionFilter, 'userId'> = {}): Promise<HookExecution> {
    const execution = await this.#find(id, userId);
    await this.#retry(execution);
    return this.#find(id, userId);
  }

  /**
   * Retries failed and timed-out executions of a background hook, like {@link retry}, one after another in the order in
   * which they have failed, up to a limit.
   *
   * @throws RangeError if the limit is no whole number from 1 on
   * @throws any other error of the executor, such as one of its store
   * @example
   * ```ts
   * // Those that fail again from now on are not retried once more.
   * const to = Date.now();
   * for (let from: number | undefined = to - 3_600_000; from !== undefined; )
   *   ({ next: from } = await agentOs.executions.retryAll({ hook: 'sync', from, to }));
   * ```
   */
  async retryAll({ hook, from, to, userId, limit = MOST_RETRIES }: HookRetryFilter): Promise<HookRetries> {
    if (!Number.isSafeInteger(limit) || limit < 1)
      throw new RangeError(`retryAll(): expected limit to be a whole number from 1 on, got ${limit}.`);
    const filter = { hook, userId, mode: 'background', endedFrom: from, endedBefore: to } as const;
    const found = await Promise.all(
      (['failed', 'timed_out'] as const).map((state) => this.list({ ...filter, state, limit: Infinity })),
    );
    const inOrder = found.flat().sort((one, other) => (one.endedAt ?? 0) - (other.endedAt ?? 0));
    let end = Math.min(limit, inOrder.length);
    // The next call begins with another millisecond: it would try the same ones again if they are refused.
    while (end < inOrder.length && inOrder[end]?.endedAt === inOrder[end - 1]?.endedAt) end += 1;
    const retried: string[] = [];
    const refused: RefusedHookRetry[] = [];
    for (const execution of inOrder.slice(0, end)) {
      try {
        await this.#retry(execution);
        retried.push(execution.id);
      } catch (thrown) {
        if (!isRefusal(thrown)) throw thrown;
        refused.push({ id: execution.id, code: thrown.code, message: thrown.message });
      }
    }
    const left = inOrder.slice(end);
    const next = left[0]?.endedAt;
    return { retried, refused, left: left.length, ...(next === undefined ? {} : { next }) };
  }

  /**
   * Drops a background hook that waits, with the reason `cancelled`: its run has not settled, its response has not closed,
   * or the hooks before it have not ended. The hooks behind it run.
   *
   * @param options - `userId`: only an execution for a run of this user; `null`: of a run without a user
   * @throws HookExecutionNotFoundError if the ledger has no such execution
   * @throws HookExecutionConflictError if it runs, has ended, or is inline
   */
  async cancel(id: string, { userId }: Pick<HookExecutionFilter, 'userId'> = {}): Promise<HookExecution> {
    const execution = await this.#find(id, userId);
    const { state, mode } = execution;
    if (mode === 'inline' || state !== 'scheduled')
      throw new HookExecutionConflictError(
        id,
        `Only a background hook that waits can be cancelled; it is ${mode === 'inline' ? 'inline' : state}.`,
      );
    if (!this.#ledger.cancel(id)) await this.#executor.cancel(execution);
    return this.#find(id, userId);
  }

  async #retry(execution: HookExecution): Promise<void> {
    const { id, state, mode } = execution;
    if (mode === 'inline' || (state !== 'failed' && state !== 'timed_out'))
      throw new HookExecutionConflictError(
        id,
        `Only a background hook that has failed or timed out can be retried; it is ${mode === 'inline' ? 'inline' : state}.`,
      );
    await this.#executor.retry(execution);
  }

  /** @throws HookExecutionNotFoundError if the ledger has none */
  async #find(id: string, userId: string | null | undefined): Promise<HookExecution> {
    const found = await this.#record.list({ id, userId, limit: 1 });
    // A ledger of the host may not know the filter.
    const execution = found.find((one) => one.id === id);
    if (!execution) throw new HookExecutionNotFoundError(id);
    return execution;
  }
}

function isRefusal(thrown: unknown): thrown is RefusedRetryError {
  return (
    thrown instanceof HookExecutionNotFoundError ||
    thrown instanceof HookExecutionConflictError ||
    thrown instanceof HookDataGoneError
  );
}
