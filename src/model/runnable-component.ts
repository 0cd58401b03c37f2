import type { ComponentIdentity } from './component-identity.js';
import type { PlainRecord } from './run-context.js';
import type { RunOutput } from './run-output.js';

/** The caller's options for a run. */
export interface RunOptions {
  /**
   * The conversation to continue, not empty. Default: a new one, or the session of the run it is called in.
   */
  readonly sessionId?: string;
  /** The user on whose behalf it runs, not empty. Default: no user, or the user of the run it is called in. */
  readonly userId?: string;
  /** Plain data that is stored with the run. */
  readonly metadata?: PlainRecord;
  /** Plain data for hooks and engine, for this run only. */
  readonly dependencies?: PlainRecord;
  /** Merged into the session's state before the run. */
  readonly sessionState?: PlainRecord;
  /**
   * Ids of earlier runs of the session that this run replaces, because their question is asked again: once it has
   * completed, the history of later runs has it and not them, and its own history never has them. They stay stored.
   * Default: none, or those of the run it is called in.
   */
  readonly replaces?: readonly string[];
  /** Aborting it cancels the run. */
  readonly signal?: AbortSignal;
}

/** A component as hooks see it: its identity, and a method to run it. */
export interface RunnableComponent extends ComponentIdentity {
  /**
   * Runs the component. Inside a run it becomes a part of that run; elsewhere all its hooks run inline.
   *
   * @throws AgentRunError if the run does not complete
   */
  run(input: string, options?: RunOptions): Promise<RunOutput>;
}
