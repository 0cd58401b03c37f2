import { EvalStore, type Evaluation, type EvaluationFilter } from './eval.store.js';

/** Evaluations in this process: bounded, and gone with the process. */
export class InMemoryEvalStore extends EvalStore {
  readonly #evaluations: Evaluation[] = [];

  /** @param capacity - the oldest are forgotten beyond this */
  constructor(readonly capacity: number = 10_000) {
    super();
  }

  override save(evaluation: Evaluation): Promise<void> {
    this.#evaluations.push({ ...evaluation });
    if (this.#evaluations.length > this.capacity) this.#evaluations.shift();
    return Promise.resolve();
  }

  override list({ limit = 100, ...filter }: EvaluationFilter = {}): Promise<readonly Evaluation[]> {
    const found = this.#evaluations.filter((evaluation) => matches(evaluation, filter));
    return Promise.resolve(
      found
        .reverse()
        .slice(0, limit)
        .map((evaluation) => ({ ...evaluation })),
    );
  }
}

function matches(evaluation: Evaluation, { runId, sessionId, componentId, name }: EvaluationFilter): boolean {
  return (
    (runId === undefined || evaluation.runId === runId) &&
    (sessionId === undefined || evaluation.sessionId === sessionId) &&
    (componentId === undefined || evaluation.component.id === componentId) &&
    (name === undefined || evaluation.name === name)
  );
}
