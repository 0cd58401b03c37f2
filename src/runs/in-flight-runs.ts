import { TooManyRunsError } from '../errors/too-many-runs.error.js';
import type { StoppableRun } from './run.view.js';

/** The runs that have not settled, with or without a socket. */
export class InFlightRuns {
  readonly #runs = new Map<string, StoppableRun>();
  readonly #maxRuns: number;
  #roots = 0;
  #onIdle: (() => void)[] = [];
  #isShutDown = false;

  /** @param maxRuns - so many runs at once, without those that are a part of another or started by a hook */
  constructor(maxRuns = Infinity) {
    this.#maxRuns = maxRuns;
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
  }

  /** Cancels all runs, and those that are still to come: a request may have been on its way for long. */
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
