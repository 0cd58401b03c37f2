import { assignOwn } from '../data/assign-own.js';
import { millisecondsSince, now } from '../model/clock.js';
import type { Message } from '../model/message.js';
import type { PlainRecord, RunContext } from '../model/run-context.js';
import type { RunEventBody, StepPosition } from '../model/run-event.js';
import type { RunFile, RunInput } from '../model/run-input.js';
import type { RunOutput, StepOutput } from '../model/run-output.js';
import type { RunSource } from '../model/run-source.js';
import { sumUsage, type FinishReason, type ModelRequestMetrics, type RunUsage } from '../model/run-usage.js';
import type { Session } from '../model/session.js';
import type { ToolExecution } from '../model/tool-execution.js';
import type { RunWork } from '../telemetry/telemetry.js';
import type { PartPlace, ComponentRun, RunComponent } from './component.port.js';
import type { Cancellation } from './cancellation.js';
import { Conversation, loadHistory } from './conversation.js';
import type { RunEnvironment } from './environment.js';
import type { RunData } from './run.data.js';
import type { RunHandle, RunView } from './run.view.js';

/** A run below another one, as a component asks for it. */
export interface PartRequest {
  readonly component: RunComponent;
  readonly input: RunInput;
  readonly step?: StepPosition;
}

/** The interface of a run that its attempts use. */
export interface AttemptedRun extends RunView {
  readonly environment: RunEnvironment;
  emit(body: RunEventBody): Promise<void> | undefined;
  /** Runs the callback as a step or a tool call of the run, for telemetry. */
  enterWork<R>(work: RunWork, callback: () => R): R;
  /** Starts a run below this one. */
  startPart(request: PartRequest): RunHandle;
}

