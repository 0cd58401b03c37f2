import { AgentOsConfigurationError } from '../../errors/agent-os-configuration.error.js';
import type { AgentRunError } from '../../errors/agent-run.error.js';
import type { RunEventBody, StepPlace, StepPosition } from '../../model/run-event.js';
import type { RunOutput, StepOutput } from '../../model/run-output.js';
import type { Component } from '../component.js';
import type { RunComponent } from '../../runs/component.port.js';
import type { StepRequest } from './step.request.js';

/** The identity of a step or block in outputs. */
export type StepIdentity = Pick<StepOutput, 'stepName' | 'type' | 'executor' | 'executorName'>;

/** The place of a step in its workflow, known before the step runs. */
export type StepSeat = Pick<StepPlace, 'stepIndex' | 'parentStepId'>;

/** The result of steps that ran one after another. */
export interface SequenceResult {
  /** The content of the last step that has an answer; the input if there is none. */
  readonly content: string;
  readonly outputs: readonly StepOutput[];
}

/** One run of a workflow, as its steps and blocks see it. */
export interface StepContext {
  readonly signal: AbortSignal;
  readonly position: Pick<StepPosition, 'workflowId' | 'workflowRunId'>;
  emit(event: RunEventBody): Promise<void> | undefined;
  /** Runs the callback as the work of a step that has started, for telemetry. */
  enter<R>(place: StepPlace, callback: () => R): R;
  /** Runs a step or block. */
  execute(node: WorkflowNode, input: string, seat: StepSeat): Promise<StepOutput>;
  /** Runs the steps of a block one after another; each gets the content of the last one before that has an answer. */
  sequence(nodes: readonly WorkflowNode[], input: string, block: StepPlace): Promise<SequenceResult>;
  /** Runs the component of a step as a part of the workflow's run. */
  runPart(component: RunComponent, input: string, step: StepPosition): Promise<RunOutput>;
  /** The request for a function in the workflow. */
  request(input: string): StepRequest;
  /** The error with which the workflow ends. A verdict is kept; any other error becomes the named step's failure. */
  failureOf(node: WorkflowNode, thrown: unknown): AgentRunError;
  /** The output of a step or block that failed: it has no answer. */
  failedOutput(node: WorkflowNode, place: StepPlace, failure: AgentRunError): StepOutput;
}

/** A step of a workflow, or a block of steps. */
export abstract class WorkflowNode {
  /** @throws AgentOsConfigurationError if the name is empty */
  protected constructor(
    readonly name: string,
    kind: string,
  ) {
    if (typeof name !== 'string' || name.trim() === '') {
      throw new AgentOsConfigurationError(`${kind}() expects a name, got ${JSON.stringify(name)}.`);
    }
  }

  /** The nodes inside. */
  abstract readonly nodes: readonly WorkflowNode[];

  /** Its identity in outputs. */
  abstract readonly identity: StepIdentity;

  /** @internal */
  abstract execute(flow: StepContext, input: string, place: StepPlace): Promise<StepOutput>;

  /** The components that run here and inside. */
  get components(): readonly Component[] {
    return this.nodes.flatMap((node) => node.components);
  }
}
