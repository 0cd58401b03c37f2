import type { Observable } from 'rxjs';

import type { FinalHookExecutionState, HookExecution } from '../execution/hook-execution.js';
import type {
  HookCounts,
  HookExecutionFilter,
  HookExecutions,
  HookTotals,
  HookTotalsFilter,
} from '../execution/hook.executions.js';
import { joinTotals, totalsOf } from '../execution/hook.totals.js';
import { now } from '../model/clock.js';
import type { QueueStore } from './queue.store.js';

/**
 * The ledger of all processes: stored executions, and those of this process that are in no store: inline hooks,
 * hooks of runs that have not settled, and volatile ones. Those are read first, since an execution goes from there into the
 * store.
 */
export class StoredExecutions implements HookExecutions {
  readonly #local: HookExecutions;
  readonly #store: () => QueueStore | undefined;

  /** @param store - undefined before the executor has started */
  constructor(local: HookExecutions, store: () => QueueStore | undefined) {
    this.#local = local;
    this.#store = store;
  }

  get changes(): Observable<HookExecution> {
    return this.#local.changes;
  }

  async list(filter: HookExecutionFilter = {}): Promise<HookExecution[]> {
    const { limit = 100, mode } = filter;
    const [stored, local] = await Promise.all([
      mode === 'inline' ? [] : (this.#store()?.list({ ...filter, limit }) ?? []),
      this.#local.list({ ...filter, limit }),
    ]);
    const ids = new Set(stored.map(({ id }) => id));
    const all = [...local.filter(({ id }) => !ids.has(id)), ...stored];
    // Sorting is stable: executions of the same moment stay in the order of their ledger.
    return all.sort((one, other) => other.scheduledAt - one.scheduledAt).slice(0, limit);
  }

  /** Of stored executions, those that are remembered. */
  async counts({ mode }: Pick<HookExecutionFilter, 'mode'> = {}): Promise<HookCounts> {
    const local = await this.#local.counts({ mode });
    const stored = mode === 'inline' ? undefined : await this.#store()?.counts();
    if (!stored) return local;
    const sum = (state: FinalHookExecutionState): number => local[state] + (stored[state] ?? 0);
    return {
      succeeded: sum('succeeded'),
      failed: sum('failed'),
      timed_out: sum('timed_out'),
      skipped: sum('skipped'),
      dropped: sum('dropped'),
      open: local.open + (stored.scheduled ?? 0) + (stored.running ?? 0),
    };
  }

  /** Only few executions of background hooks are those of this process. */
  async totals({ mode, ...filter }: HookTotalsFilter = {}): Promise<HookTotals> {
    const { userId, isOpen } = filter;
    const inline = mode === 'background' ? [] : [await this.#local.totals({ ...filter, mode: 'inline' })];
    if (mode === 'inline') return joinTotals(...inline);
    const local = await this.#local.list({ userId, mode: 'background', limit: Infinity });
    const open = isOpen ? local.filter(({ endedAt }) => endedAt === undefined) : local;
    const stored = (await this.#store()?.tally(filter)) ?? [];
    return joinTotals(...inline, totalsOf(open, now(), stored));
  }
}
