import type { HookedComponent } from '../hooks/hooked-component.js';
import type { Message } from '../model/message.js';
import type { PlainRecord, RunContext } from '../model/run-context.js';
import type { RunEventBody, StepPosition } from '../model/run-event.js';
import type { RunFile, RunInput } from '../model/run-input.js';
import type { ModelIdentity, RunOutput, StepOutput } from '../model/run-output.js';
import type { RunSource } from '../model/run-source.js';
import type { FinishReason, ModelRequestMetrics, RunUsage } from '../model/run-usage.js';
import type { Session } from '../model/session.js';
import type { ToolExecution } from '../model/tool-execution.js';
import type { RunWork } from '../telemetry/telemetry.js';

/** A component as the run pipeline sees it: the work between the pre-hooks and the post-hooks. */
export interface RunComponent extends HookedComponent {
  /** How often a failed execution is repeated, without its hooks. */
  readonly retries: number;
  /** Milliseconds that a run may take; Infinity for no limit, undefined for that of the module. */
  readonly timeout: number | undefined;
  /** The model of its engine, if it has one. */
  readonly model: ModelIdentity | undefined;
  /** Does the work and writes the answer into the run's output. Returns nothing if there is nothing to wait for. */
  execute(run: ComponentRun): Promise<void> | undefined;
}

/** A run as its component sees it. */
export interface ComponentRun {
  readonly runId: string;
  readonly input: RunInput;
  readonly context: RunContext;
  /** The output so far; written by the methods below. */
  readonly output: Readonly<RunOutput>;
  readonly session: Session;
  /** Aborted when the run is cancelled. */
  readonly signal: AbortSignal;
  /** Throws if the run was cancelled or its attempt repeated: nothing is written into its output any more. */
  throwIfAbandoned(): void;
  /** Earlier questions and answers of this component in this session, the oldest first. */
  history(runs: number): Promise<Message[]> | undefined;
  /** Adds to the answer and streams the piece. */
  addText(piece: string): Promise<void> | undefined;
  /** Adds to the reasoning and streams the piece. */
  addReasoning(piece: string): Promise<void> | undefined;
  /** Adds a source of the answer and streams it. */
  addSource(source: RunSource): Promise<void> | undefined;
  /** Adds a file to the answer and streams it. */
  addFile(file: RunFile): Promise<void> | undefined;
  /** Sets the answer without streaming it: its pieces were streamed by the runs below. */
  setContent(content: string): void;
  /** Sets the structured answer; undefined removes it. */
  setData(data: unknown): void;
  /** A request to the model of the engine begins. */
  startRequest(): Promise<void> | undefined;
  /** The request has ended. */
  endRequest(used: ModelRequestMetrics): Promise<void> | undefined;
  /** Adds to the run's usage. */
  addUsage(usage: RunUsage): void;
  /** Why the answer is incomplete; undefined if it is complete. The last request to a model decides. */
  setFinishReason(reason: FinishReason | undefined): void;
  /** The engine calls a tool. */
  startTool(call: Pick<ToolExecution, 'id' | 'name' | 'arguments'>): Promise<void> | undefined;
  /** Whether the engine has called a tool under this id. */
  hasTool(id: string): boolean;
  /** The latest call with this id has ended. */
  endTool(id: string, result: string, failed: boolean): Promise<void> | undefined;
  /** Adds tool calls that have ended already. */
  addTools(tools: readonly ToolExecution[]): void;
  addMetadata(metadata: Readonly<PlainRecord>): void;
  /** Adds the result of a step of a workflow. */
  addStepResult(output: StepOutput): void;
  /** Streams an event; resolves when the reader can take more. */
  emit(event: RunEventBody): Promise<void> | undefined;
  /** Runs the callback as a step or a tool call of the run, for telemetry. */
  enterWork<R>(work: RunWork, callback: () => R): R;
  /** The same run for an engine whose text is not part of the answer: the parts of its answer are ignored. */
  muted(): ComponentRun;
  /** Runs another component as a part of this run, with the same files. */
  runPart(component: RunComponent, input: string, place?: PartPlace): Promise<RunOutput>;
}

/** The parts of an answer that are streamed. */
export interface AnswerParts {
  readonly content: string;
  readonly reasoning?: string | undefined;
  readonly sources?: readonly RunSource[] | undefined;
  readonly files?: readonly RunFile[] | undefined;
}

/** The step or the tool call that starts a part. */
export interface PartPlace {
  readonly step?: StepPosition;
  /** A tool call of the run above; it records the id of the run that it has started. */
  readonly toolCallId?: string;
}
