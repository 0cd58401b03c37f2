import type { ComponentIdentity } from './component-identity.js';
import type { Message } from './message.js';
import type { PlainRecord } from './run-context.js';
import type { RunFile, RunInput } from './run-input.js';
import type { RunSource } from './run-source.js';
import type { RunMetrics } from './run-usage.js';
import type { ToolExecution } from './tool-execution.js';

/**
 * How a run ended.
 *
 * - `completed`: it has an answer.
 * - `rejected`: a hook said no (`InputCheckError`, `OutputCheckError`, an `HttpException` below 500).
 * - `failed`: the engine, a guardrail or another inline hook broke.
 * - `cancelled`: it was stopped from outside.
 */
export type RunOutcome = (typeof RUN_OUTCOMES)[number];

/** Every {@link RunOutcome}. */
export const RUN_OUTCOMES = ['completed', 'rejected', 'failed', 'cancelled'] as const;

/** The status of a run in the AgentOS protocol. A rejected or failed run is `ERROR`. */
export type RunStatus = 'RUNNING' | 'COMPLETED' | 'ERROR' | 'CANCELLED';

/** A model, as it appears in lists, outputs and events. */
export interface ModelIdentity {
  /** The provider's name for it, such as `gpt-5-mini`. */
  readonly id: string;
  readonly provider: string;
  /** For people. Default: the id. */
  readonly name?: string;
}

/** The output of one step or block of a workflow. */
export interface StepOutput {
  /** The id of this execution; a step in a loop has several. */
  readonly stepId: string;
  readonly stepName: string;
  readonly type: 'step' | 'parallel' | 'condition' | 'loop' | 'router';
  readonly content: string;
  /** Structured data, if the step has some. */
  readonly data?: unknown;
  readonly success: boolean;
  /** Why the step failed; only when `success` is false. */
  readonly error?: string;
  /** The component's kind, `function`, or `block`. */
  readonly executor: ComponentIdentity['kind'] | 'function' | 'block';
  readonly executorName: string;
  /** The run of the step's component; absent for functions. */
  readonly runId?: string;
  /** The usage of that run. */
  readonly metrics?: RunMetrics;
  /** The model of that run. */
  readonly model?: ModelIdentity;
  /** The outputs inside a block, in order; of a loop, those of all iterations. */
  readonly steps?: readonly StepOutput[];
}

/** The result of a run. Inline post-hooks may change `content` and `metadata`. */
export interface RunOutput {
  readonly runId: string;
  readonly parentRunId?: string;
  readonly sessionId: string;
  readonly userId?: string;
  readonly component: ComponentIdentity;
  /** After all inline pre-hooks; absent if one of them stopped the run. */
  input?: RunInput;
  /** Set if this run is a step of a workflow; see {@link StepOutput.stepId}. */
  readonly stepId?: string;
  /** Earlier runs of the session that this run replaces in its history, if there are any: {@link RunOptions.replaces}. */
  readonly replaces?: readonly string[];
  /** The answer; for a rejected or failed run the text that may be shown instead. */
  content: string;
  /** The parsed answer, if the engine was asked for structured output; `content` is its JSON text. */
  data?: unknown;
  /**
   * The reasoning of the model before its answer, if the engine reports it. Clients may read it: output guardrails
   * must inspect it like the answer.
   */
  reasoning?: string;
  /** The sources that the answer refers to, if there are any. */
  sources?: RunSource[];
  /** Files that are part of the answer, such as images and audio, if there are any; stored without their content. */
  files?: RunFile[];
  status: RunStatus;
  metrics: RunMetrics;
  /** The model that answered, if the engine has one. */
  readonly model?: ModelIdentity;
  /** The conversation of this run: the user's message, rounds of tool calls, the answer. */
  messages: Message[];
  tools: ToolExecution[];
  metadata: PlainRecord;
  /**
   * Runs of a team's members, of a workflow's steps, and runs that an agent's engine started, in the order in which
   * they settled. The protocol omits those of an agent here; clients read them as runs of the session.
   */
  memberResponses: RunOutput[];
  /** Results of a workflow's steps, in order. */
  stepResults: StepOutput[];
  /** Epoch seconds. */
  readonly createdAt: number;
}