/**
 * One attempt of a component to do its work: the component's access to its run. An attempt that was abandoned
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
  readonly #data: RunData;
  readonly #cancellation: Cancellation;
  /** The attempt whose content counts, if this one is muted. */
  readonly #audible: Attempt | undefined;
  #isAbandoned = false;

  constructor(run: AttemptedRun, data: RunData, cancellation: Cancellation, audible?: Attempt) {
    this.#run = run;
    this.#data = data;
    this.#cancellation = cancellation;
    this.#audible = audible;
    this.runId = run.runId;
    this.input = data.input;
    this.context = data.context;
    this.output = data.output;
    this.session = data.session;
  }

  get signal(): AbortSignal {
    return this.#cancellation.signal;
  }

  muted(): ComponentRun {
    return new Attempt(this.#run, this.#data, this.#cancellation, this);
  }

  /** The attempt has failed and is repeated: code of it that still runs can change nothing. */
  abandon(): void {
    this.#isAbandoned = true;
  }

  throwIfAbandoned(): void {
    this.#audible?.throwIfAbandoned();
    this.#cancellation.throwIfCancelled();
    if (this.#isAbandoned) throw new Error('This attempt has failed and was repeated.');
  }

  history(runs: number): Promise<Message[]> | undefined {
    const { session, parent, environment } = this.#run;
    const isNew = !session.isNamed && !parent;
    const { sessions } = environment;
    return isNew || !sessions ? undefined : loadHistory(sessions, this.#run, runs);
  }

  addText(piece: string): Promise<void> | undefined {
    if (piece !== '') this.conversation.addText(piece);
    if (this.#audible) return undefined;
    this.throwIfAbandoned();
    if (piece === '') return undefined;
    const { output } = this.#data;
    output.metrics.timeToFirstToken ??= millisecondsSince(this.#run.startedAt) / 1_000;
    output.content += piece;
    return this.emit({ type: 'run-content', content: piece });
  }

  addReasoning(piece: string): Promise<void> | undefined {
    if (this.#audible) return undefined;
    this.throwIfAbandoned();
    if (piece === '') return undefined;
    const { output } = this.#data;
    output.reasoning = (output.reasoning ?? '') + piece;
    return this.emit({ type: 'run-reasoning', content: piece });
  }

  addSource(given: RunSource): Promise<void> | undefined {
    if (this.#audible) return undefined;
    this.throwIfAbandoned();
    const source = { ...given };
    (this.#data.output.sources ??= []).push(source);
    return this.emit({ type: 'run-source', source });
  }

  addFile(given: RunFile): Promise<void> | undefined {
    if (this.#audible) return undefined;
    this.throwIfAbandoned();
    const file = { ...given };
    (this.#data.output.files ??= []).push(file);
    return this.emit({ type: 'run-file', file });
  }

  setContent(content: string): void {
    this.#data.output.content = content;
  }

  setData(data: unknown): void {
    const { output } = this.#data;
    if (data === undefined) delete output.data;
    else output.data = data;
  }

  startRequest(): Promise<void> | undefined {
    this.conversation.startRequest();
    return this.emit({ type: 'model-request-started', ...this.#model });
  }

  endRequest(used: ModelRequestMetrics): Promise<void> | undefined {
    this.addUsage(used);
    this.setFinishReason(used.finishReason);
    const metrics = this.conversation.endRequest(used);
    return this.emit({ type: 'model-request-completed', metrics, ...this.#model });
  }

  addUsage(usage: RunUsage): void {
    const { metrics } = this.#data.output;
    Object.assign(metrics, sumUsage(metrics, usage));
  }

  setFinishReason(reason: FinishReason | undefined): void {
    const { metrics } = this.#data.output;
    if (reason === undefined) delete metrics.finishReason;
    else metrics.finishReason = reason;
  }

  startTool(call: Pick<ToolExecution, 'id' | 'name' | 'arguments'>): Promise<void> | undefined {
    const tool: ToolExecution = { ...call, startedAt: now() };
    this.#data.output.tools.push(tool);
    this.conversation.addCall(tool);
    // A copy of the present state: the tool itself gets its result later.
    return this.emit({ type: 'tool-call-started', tool: { ...tool } });
  }

  hasTool(id: string): boolean {
    return this.#findTool(id) !== undefined;
  }

  endTool(id: string, result: string, failed: boolean): Promise<void> | undefined {
    const tool = this.#findTool(id);
    if (!tool) return undefined;
    Object.assign(tool, { result, failed, endedAt: now() });
    this.conversation.addResult(tool);
    return this.emit(
      failed ? { type: 'tool-call-failed', tool, error: result } : { type: 'tool-call-completed', tool },
    );
  }

  addTools(tools: readonly ToolExecution[]): void {
    this.#data.output.tools.push(...tools);
  }

  addMetadata(metadata: Readonly<PlainRecord>): void {
    assignOwn(this.#data.output.metadata, metadata);
  }

  addStepResult(output: StepOutput): void {
    this.#data.output.stepResults.push(output);
  }

  emit(event: RunEventBody): Promise<void> | undefined {
    this.throwIfAbandoned();
    return this.#run.emit(event);
  }

  enterWork<R>(work: RunWork, callback: () => R): R {
    return this.#run.enterWork(work, callback);
  }

  async runPart(
    component: RunComponent,
    content: string,
    { step, toolCallId }: PartPlace = {},
  ): Promise<RunOutput> {
    this.throwIfAbandoned();
    const { files } = this.#data.input;
    const request: PartRequest = {
      component,
      input: files ? { content, files: [...files] } : { content },
      ...(step ? { step } : {}),
    };
    const start = (): RunHandle => this.#run.startPart(request);
    const part =
      toolCallId === undefined ? start() : this.enterWork({ kind: 'tool-call', id: toolCallId }, start);
    this.#linkCall(toolCallId, part.runId);
    const { output, error } = await part.settled;
    if (error) throw error;
    return output;
  }

  #linkCall(toolCallId: string | undefined, childRunId: string): void {
    const tool = toolCallId === undefined ? undefined : this.#findTool(toolCallId);
    if (tool) tool.childRunId = childRunId;
  }

  /** The last call with this id: some providers start at the same number in each answer. */
  #findTool(toolCallId: string): ToolExecution | undefined {
    return this.#data.output.tools.findLast(({ id }) => id === toolCallId);
  }

  get #model(): Pick<RunOutput, 'model'> {
    const { model } = this.#data.output;
    return model ? { model } : {};
  }
}
