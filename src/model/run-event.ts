import type { ComponentIdentity } from './component-identity.js';
import type { PlainRecord } from './run-context.js';
import type { RunFile } from './run-input.js';
import type { ModelIdentity, RunOutput, StepOutput } from './run-output.js';
import type { RunSource } from './run-source.js';
import type { ModelRequestMetrics } from './run-usage.js';
import type { ToolExecution } from './tool-execution.js';

/** The index of a step in its workflow; inside blocks the path of indices, such as `[0, 1]`. */
export type StepIndex = number | readonly number[];

/** The kinds of blocks. */
export type StepBlock = 'parallel' | 'condition' | 'loop' | 'router';

/** One execution of a step or block. */
export interface StepPlace {
  readonly stepName: string;
  readonly stepIndex: StepIndex;
  /** Unique for each execution. */
  readonly stepId: string;
  /** The block around it, if there is one. */
  readonly parentStepId?: string;
}

/** The decision of a block, before its steps run. */
export type BlockEventFields =
  | { readonly block: 'parallel'; readonly stepCount: number }
  | { readonly block: 'condition'; readonly conditionResult: boolean }
  | { readonly block: 'loop'; readonly maxIterations: number }
  /** `selected`: the names of the chosen routes. */
  | { readonly block: 'router'; readonly selected: readonly string[] };

/** The result of a block, besides its decision and its output. */
export type BlockResultFields =
  | { readonly block: 'parallel' | 'router' }
  /** The branch that ran; absent if its result has no branch. */
  | { readonly block: 'condition'; readonly branch?: 'then' | 'else' }
  /** The outputs of each iteration. */
  | { readonly block: 'loop'; readonly iterations: readonly (readonly StepOutput[])[] };

/** The loop and iteration of an event; the first iteration is 1. */
export interface IterationEventFields extends StepPlace {
  readonly iteration: number;
  readonly maxIterations: number;
}

/** The part of the error of a run that clients may see. */
export interface RunErrorFields {
  /** Safe to show: never a stack, a cause or a rejected answer. */
  readonly content: string;
  readonly errorType: string;
  readonly errorId?: string;
  readonly additionalData?: Readonly<Record<string, unknown>>;
}

/** Where in a workflow an event happened. */
export interface StepPosition extends StepPlace {
  readonly workflowId: string;
  readonly workflowRunId: string;
}

/** The fields that all events of a run share. */
export interface RunEventBase {
  /** Epoch seconds. */
  readonly createdAt: number;
  readonly component: ComponentIdentity;
  readonly runId: string;
  readonly parentRunId?: string;
  readonly sessionId: string;
  /** Set on the events of a run that is a step of a workflow, and of runs below it. */
  readonly step?: StepPosition;
  /** How many workflows deep: 0, or more inside nested workflows. */
  readonly nestedDepth: number;
}

/** The events of a run, without the fields that all of them share. */
export type RunEventBody =
  | { readonly type: 'run-started'; readonly model?: ModelIdentity }
  | { readonly type: 'run-content'; readonly content: string }
  /** A piece of the model's reasoning. */
  | { readonly type: 'run-reasoning'; readonly content: string }
  /** A source that the answer refers to. */
  | { readonly type: 'run-source'; readonly source: RunSource }
  /** A file that is part of the answer. */
  | { readonly type: 'run-file'; readonly file: RunFile }
  | { readonly type: 'run-content-completed' }
  | {
      readonly type: 'run-completed';
      readonly output: RunOutput;
      /** The session's state at the end of the run. */
      readonly sessionState: PlainRecord;
    }
  | ({ readonly type: 'run-error' } & RunErrorFields)
  | { readonly type: 'run-cancelled'; readonly output: RunOutput; readonly reason: string }
  | { readonly type: 'pre-hook-started'; readonly hook: string }
  | {
      readonly type: 'pre-hook-completed';
      readonly hook: string;
      readonly error?: string;
    }
  | { readonly type: 'post-hook-started'; readonly hook: string }
  | { readonly type: 'post-hook-completed'; readonly hook: string; readonly error?: string }
  | { readonly type: 'model-request-started'; readonly model?: ModelIdentity }
  | {
      readonly type: 'model-request-completed';
      readonly model?: ModelIdentity;
      readonly metrics: ModelRequestMetrics;
    }
  | { readonly type: 'tool-call-started'; readonly tool: ToolExecution }
  | { readonly type: 'tool-call-completed'; readonly tool: ToolExecution }
  | { readonly type: 'tool-call-failed'; readonly tool: ToolExecution; readonly error: string }
  | ({ readonly type: 'step-started' } & StepPlace)
  | ({ readonly type: 'step-completed'; readonly output: StepOutput } & StepPlace)
  | ({ readonly type: 'block-started' } & StepPlace & BlockEventFields)
  | ({ readonly type: 'block-completed'; readonly output: StepOutput } & StepPlace &
      BlockEventFields &
      BlockResultFields)
  | ({ readonly type: 'loop-iteration-started' } & IterationEventFields)
  | ({
      readonly type: 'loop-iteration-completed';
      readonly outputs: readonly StepOutput[];
      readonly shouldContinue: boolean;
    } & IterationEventFields);

/** One event of a run, as `AgentOsService.stream()` yields it and the event stream of the protocol shows it. */
export type RunEvent = RunEventBase & RunEventBody;

const ANSWER_PIECES = ['run-content', 'run-reasoning', 'run-source', 'run-file'] as const;
const TYPES_OF_ANSWER_PIECES: ReadonlySet<string> = new Set(ANSWER_PIECES);

/** The events that carry the pieces of an answer. They are streamed, and not stored: the output has the whole answer. */
export type AnswerPiece = Extract<RunEventBody, { readonly type: (typeof ANSWER_PIECES)[number] }>;

/** Whether an event carries a piece of an answer. */
export function isAnswerPiece({ type }: Pick<RunEventBody, 'type'>): boolean {
  return TYPES_OF_ANSWER_PIECES.has(type);
}
