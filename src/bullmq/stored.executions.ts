import type { Observable } from 'rxjs';

import type { HookExecution } from '../execution/hook-execution.js';
import type {
  HookCounts,
  HookExecutionFilter,
  HookExecutions,
  HookTotals,
} from '../execution/hook.executions.js';
import { totalsOf } from '../execution/hook.totals.js';
import { now } from '../model/clock.js';
import type { QueueStore } from './queue.store.js';

/**
 * The ledger of all processes: stored executions, and those of this process that are in no store: inline hooks,
 * hooks of runs that have not settled, and volatile ones.
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

  /** Of the executions that are remembered. */
  async counts({ mode }: Pick<HookExecutionFilter, 'mode'> = {}): Promise<HookCounts> {
    const counts = { succeeded: 0, failed: 0, timed_out: 0, skipped: 0, dropped: 0, open: 0 };
    for (const { state } of await this.list({ mode, limit: Infinity }))
      counts[state === 'scheduled' || state === 'running' ? 'open' : state] += 1;
    return counts;
  }

  async totals(filter: Pick<HookExecutionFilter, 'userId' | 'mode'> = {}): Promise<HookTotals> {
    return totalsOf(await this.list({ ...filter, limit: Infinity }), now());
  }
}
