import type { RunContext } from '../../model/run-context.js';
import type { StepOutput } from '../../model/run-output.js';
import type { Session } from '../../model/session.js';
import type { Component } from '../component.js';
import type { OutputSchema } from './output-schema.js';

/** The request that functions in a workflow get: steps, conditions, ends of loops, routers. */
export interface StepRequest {
  /** The content of the step before, or the workflow's input for the first step. */
  readonly input: string;
  /** The input of the workflow. */
  readonly workflowInput: string;
  /** The outputs of the workflow's steps so far, in order; those inside a block are in its output's `steps`. */
  readonly previous: readonly StepOutput[];
  readonly context: RunContext;
  readonly session: Session;
  /** Aborted when the run is cancelled. */
  readonly signal: AbortSignal;
  /**
   * The latest output of a step or block, wherever it stands.
   *
   * @throws Error if it has not run
   */
  outputOf(name: string): StepOutput;
  /**
   * The typed data of a step, as its function returned it or its `output` schema accepted it.
   *
   * @throws Error if the step has not run
   */
  dataOf<T>(step: StepRef<T>): T;
}

/** A step whose data is read: made by `step()`. */
export interface StepRef<T> {
  readonly name: string;
  readonly executor: Component | StepFunction<T>;
  readonly options: { readonly output?: OutputSchema<T> };
}

/** The result of a function step that returns data besides its content. */
export interface StepResult<T> {
  readonly content: string;
  /** Plain data for later steps: `request.dataOf(step)`. */
  readonly data: T;
}

/** A step that is a function. */
export type StepFunction<T = unknown> = (
  request: StepRequest,
) => string | StepResult<T> | Promise<string | StepResult<T>>;
