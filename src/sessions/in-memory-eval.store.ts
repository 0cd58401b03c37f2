import { AgentOsLogger } from '../errors/agent-os.logger.js';
import { quoted } from '../errors/log.text.js';
import { copyPlainData } from '../data/copy-plain-data.js';
import { checkOptions } from '../options/check.options.js';
import { optionsOf } from '../options/option.schemas.js';
import { EvalStore, type Evaluation, type EvaluationCriteria, type EvaluationFilter } from './eval.store.js';
import { limit, type Sized } from './kept.size.js';
import { sizeOfStorable } from '../data/storable.size.js';
import { isOf } from './session.filter.js';
import type { SessionOwner } from './session.store.js';
import { storableEvaluation, storableText } from './storable.text.js';
import { checkUserId } from './user-id.js';
import { now } from '../model/clock.js';

const MIB = 1_048_576;

/** The limits of an {@link InMemoryEvalStore}. */
export interface InMemoryEvalStoreOptions {
  /** Maximum number of evaluations; beyond it the oldest are dropped. Default 10,000. */
  readonly capacity?: number;
  /**
   * Maximum total size of all evaluations in bytes, as the store estimates it; beyond it the oldest are dropped. A
   * single evaluation that is larger is not stored, and a warning is logged. Default 64 MiB.
   */
  readonly maxBytes?: number;
}

const OPTIONS = optionsOf<InMemoryEvalStoreOptions>()({
  capacity: limit().default(10_000),
  maxBytes: limit().default(64 * MIB),
});

/**
 * Stores evaluations in the memory of this process, limited in number and bytes; they are lost when the process ends.
 *
 * @throws AgentOsConfigurationError if a limit is neither a positive integer nor `Infinity`
 */
export class InMemoryEvalStore extends EvalStore {
  /** Maximum number of evaluations; beyond it the oldest are dropped. */
  readonly capacity: number;
  readonly #maxBytes: number;
  #evaluations: Sized<Evaluation>[] = [];
  #bytes = 0;

  /** @param limits - a number is the capacity */
  constructor(limits: number | InMemoryEvalStoreOptions = {}) {
    super();
    const options = typeof limits === 'number' ? { capacity: limits } : limits;
    const { capacity, maxBytes } = checkOptions('InMemoryEvalStore', OPTIONS, options);
    this.capacity = capacity;
    this.#maxBytes = maxBytes;
  }

  override save(evaluation: Evaluation): Promise<void> {
    checkUserId(evaluation.userId);
    const kept = sized(storableEvaluation(copyPlainData(evaluation, 'evaluation')));
    if (kept.size > this.#maxBytes) {
      new AgentOsLogger().warn(
        `Evaluation ${quoted(evaluation.id)} was not kept: it has about ${kept.size} bytes, and maxBytes is ${this.#maxBytes}.`,
      );
      return Promise.resolve();
    }
    this.#evaluations.push(kept);
    this.#bytes += kept.size;
    if (this.#evaluations.length > this.capacity) this.#dropOldest();
    this.#makeRoom();
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
    const found = this.#evaluations.find(({ value }) => value.id === id);
    return Promise.resolve(found && copyPlainData(found.value, 'evaluation'));
  }

  override rename(id: string, name: string, owner?: SessionOwner): Promise<Evaluation | undefined> {
    checkUserId(owner);
    const index = this.#evaluations.findIndex(({ value }) => value.id === id && isOf(value, owner));
    const found = this.#evaluations[index];
    if (!found) return Promise.resolve(undefined);
    const renamed = sized({ ...found.value, name: storableText(name), updatedAt: now() });
    this.#evaluations[index] = renamed;
    this.#bytes += renamed.size - found.size;
    this.#makeRoom();
    return Promise.resolve(copyPlainData(renamed.value, 'evaluation'));
  }

  override delete(ids: readonly string[], owner?: SessionOwner): Promise<void> {
    checkUserId(owner);
    const meant = new Set(ids);
    this.#evaluations = this.#evaluations.filter(({ value }) => !(meant.has(value.id) && isOf(value, owner)));
    this.#bytes = this.#evaluations.reduce((total, { size }) => total + size, 0);
    return Promise.resolve();
  }

  #makeRoom(): void {
    while (this.#bytes > this.#maxBytes) this.#dropOldest();
  }

  #dropOldest(): void {
    this.#bytes -= this.#evaluations.shift()?.size ?? 0;
  }

  #matching(criteria: EvaluationCriteria): Evaluation[] {
    checkUserId(criteria.userId);
    return this.#evaluations.map(({ value }) => value).filter((evaluation) => matches(evaluation, criteria));
  }
}

function sized(evaluation: Evaluation): Sized<Evaluation> {
  return { value: evaluation, size: sizeOfStorable(evaluation) };
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

/** A total order (no two evaluations compare as equal), so that pages do not overlap. */
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
