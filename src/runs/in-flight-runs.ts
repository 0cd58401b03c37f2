import type { ActiveRun } from './active-run.js';

/** The runs that have not settled, with or without a socket. */
export class InFlightRuns {
  readonly #runs = new Map<string, ActiveRun>();
  #onIdle: (() => void)[] = [];
  #isShutDown = false;

  get size(): number {
    return this.#runs.size;
  }

  add(run: ActiveRun): void {
    this.#runs.set(run.runId, run);
    if (this.#isShutDown) run.shutDown();
  }

  /** Cancels all runs, and those that are still to come: a request may have been on its way for long. */
  shutDown(): void {
    this.#isShutDown = true;
    for (const run of this.all()) run.shutDown();
  }

  remove(run: ActiveRun): void {
    this.#runs.delete(run.runId);
    if (this.#runs.size > 0) return;
    const waiting = this.#onIdle;
    this.#onIdle = [];
    for (const resolve of waiting) resolve();
  }

  get(runId: string): ActiveRun | undefined {
    return this.#runs.get(runId);
  }

  /** Resolves once no run is in flight. */
  idle(): Promise<void> {
    if (this.#runs.size === 0) return Promise.resolve();
    return new Promise((resolve) => this.#onIdle.push(resolve));
  }

  all(): ActiveRun[] {
    return [...this.#runs.values()];
  }
}
