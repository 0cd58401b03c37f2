import type { ComponentIdentity } from '../model/component.js';

/** A run that failed, and what broke. */
export interface RunFailure {
  /** What broke: what the engine, the step, the store or the inline hook threw. */
  readonly error: Error;
  /** The stable code of the run's error: `run_failed`, `step_failed`, `provider_error`, `guardrail_failed`, … */
  readonly code: string;
  readonly outcome: 'failed';
  readonly runId: string;
  readonly component: ComponentIdentity;
  readonly sessionId: string;
  readonly userId?: string;
}

/** Is told of every run that failed. */
export type RunErrorHandler = (failure: RunFailure) => void | Promise<void>;
