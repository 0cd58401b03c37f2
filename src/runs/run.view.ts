import type { HookExecution, HookPosition } from '../execution/hook-execution.js';
import type { ComponentIdentity } from '../model/component-identity.js';
import type { RunActivity } from '../model/run-activity.js';
import type { RunContext } from '../model/run-context.js';
import type { RunInput } from '../model/run-input.js';
import type { RunOutcome, RunOutput } from '../model/run-output.js';
import type { OpenSession } from '../sessions/open-session.js';
import type { AgentRunError } from '../errors/agent-run.error.js';
import type { RunComponent } from './component.port.js';

/**
 * How far a run has got.
 *
 * - `pre`: its session is opened, its pre-hooks run.
 * - `executing`: its component is at work.
 * - `post`: its post-hooks run.
 * - `settled`: its outcome and its output are final, unless a durable executor cannot store its hooks: then it fails.
 */
export type RunPhase = 'pre' | 'executing' | 'post' | 'settled';

/** The time by which a run must have ended. */
export interface TimeLimit {
  /** In the time of `performance.now()`. */
  readonly endsAt: number;
  /** Milliseconds; Infinity for no limit. */
  readonly timeout: number;
}

/** A run as everything but the run itself sees it: nothing here can be written. */
export interface RunView {
  readonly runId: string;
  readonly component: RunComponent;
  readonly identity: ComponentIdentity;
  readonly position: HookPosition;
  readonly parent: RunView | undefined;
  /** In the time of `performance.now()`. */
  readonly startedAt: number;
  readonly session: OpenSession;
  /** The user whom the caller or the run above has named. */
  readonly namedUserId: string | undefined;
  /** The user on whose behalf it runs: the one that the host has named, even if a hook has changed the context. */
  readonly userId: string | undefined;
  readonly input: Readonly<RunInput>;
  readonly context: RunContext;
  readonly output: Readonly<RunOutput>;
  readonly phase: RunPhase;
  /** The attempts, model requests, tool calls and steps of the run itself, the first 200. */
  readonly activities: readonly RunActivity[];
  /** How the run ended; undefined as long as it has not settled. */
  readonly outcome: RunOutcome | undefined;
  /** The run ended before its component was asked: a pre-hook has rejected the input, say. */
  readonly endedBeforeExecution: boolean;
  /** A guardrail of a run above has refused or not seen the run: it is stored without its answer. */
  readonly isWithdrawn: boolean;
  /** A hook has started the run for itself, and it is not stored. */
  readonly isAside: boolean;
}

/** The reason why a run in flight waits. `reader`: it takes no more events; `member`: a run below is at work. */
export type RunWait = 'store' | 'hook' | 'engine' | 'member' | 'reader';

/** A run in flight: it can be watched and stopped. */
export interface StoppableRun extends RunView {
  /** Of the latest event of the run or of a run below it, in the time of `performance.now()`. */
  readonly shownAt: number;
  readonly timeLimit: TimeLimit;
  readonly waitsFor: RunWait;
  /** The name of the inline hook that is at work. */
  readonly inlineHook: string | undefined;
  /** The run is the first of its tree, and no hook has started it. */
  readonly isRoot: boolean;
  /** Shutdown has cancelled the run: background hooks that it would have released are dropped. */
  readonly isShutDown: boolean;
  /** Stops the run at its next wait. Once it has settled, its outcome stands, and it waits no longer to be stored. */
  cancel(reason: string): void;
  /** As `cancel`, but the run ends with this error. */
  stop(error: AgentRunError): void;
  /** Stops the run because the application shuts down. */
  shutDown(): void;
  /** Drops the background hooks that the run's tree has collected. */
  dropHooks(): void;
}

/** How a run has ended. */
export interface RunEnd {
  readonly outcome: RunOutcome;
  readonly output: RunOutput;
  /** Why the run did not complete; carries the output. */
  readonly error?: AgentRunError;
}

/** A run that was started. */
export interface RunHandle extends StoppableRun {
  /** Resolves when the run has settled and its last event was read. Never rejects. */
  readonly settled: Promise<RunEnd>;
  /** AgentOS conducts the run, or it is part of a run or hook: its caller is not the only one to see how it ends. */
  readonly isConducted: boolean;
  /** The executions of the background hooks that the run's tree has reached so far. */
  readonly backgroundHooks: readonly HookExecution[];
  /** The reader of the run's events has left: the run goes on or is cancelled, as `onDisconnect` says. */
  readerLeft(): void;
}
