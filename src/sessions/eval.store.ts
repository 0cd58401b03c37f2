import type { ComponentIdentity, ComponentKind } from '../model/component-identity.js';
import type { ModelIdentity } from '../model/run-output.js';
import type { SessionOwner } from './session.store.js';

/** A judge's evaluation of a run. */
export interface Evaluation {
  readonly id: string;
  /** The run that was judged. */
  readonly runId: string;
  readonly sessionId: string;
  /** The user of the run. */
  readonly userId?: string;
  readonly component: ComponentIdentity;
  /** The model that gave the answer, if the component has one. */
  readonly model?: ModelIdentity;
  /** The judge's name, or the name given to the evaluation later. */
  readonly name: string;
  readonly criteria: string;
  readonly scoring: 'numeric' | 'binary';
  readonly passed: boolean;
  /** From 1 to 10; only with numeric scoring. */
  readonly score?: number;
  /** The lowest score that passes; only with numeric scoring. */
  readonly threshold?: number;
  /** Why, in the judge's words. */
  readonly reason: string;
  readonly input: string;
  readonly output: string;
  /** Epoch milliseconds. */
  readonly createdAt: number;
  /** Epoch milliseconds of the latest change, if there was one. */
  readonly updatedAt?: number;
}

/** Selects evaluations; criteria that are left out select all. */
export interface EvaluationCriteria {
  readonly runId?: string;
  readonly sessionId?: string;
  /** `null`: evaluations of runs without a user. */
  readonly userId?: SessionOwner;
  readonly componentKind?: ComponentKind;
  readonly componentId?: string;
  /** The provider's name for the model that gave the answer. */
  readonly modelId?: string;
  readonly name?: string;
}

/** Filter, order and page of {@link EvalStore.list}. */
export interface EvaluationFilter extends EvaluationCriteria {
  /** Maximum number of evaluations. Default 100. */
  readonly limit?: number;
  /** Number of evaluations to skip. Default 0. */
  readonly offset?: number;
  /** Default `createdAt`. */
  readonly sortBy?: 'createdAt' | 'updatedAt' | 'name';
  /** Default `desc`: the newest first. */
  readonly sortOrder?: 'asc' | 'desc';
}

/** The port that stores evaluations. Concurrent saves lose none; returned evaluations are copies. */
export abstract class EvalStore {
  abstract save(evaluation: Evaluation): Promise<void>;

  /** Lists evaluations, by default the newest first. */
  abstract list(filter?: EvaluationFilter): Promise<readonly Evaluation[]>;

  /** The number of evaluations that match. */
  abstract count(criteria?: EvaluationCriteria): Promise<number>;

  abstract find(id: string): Promise<Evaluation | undefined>;

  /**
   * Renames an evaluation. Checks its owner in the same atomic step: it may be deleted and saved anew at any time.
   *
   * @param owner - the owner that the evaluation must have: any if left out, none with `null`
   * @returns the renamed evaluation; undefined if there is none with this id, or it belongs to another owner
   */
  abstract rename(id: string, name: string, owner?: SessionOwner): Promise<Evaluation | undefined>;

  /** Deletes evaluations. Unknown ids, and ids of another owner if one is given, are no error. */
  abstract delete(ids: readonly string[], owner?: SessionOwner): Promise<void>;
}
