import type { ComponentIdentity } from './component.js';
import type { RunOutput, StepOutput, ToolExecution } from './run-output.js';

/** Where in a workflow an event happened. */
export interface StepPosition {
  readonly workflowId: string;
  readonly workflowRunId: string;
  readonly stepName: string;
  readonly stepIndex: number;
}

/** What every event of a run carries. */
export interface RunEventBase {
  /** Epoch seconds. */
  readonly createdAt: number;
  readonly component: ComponentIdentity;
  readonly runId: string;
  readonly parentRunId?: string;
  readonly sessionId: string;
  /** Set on the events of a run that is a step of a workflow. */
  readonly step?: StepPosition;
}

/** What can happen during a run, without the fields that every event has. */
export type RunEventBody =
  | { readonly type: 'run-started' }
  | { readonly type: 'run-content'; readonly content: string }
  | { readonly type: 'run-content-completed' }
  | { readonly type: 'run-completed'; readonly output: RunOutput }
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
  | { readonly type: 'tool-call-started'; readonly tool: ToolExecution }
  | { readonly type: 'tool-call-completed'; readonly tool: ToolExecution }
  | { readonly type: 'tool-call-failed'; readonly tool: ToolExecution; readonly error: string }
  | { readonly type: 'step-started'; readonly stepName: string; readonly stepIndex: number }
  | { readonly type: 'step-completed'; readonly stepIndex: number; readonly output: StepOutput };

/** One event of a run, as `AgentOsService.stream()` yields it and the event stream of the protocol shows it. */
export type RunEvent = RunEventBase & RunEventBody;
