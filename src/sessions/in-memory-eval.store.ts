import { copyPlainData } from '../execution/copy-plain-data.js';
import { EvalStore, type Evaluation, type EvaluationCriteria, type EvaluationFilter } from './eval.store.js';
import { isOf } from './session.filter.js';
import type { SessionOwner } from './session.store.js';
import { checkUserId } from './user-id.js';

/** Evaluations in this process: bounded, and gone with the process. */
export class InMemoryEvalStore extends EvalStore {
  #evaluations: Evaluation[] = [];

  /** @param capacity - the oldest are forgotten beyond this */
  constructor(readonly capacity: number = 10_000) {
    super();
  }

  override save(evaluation: Evaluation): Promise<void> {
    checkUserId(evaluation.userId);
    this.#evaluations.push(copyPlainData(evaluation, 'evaluation'));
    if (this.#evaluations.length > this.capacity) this.#evaluations.shift();
    return Promise.resolve();
  }

  override list(filter: EvaluationFilter = {}): Promise<readonly Evaluation[]> {
    const { limit = 100, offset = 0 } = filter;
    const found = this.#matching(filter).sort(orderOf(filter));
    return Promise.resolve(copyPlainData(found.slice(offset, offset + limit), 'evaluations'));
  }

  override count(criteria: EvaluationCriteria = {}): Promise<number> {
    return Promise.resolve(this.#matching(criteria).length);
  }

  override find(id: string): Promise<Evaluation | undefined> {
    const found = this.#evaluations.find((evaluation) => evaluation.id === id);
    return Promise.resolve(found && copyPlainData(found, 'evaluation'));
  }

  override rename(id: string, name: string, owner?: SessionOwner): Promise<Evaluation | undefined> {
    checkUserId(owner);
    const index = this.#evaluations.findIndex(
      (evaluation) => evaluation.id === id && isOf(evaluation, owner),
    );
    const found = this.#evaluations[index];
    if (!found) return Promise.resolve(undefined);
    const renamed = { ...found, name, updatedAt: Date.now() };
    this.#evaluations[index] = renamed;
    return Promise.resolve(copyPlainData(renamed, 'evaluation'));
  }

  override delete(ids: readonly string[], owner?: SessionOwner): Promise<void> {
    checkUserId(owner);
    const meant = new Set(ids);
    this.#evaluations = this.#evaluations.filter(
      (evaluation) => !(meant.has(evaluation.id) && isOf(evaluation, owner)),
    );
    return Promise.resolve();
  }

  #matching(criteria: EvaluationCriteria): Evaluation[] {
    checkUserId(criteria.userId);
    return this.#evaluations.filter((evaluation) => matches(evaluation, criteria));
  }
}

function matches(evaluation: Evaluation, criteria: EvaluationCriteria): boolean {
  const { runId, sessionId, userId, componentKind, componentId, modelId, name } = criteria;
  const { component, model } = evaluation;
  return (
    (runId === undefined || evaluation.runId === runId) &&
    (sessionId === undefined || evaluation.sessionId === sessionId) &&
    isOf(evaluation, userId) &&
    (componentKind === undefined || component.kind === componentKind) &&
    (componentId === undefined || component.id === componentId) &&
    (modelId === undefined || model?.id === modelId) &&
    (name === undefined || evaluation.name === name)
  );
}

/** No two are equal, so that no page repeats what another one has. */
function orderOf({
  sortBy = 'createdAt',
  sortOrder = 'desc',
}: EvaluationFilter): (left: Evaluation, right: Evaluation) => number {
  const keyOf = (evaluation: Evaluation): string | number =>
    sortBy === 'updatedAt' ? (evaluation.updatedAt ?? evaluation.createdAt) : evaluation[sortBy];
  const direction = sortOrder === 'asc' ? 1 : -1;
  return (left, right) => {
    const [leftKey, rightKey] = [keyOf(left), keyOf(right)];
    if (leftKey !== rightKey) return leftKey < rightKey ? -direction : direction;
    if (left.id === right.id) return 0;
    return left.id < right.id ? -direction : direction;
  };
}
