import type { ActiveRun } from './active-run.js';

/** The runs that have not settled, with or without a socket. */
export class InFlightRuns {
  readonly #runs = new Map<string, ActiveRun>();
  #onIdle: (() => void)[] = [];

  get size(): number {
    return this.#runs.size;
  }

  add(run: ActiveRun): void {
    this.#runs.set(run.runId, run);
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
