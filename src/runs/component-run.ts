import type { Message } from '../model/message.js';
import type { RunContext } from '../model/run-context.js';
import type { RunEventBody, StepPosition } from '../model/run-event.js';
import type { RunInput } from '../model/run-input.js';
import type { RunOutput } from '../model/run-output.js';
import type { Session } from '../model/session.js';
import type { ActiveRun } from './active-run.js';
import { Conversation } from './conversation.js';
import type { ChildPlace, ComponentRun, RunComponent } from './run.component.js';
import { loadHistory } from './run.session.js';

/** Starts a run below another one. */
export type StartChild = (child: {
  readonly component: RunComponent;
  readonly input: RunInput;
  readonly parent: ActiveRun;
  readonly step?: StepPosition;
  readonly onStart: (run: ActiveRun) => void;
}) => Promise<RunOutput>;

/** What a component may do with its run. An attempt that was abandoned (cancelled, repeated) can do nothing more. */
export class ActiveComponentRun implements ComponentRun {
  readonly runId: string;
  readonly input: RunInput;
  readonly context: RunContext;
  readonly output: RunOutput;
  readonly session: Session;
  readonly conversation = new Conversation();
  readonly #run: ActiveRun;
  readonly #startChild: StartChild;
  #isAbandoned = false;

  constructor(run: ActiveRun, startChild: StartChild) {
    this.#run = run;
    this.#startChild = startChild;
    this.runId = run.runId;
    this.input = run.input;
    this.context = run.context;
    this.output = run.output;
    this.session = run.session;
  }

  get signal(): AbortSignal {
    return this.#run.signal;
  }

  /** The attempt has failed and is repeated: whatever of it still runs has no say any more. */
  abandon(): void {
    this.#isAbandoned = true;
  }

  throwIfAbandoned(): void {
    this.#run.cancellation.throwIfCancelled();
    if (this.#isAbandoned) throw new Error('This attempt has failed and was repeated.');
  }

  history(runs: number): Promise<Message[]> {
    return loadHistory(this.#run, runs);
  }

  appendContent(piece: string): Promise<void> | undefined {
    this.throwIfAbandoned();
    if (piece === '') return undefined;
    const { output, startedAt } = this.#run;
    output.metrics.timeToFirstToken ??= (performance.now() - startedAt) / 1_000;
    output.content += piece;
    return this.emit({ type: 'run-content', content: piece });
  }

  emit(event: RunEventBody): Promise<void> | undefined {
    this.throwIfAbandoned();
    return this.#run.events.emit(event);
  }

  async runChild(
    component: RunComponent,
    content: string,
    { step, toolCallId }: ChildPlace = {},
  ): Promise<RunOutput> {
    this.throwIfAbandoned();
    const { files } = this.#run.input;
    return this.#startChild({
      component,
      input: files ? { content, files: [...files] } : { content },
      parent: this.#run,
      ...(step ? { step } : {}),
      onStart: ({ runId }) => this.#linkCall(toolCallId, runId),
    });
  }

  #linkCall(toolCallId: string | undefined, childRunId: string): void {
    // The last one: there are providers that number the calls of each answer anew.
    const tool = this.#run.output.tools.findLast(({ id }) => id === toolCallId);
    if (tool) tool.childRunId = childRunId;
  }
}
