import type { HookExecution } from './hook-execution.js';
import type { HookStatistics, HookTotals } from './hook.executions.js';

/** Counts executions by hook and state. */
export function totalsOf(executions: Iterable<HookExecution>, now: number): HookTotals {
  // By the id of the component, then by the rest: keys made of all of it as JSON would take most of the time.
  const tallies = new Map<string, Map<string, Tally>>();
  for (const execution of executions) {
    const { component, phase, mode, hook } = execution;
    let ofComponent = tallies.get(component.id);
    if (!ofComponent) tallies.set(component.id, (ofComponent = new Map<string, Tally>()));
    // The first two are words.
    const key = `${phase} ${mode} ${hook}`;
    let tally = ofComponent.get(key);
    if (!tally) ofComponent.set(key, (tally = new Tally(execution)));
    tally.add(execution);
  }
  const hooks = [...tallies.values()]
    .flatMap((ofComponent) => [...ofComponent.values()])
    .map((tally) => ({ tally, name: tally.name }))
    .sort((one, other) => (one.name < other.name ? -1 : 1))
    .map(({ tally }) => tally.result(now));
  const oldestWaiting = Math.max(-1, ...hooks.map((statistics) => statistics.oldestWaiting ?? -1));
  const sum = (name: 'waiting' | 'running' | 'failed' | 'volatile'): number =>
    hooks.reduce((total, statistics) => total + statistics[name], 0);
  return {
    waiting: sum('waiting'),
    running: sum('running'),
    failed: sum('failed'),
    volatile: sum('volatile'),
    ...(oldestWaiting < 0 ? {} : { oldestWaiting }),
    hooks,
  };
}

/** The executions of one hook. */
class Tally {
  readonly #first: HookExecution;
  readonly #durations: number[] = [];
  #waiting = 0;
  #running = 0;
  #failed = 0;
  #volatile = 0;
  /** When the longest waiting execution was collected. */
  #oldest = Infinity;

  constructor(first: HookExecution) {
    this.#first = first;
  }

  /** What the tallies are sorted by. */
  get name(): string {
    const { hook, component, phase, mode } = this.#first;
    return JSON.stringify([hook, component.id, phase, mode]);
  }

  add({ state, scheduledAt, startedAt, endedAt, isVolatile }: HookExecution): void {
    if (isVolatile) this.#volatile += 1;
    if (state === 'scheduled') {
      this.#waiting += 1;
      this.#oldest = Math.min(this.#oldest, scheduledAt);
    } else if (state === 'running') this.#running += 1;
    else if (state !== 'skipped' && state !== 'dropped') {
      if (state !== 'succeeded') this.#failed += 1;
      this.#durations.push((endedAt ?? 0) - (startedAt ?? 0));
    }
  }

  result(now: number): HookStatistics {
    const { hook, phase, mode, component } = this.#first;
    const durations = this.#durations.sort((one, other) => one - other);
    const counts = {
      waiting: this.#waiting,
      running: this.#running,
      failed: this.#failed,
      volatile: this.#volatile,
      ...(this.#waiting === 0 ? {} : { oldestWaiting: Math.max(0, now - this.#oldest) }),
    };
    const statistics = { hook, phase, mode, component, ...counts, ran: durations.length };
    const [p50, p95] = [percentile(durations, 0.5), percentile(durations, 0.95)];
    return p50 === undefined || p95 === undefined ? statistics : { ...statistics, p50, p95 };
  }
}

/** The smallest of the sorted values that is not exceeded by this share of them. */
function percentile(sorted: readonly number[], share: number): number | undefined {
  return sorted[Math.ceil(sorted.length * share) - 1];
}
