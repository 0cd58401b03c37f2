import type { ComponentIdentity } from './component.js';
import type { PlainRecord } from './run-context.js';
import type { RunOutput } from './run-output.js';

/** What a caller may say about a run. */
export interface RunOptions {
  /**
   * The conversation to continue, a text that is not empty; a new one by default, or the session of the run it is
   * called in.
   */
  readonly sessionId?: string;
  /** On whose behalf it runs, a text that is not empty. Default: nobody's, or that of the run it is called in. */
  readonly userId?: string;
  /** Plain data that is stored with the run. */
  readonly metadata?: PlainRecord;
  /** Plain data for hooks and engine, for this run only. */
  readonly dependencies?: PlainRecord;
  /** Merged into the session's state before the run. */
  readonly sessionState?: PlainRecord;
  /** Aborting it cancels the run. */
  readonly signal?: AbortSignal;
}

/** A component as hooks see it: who it is, and a way to run it. */
export interface RunnableComponent extends ComponentIdentity {
  /**
   * Runs the component. Inside a run it becomes a part of that run; elsewhere all its hooks run inline.
   *
   * @throws AgentRunError if the run does not complete
   */
  run(input: string, options?: RunOptions): Promise<RunOutput>;
}
