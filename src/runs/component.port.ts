import type { HookedComponent } from '../hooks/hooked-component.js';
import type { Message } from '../model/message.js';
import type { RunContext } from '../model/run-context.js';
import type { RunEventBody, StepPosition } from '../model/run-event.js';
import type { RunInput } from '../model/run-input.js';
import type { ModelIdentity, RunOutput } from '../model/run-output.js';
import type { Session } from '../model/session.js';
import type { Conversation } from './conversation.js';

/** A component as the run pipeline sees it: what happens between the pre-hooks and the post-hooks. */
export interface RunComponent extends HookedComponent {
  /** How often a failed execution is repeated, without its hooks. */
  readonly retries: number;
  /** Milliseconds that a run may take; Infinity for no limit, undefined for that of the module. */
  readonly timeout: number | undefined;
  /** The model of its engine, if it has one. */
  readonly model: ModelIdentity | undefined;
  /** Does the work and writes the answer into the run's output. */
  execute(run: ComponentRun): Promise<void>;
}

/** A run as its component sees it. */
export interface ComponentRun {
  readonly runId: string;
  readonly input: RunInput;
  readonly context: RunContext;
  readonly output: RunOutput;
  readonly session: Session;
  /** Aborted when the run is cancelled. */
  readonly signal: AbortSignal;
  /** Throws if the run was cancelled or its attempt repeated: nothing is written into its output any more. */
  throwIfAbandoned(): void;
  /** Earlier questions and answers of this component in this session, the oldest first. */
  history(runs: number): Promise<Message[]>;
  /** Adds to the answer and streams the piece. */
  appendContent(piece: string): Promise<void> | undefined;
  /** Streams an event; resolves when the reader can take more. */
  emit(event: RunEventBody): Promise<void> | undefined;
  /** What its engine says, message by message. */
  readonly conversation: Conversation;
  /** The same run for an engine whose text is not part of the answer: its content and its messages are ignored. */
  muted(): ComponentRun;
  /** Runs another component as a part of this run, with the same files. */
  runChild(component: RunComponent, input: string, place?: ChildPlace): Promise<RunOutput>;
}

/** What has started a run below another one. */
export interface ChildPlace {
  readonly step?: StepPosition;
  /** A tool call of the run above, which is told which run it has started. */
  readonly toolCallId?: string;
}
