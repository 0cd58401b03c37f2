import { parentIdOf, type ListedRun } from './listed.run.js';

/** How many of the runs below a run are shown with it. */
export const MAX_PARTS = 200;

/** Runs, in flight and settled, with the runs below them. */
export class RunTrees<R extends ListedRun> {
  readonly #byId = new Map<string, R>();
  readonly #children = new Map<string, R[]>();

  constructor(runs: readonly R[]) {
    for (const run of runs) {
      this.#byId.set(run.runId, run);
      const parentId = parentIdOf(run);
      if (parentId === undefined) continue;
      const siblings = this.#children.get(parentId);
      if (siblings) siblings.push(run);
      else this.#children.set(parentId, [run]);
    }
  }

  find(id: string): R | undefined {
    return this.#byId.get(id);
  }

  /** The runs directly below a run. */
  partsOf(id: string): readonly R[] {
    return this.#children.get(id) ?? [];
  }

  /** The runs below a run at any depth. */
  below(id: string): readonly R[] {
    return this.partsOf(id).flatMap((run) => [run, ...this.below(run.runId)]);
  }
}
