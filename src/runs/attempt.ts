import type { Message } from '../model/message.js';
import type { RunContext } from '../model/run-context.js';
import type { RunEventBody, StepPosition } from '../model/run-event.js';
import type { RunInput } from '../model/run-input.js';
import type { RunOutput } from '../model/run-output.js';
import type { Session } from '../model/session.js';
import type { ChildPlace, ComponentRun, RunComponent } from './component.port.js';
import { Conversation } from './conversation.js';
import type { RunHandle, RunView } from './run.view.js';

/** A run below another one, as a component asks for it. */
export interface PartRequest {
  readonly component: RunComponent;
  readonly input: RunInput;
  readonly step?: StepPosition;
}

/** What an attempt needs of its run. */
export interface AttemptedRun extends RunView {
  readonly signal: AbortSignal;
  /** @throws RunCancelledError if the run is to stop */
  throwIfCancelled(): void;
  emit(body: RunEventBody): Promise<void> | undefined;
  /** Seconds since the run began. */
  readonly age: number;
  /** Earlier questions and answers of the component in the session, the oldest first. */
  history(runs: number): Promise<Message[]>;
  /** Starts a run below this one. */
  startPart(request: PartRequest): RunHandle;
}

/**
 * One attempt of a component to do its work: what the component may do with its run. An attempt that was abandoned
 * (its run was cancelled, or the attempt failed and is repeated) can do nothing more.
 */
export class Attempt implements ComponentRun {
  readonly runId: string;
  readonly input: RunInput;
  readonly context: RunContext;
  readonly output: RunOutput;
  readonly session: Session;
  readonly conversation = new Conversation();
  readonly #run: AttemptedRun;
  /** The attempt whose content counts, if this one is muted. */
  readonly #audible: Attempt | undefined;
  #isAbandoned = false;

  constructor(run: AttemptedRun, audible?: Attempt) {
    this.#run = run;
    this.#audible = audible;
    this.runId = run.runId;
    this.input = run.input;
    this.context = run.context;
    this.output = run.output;
    this.session = run.session.live;
  }

  get signal(): AbortSignal {
    return this.#run.signal;
  }

  muted(): ComponentRun {
    return new Attempt(this.#run, this);
  }

  /** The attempt has failed and is repeated: whatever of it still runs has no say any more. */
  abandon(): void {
    this.#isAbandoned = true;
  }

  throwIfAbandoned(): void {
    this.#audible?.throwIfAbandoned();
    this.#run.throwIfCancelled();
    if (this.#isAbandoned) throw new Error('This attempt has failed and was repeated.');
  }

  history(runs: number): Promise<Message[]> {
    return this.#run.history(runs);
  }

  appendContent(piece: string): Promise<void> | undefined {
    if (this.#audible) return undefined;
    this.throwIfAbandoned();
    if (piece === '') return undefined;
    const { output } = this.#run;
    output.metrics.timeToFirstToken ??= this.#run.age;
    output.content += piece;
    return this.emit({ type: 'run-content', content: piece });
  }

  emit(event: RunEventBody): Promise<void> | undefined {
    this.throwIfAbandoned();
    return this.#run.emit(event);
  }

  async runChild(
    component: RunComponent,
    content: string,
    { step, toolCallId }: ChildPlace = {},
  ): Promise<RunOutput> {
    this.throwIfAbandoned();
    const { files } = this.#run.input;
    const child = this.#run.startPart({
      component,
      input: files ? { content, files: [...files] } : { content },
      ...(step ? { step } : {}),
    });
    this.#linkCall(toolCallId, child.runId);
    const { output, error } = await child.settled;
    if (error) throw error;
    return output;
  }

  #linkCall(toolCallId: string | undefined, childRunId: string): void {
    // The last one: there are providers that number the calls of each answer anew.
    const tool = this.#run.output.tools.findLast(({ id }) => id === toolCallId);
    if (tool) tool.childRunId = childRunId;
  }
}
