import type { Observable } from 'rxjs';

import {
  HookDataGoneError,
  HookExecutionConflictError,
  HookExecutionNotFoundError,
} from '../errors/hook-execution.errors.js';
import type { HookExecution } from './hook-execution.js';
import type { HookCounts, HookExecutionFilter, HookExecutions, HookTotals } from './hook.executions.js';
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
}

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

  totals(filter?: Pick<HookExecutionFilter, 'userId' | 'mode'>): Promise<HookTotals> {
    return this.#record.totals(filter);
  }

  /**
   * Runs a background hook that has failed or timed out once more, with the same execution id and the next attempt:
   * outside the order of its run tree, and never at the same time as another hook of the tree. Resolves when the hook
   * is scheduled, with its execution.
   *
   * @param owner - only an execution for a run of this user
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
   * Retries all failed and timed-out executions of a background hook, like {@link retry}, in the order in which they
   * have failed.
   *
   * @throws any other error of the executor, such as one of its store
   * @example `await agentOs.executions.retryAll({ hook: 'sync', from: Date.now() - 3_600_000 });`
   */
  async retryAll({ hook, from, to, userId }: HookRetryFilter): Promise<HookRetries> {
    const filter = { hook, userId, mode: 'background', endedFrom: from, endedBefore: to } as const;
    const found = await Promise.all(
      (['failed', 'timed_out'] as const).map((state) => this.list({ ...filter, state, limit: Infinity })),
    );
    const inOrder = found.flat().sort((one, other) => (one.endedAt ?? 0) - (other.endedAt ?? 0));
    const retried: string[] = [];
    const refused: RefusedHookRetry[] = [];
    for (const execution of inOrder) {
      try {
        await this.#retry(execution);
        retried.push(execution.id);
      } catch (thrown) {
        if (!isRefusal(thrown)) throw thrown;
        refused.push({ id: execution.id, code: thrown.code, message: thrown.message });
      }
    }
    return { retried, refused };
  }

  /**
   * Drops a background hook that waits, with the reason `cancelled`: its run has not settled, its response has not closed,
   * or the hooks before it have not ended. The hooks behind it run.
   *
   * @param owner - only an execution for a run of this user
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
