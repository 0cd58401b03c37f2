import type { ComponentIdentity, ComponentKind } from '../model/component.js';
import type { ModelIdentity } from '../model/run-output.js';
import type { SessionOwner } from './session.store.js';

/** What a judge said of a run. */
export interface Evaluation {
  readonly id: string;
  /** What was judged. */
  readonly runId: string;
  readonly sessionId: string;
  /** Whose run it was. */
  readonly userId?: string;
  readonly component: ComponentIdentity;
  /** The model that gave the answer, if the component has one. */
  readonly model?: ModelIdentity;
  /** The judge's name, or what it was renamed to. */
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

/** Which evaluations are meant. */
export interface EvaluationCriteria {
  readonly runId?: string;
  readonly sessionId?: string;
  /** `null`: of runs without a user. */
  readonly userId?: SessionOwner;
  readonly componentKind?: ComponentKind;
  readonly componentId?: string;
  /** The provider's name for the model that gave the answer. */
  readonly modelId?: string;
  readonly name?: string;
}

/** What {@link EvalStore.list} may be narrowed to, and which part of it is wanted. */
export interface EvaluationFilter extends EvaluationCriteria {
  /** At most so many. Default 100. */
  readonly limit?: number;
  /** How many of the list are left out at its beginning. Default 0. */
  readonly offset?: number;
  /** Default `createdAt`. */
  readonly sortBy?: 'createdAt' | 'updatedAt' | 'name';
  /** Default `desc`: the newest first. */
  readonly sortOrder?: 'asc' | 'desc';
}

/** The port that keeps evaluations. Saving at the same time loses none; what is returned are copies. */
export abstract class EvalStore {
  abstract save(evaluation: Evaluation): Promise<void>;

  /** The newest first, unless the filter says otherwise. */
  abstract list(filter?: EvaluationFilter): Promise<readonly Evaluation[]>;

  /** How many there are. */
  abstract count(criteria?: EvaluationCriteria): Promise<number>;

  abstract find(id: string): Promise<Evaluation | undefined>;

  /**
   * Renames an evaluation. Whose it is, is looked at in the same step: it may be deleted and saved anew at any time.
   *
   * @param owner - whose it must be; anybody's if left out, and with `null` one that belongs to nobody
   * @returns the renamed evaluation; undefined if there is none with this id, or it is another's
   */
  abstract rename(id: string, name: string, owner?: SessionOwner): Promise<Evaluation | undefined>;

  /** Ids that are not there, or are another's if an owner is given, are no error. */
  abstract delete(ids: readonly string[], owner?: SessionOwner): Promise<void>;
}
