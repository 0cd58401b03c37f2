import type { HookExecution } from './hook-execution.js';
import type { CountedExecutions, HookStatistics, HookTotals } from './hook.executions.js';

/**
 * Counts executions by hook and state.
 *
 * @param now - epoch milliseconds
 * @param counted - executions that a store has counted already
 */
export function totalsOf(
  executions: Iterable<HookExecution>,
  now: number,
  counted: Iterable<CountedExecutions> = [],
): HookTotals {
  const tallies = new Tallies();
  for (const execution of executions) tallies.of(execution).add(execution);
  for (const executionsOfHook of counted) tallies.of(executionsOfHook).addCounted(executionsOfHook);
  return sumOf(tallies.statistics(now));
}

/** The sum of totals of which no two contain the same hook with the same phase, mode and component. */
export function joinTotals(...totals: readonly HookTotals[]): HookTotals {
  return sumOf(totals.flatMap(({ hooks }) => hooks));
}

function sumOf(statistics: readonly HookStatistics[]): HookTotals {
  const hooks = statistics
    .map((of) => ({ of, name: JSON.stringify([of.hook, of.component.id, of.phase, of.mode]) }))
    .sort((one, other) => (one.name < other.name ? -1 : 1))
    .map(({ of }) => of);
  const oldestWaiting = Math.max(-1, ...hooks.map((of) => of.oldestWaiting ?? -1));
  const sum = (name: 'waiting' | 'running' | 'failed' | 'volatile'): number =>
    hooks.reduce((total, of) => total + of[name], 0);
  return {
    waiting: sum('waiting'),
    running: sum('running'),
    failed: sum('failed'),
    volatile: sum('volatile'),
    ...(oldestWaiting < 0 ? {} : { oldestWaiting }),
    hooks,
  };
}

type HookOfComponent = Pick<HookExecution, 'hook' | 'phase' | 'mode' | 'component'>;

/** Tallies of hooks, by the id of the component and then by the rest: keys made of all of it as JSON would take most of the time. */
class Tallies {
  readonly #all = new Map<string, Map<string, Tally>>();

  of(execution: HookOfComponent): Tally {
    const { component, phase, mode, hook } = execution;
    let ofComponent = this.#all.get(component.id);
    if (!ofComponent) this.#all.set(component.id, (ofComponent = new Map<string, Tally>()));
    // The first two are words.
    const key = `${phase} ${mode} ${hook}`;
    let tally = ofComponent.get(key);
    if (!tally) ofComponent.set(key, (tally = new Tally(execution)));
    return tally;
  }

  statistics(now: number): readonly HookStatistics[] {
    return [...this.#all.values()].flatMap((ofComponent) =>
      [...ofComponent.values()].map((tally) => tally.result(now)),
    );
  }
}

/** The executions of one hook. */
class Tally {
  readonly #hook: HookOfComponent;
  /** The durations of those that ran to their end, and how many took so long. */
  readonly #durations = new Map<number, number>();
  #waiting = 0;
  #running = 0;
  #failed = 0;
  #volatile = 0;
  /** When the longest waiting execution was collected. */
  #oldest = Infinity;

  constructor(hook: HookOfComponent) {
    this.#hook = hook;
  }

  add({ state, scheduledAt, startedAt, endedAt, isVolatile }: HookExecution): void {
    if (isVolatile) this.#volatile += 1;
    this.#count(state, 1, scheduledAt);
    if (startedAt !== undefined && endedAt !== undefined && hasRun(state))
      this.#addDuration(endedAt - startedAt, 1);
  }

  addCounted({ state, count, scheduledAt, duration }: CountedExecutions): void {
    this.#count(state, count, scheduledAt);
    if (duration !== undefined && hasRun(state)) this.#addDuration(duration, count);
  }

  #count(state: HookExecution['state'], count: number, scheduledAt: number): void {
    if (state === 'running') this.#running += count;
    else if (state === 'failed' || state === 'timed_out') this.#failed += count;
    if (state !== 'scheduled') return;
    this.#waiting += count;
    this.#oldest = Math.min(this.#oldest, scheduledAt);
  }

  #addDuration(duration: number, count: number): void {
    this.#durations.set(duration, (this.#durations.get(duration) ?? 0) + count);
  }

  result(now: number): HookStatistics {
    const { hook, phase, mode, component } = this.#hook;
    const durations = [...this.#durations].sort(([one], [other]) => one - other);
    const ran = durations.reduce((total, [, count]) => total + count, 0);
    const counts = {
      waiting: this.#waiting,
      running: this.#running,
      failed: this.#failed,
      volatile: this.#volatile,
      ...(this.#waiting === 0 ? {} : { oldestWaiting: Math.max(0, now - this.#oldest) }),
    };
    const statistics = { hook, phase, mode, component, ...counts, ran };
    const [p50, p95] = [percentile(durations, 0.5 * ran), percentile(durations, 0.95 * ran)];
    return p50 === undefined || p95 === undefined ? statistics : { ...statistics, p50, p95 };
  }
}

/** Those that never started fail, too. */
function hasRun(state: HookExecution['state']): boolean {
  return state === 'succeeded' || state === 'failed' || state === 'timed_out';
}

/** The smallest of the sorted values that is not exceeded by so many of them. */
function percentile(
  sorted: Iterable<readonly [value: number, count: number]>,
  wanted: number,
): number | undefined {
  let reached = 0;
  for (const [value, count] of sorted) {
    reached += count;
    if (reached >= wanted) return value;
  }
  return undefined;
}
