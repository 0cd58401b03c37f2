import type { ComponentIdentity } from './component.js';
import type { PlainRecord } from './run-context.js';
import type { ModelIdentity, RunOutput, StepOutput } from './run-output.js';
import type { ModelRequestMetrics } from './run-usage.js';
import type { ToolExecution } from './tool-execution.js';

/** The place of a step in its workflow; inside blocks the path of places, such as `[0, 1]`. */
export type StepIndex = number | readonly number[];

/** The blocks that steps may stand in. */
export type StepBlock = 'parallel' | 'condition' | 'loop' | 'router';

/** Which execution of which step or block. */
export interface StepPlace {
  readonly stepName: string;
  readonly stepIndex: StepIndex;
  /** Unique for each execution. */
  readonly stepId: string;
  /** The block around it, if there is one. */
  readonly parentStepId?: string;
}

/** Which block of a workflow an event is about, and what it has decided. */
export interface BlockEventFields extends StepPlace {
  readonly block: StepBlock;
  /** Of `parallel`. */
  readonly stepCount?: number;
  /** Of `condition`. */
  readonly conditionResult?: boolean;
  /** Of `loop`. */
  readonly maxIterations?: number;
  /** Of `router`: names of the chosen routes. */
  readonly selected?: readonly string[];
}

/** What a block has done, beside its output. */
export interface BlockResultFields {
  /** Of `condition`: the side that ran; absent if there was none for what it has decided. */
  readonly branch?: 'then' | 'else';
  /** Of `loop`: the outputs of each iteration. */
  readonly iterations?: readonly (readonly StepOutput[])[];
}

/** Which iteration of which loop an event is about; the first is 1. */
export interface IterationEventFields extends StepPlace {
  readonly iteration: number;
  readonly maxIterations: number;
}

/** Where in a workflow an event happened. */
export interface StepPosition extends StepPlace {
  readonly workflowId: string;
  readonly workflowRunId: string;
}

/** What every event of a run carries. */
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

/** What can happen during a run, without the fields that every event has. */
export type RunEventBody =
  | { readonly type: 'run-started'; readonly model?: ModelIdentity }
  | { readonly type: 'run-content'; readonly content: string }
  | { readonly type: 'run-content-completed' }
  | {
      readonly type: 'run-completed';
      readonly output: RunOutput;
      /** The session's state as the run has left it. */
      readonly sessionState: PlainRecord;
    }
  | {
      readonly type: 'run-error';
      /** Safe to show: never a stack, a cause or a rejected answer. */
      readonly content: string;
      readonly errorType: string;
      readonly errorId?: string;
      readonly additionalData?: Readonly<Record<string, unknown>>;
    }
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
  | ({ readonly type: 'block-started' } & BlockEventFields)
  | ({ readonly type: 'block-completed'; readonly output: StepOutput } & BlockEventFields & BlockResultFields)
  | ({ readonly type: 'loop-iteration-started' } & IterationEventFields)
  | ({
      readonly type: 'loop-iteration-completed';
      readonly outputs: readonly StepOutput[];
      readonly shouldContinue: boolean;
    } & IterationEventFields);

/** One event of a run, as `AgentOsService.stream()` yields it and the event stream of the protocol shows it. */
export type RunEvent = RunEventBase & RunEventBody;
