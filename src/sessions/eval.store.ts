import type { ComponentIdentity } from '../model/component.js';

/** What a judge said of a run. */
export interface Evaluation {
  readonly id: string;
  /** What was judged. */
  readonly runId: string;
  readonly sessionId: string;
  readonly component: ComponentIdentity;
  /** The judge's name. */
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
}

/** What {@link EvalStore.list} may be narrowed to. */
export interface EvaluationFilter {
  readonly runId?: string;
  readonly sessionId?: string;
  readonly componentId?: string;
  readonly name?: string;
  /** At most so many, the newest first. Default 100. */
  readonly limit?: number;
}

/** The port that keeps evaluations. Saving at the same time loses none; what is returned are copies. */
export abstract class EvalStore {
  abstract save(evaluation: Evaluation): Promise<void>;

  /** The newest first. */
  abstract list(filter?: EvaluationFilter): Promise<readonly Evaluation[]>;
}
