import type { HookMode, HookPhase } from '../execution/hook-execution.js';
import type { RunContext } from '../model/run-context.js';
import type { RunInput } from '../model/run-input.js';
import type { RunOutput } from '../model/run-output.js';
import type { RunnableComponent } from '../model/runnable-component.js';
import type { Session } from '../model/session.js';

/** Which execution of a hook this is. */
export interface HookInfo {
  readonly name: string;
  readonly phase: HookPhase;
  /** The same for every attempt, so it can serve as an idempotency key. */
  readonly executionId: string;
  /** 1 for the first attempt. */
  readonly attempt: number;
  readonly mode: HookMode;
  /**
   * Background only: whether the response carried the run's result to its last byte. False if the client left early
   * or the response outlived `releaseAfter`; undefined if there was no response.
   */
  readonly delivered?: boolean;
}

/**
 * The argument of a pre-hook. Inline: the run's own data, which it may change. In the background: deep copies of the
 * finished run's data. Destructure it; do not spread it.
 */
export interface PreHookContext {
  /** The input; final once the inline pre-hooks have run, and frozen for post-hooks. In the background a copy. */
  readonly runInput: RunInput;
  readonly runContext: RunContext;
  readonly session: Session;
  /** The component the hook is attached to: an immutable definition, never a copy. */
  readonly component: RunnableComponent;
  /** `component`, if it is an agent. */
  readonly agent?: RunnableComponent;
  /** `component`, if it is a team. */
  readonly team?: RunnableComponent;
  /** `component`, if it is a workflow. */
  readonly workflow?: RunnableComponent;
  /** Aborted when the hook's time is up; inline also when the run is cancelled, in the background at shutdown. */
  readonly signal: AbortSignal;
  readonly hook: HookInfo;
}

/** The argument of a post-hook: the context of a pre-hook, and the output. */
export interface PostHookContext extends PreHookContext {
  /** The output of the run; in the background with its final status and metrics. */
  readonly runOutput: RunOutput;
}
