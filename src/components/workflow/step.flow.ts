import { randomUUID } from 'node:crypto';

import { AgentRunError } from '../../errors/agent-run.error.js';
import { CheckError } from '../../errors/check.errors.js';
import { RunCancelledError, RunHttpError, StepFailedError } from '../../errors/run.errors.js';
import { HttpException } from '@nestjs/common';
import type { RunEventBody, StepPlace, StepPosition } from '../../model/run-event.js';
import type { StepOutput } from '../../model/run-output.js';
import type { ComponentRun } from '../../runs/component.port.js';
import { insideOf, type StepSeat } from './block-output.js';
import type { StepRequest } from './step.request.js';
import type { WorkflowNode } from './workflow-node.js';

/** What came of steps that ran one after another. */
export interface SequenceResult {
  /** The content of the last step that has an answer; the input if there is none. */
  readonly content: string;
  readonly outputs: readonly StepOutput[];
}

/** One run of a workflow, as its steps and blocks see it. */
export class StepFlow {
  readonly position: Pick<StepPosition, 'workflowId' | 'workflowRunId'>;
  readonly #latest = new Map<string, StepOutput>();

  constructor(
    readonly workflowId: string,
    readonly run: ComponentRun,
  ) {
    this.position = { workflowId, workflowRunId: run.runId };
  }

  get signal(): AbortSignal {
    return this.run.signal;
  }

  emit(event: RunEventBody): Promise<void> | undefined {
    return this.run.emit(event);
  }

  /** Runs a step or block. */
  async execute(node: WorkflowNode, input: string, seat: StepSeat): Promise<StepOutput> {
    this.signal.throwIfAborted();
    const place: StepPlace = { stepName: node.name, stepId: randomUUID(), ...seat };
    try {
      const output = await node.execute(this, input, place);
      this.signal.throwIfAborted();
      this.record(output);
      return output;
    } catch (thrown) {
      this.signal.throwIfAborted();
      const failure = this.failureOf(node, thrown);
      this.record(this.failedOutput(node, place, failure));
      throw failure;
    }
  }

  /** The output of a step or block that failed: it has no answer. */
  failedOutput(
    { identity }: WorkflowNode,
    { stepId }: StepPlace,
    { publicMessage: error }: AgentRunError,
  ): StepOutput {
    return { stepId, ...identity, content: '', success: false, error };
  }

  /** Runs the steps of a block one after another; each gets the content of the last one before that has an answer. */
  async sequence(nodes: readonly WorkflowNode[], input: string, block: StepPlace): Promise<SequenceResult> {
    const outputs: StepOutput[] = [];
    let content = input;
    for (const [position, node] of nodes.entries()) {
      const output = await this.execute(node, content, insideOf(block, position));
      outputs.push(output);
      if (output.success) content = output.content;
    }
    return { content, outputs };
  }

  /** Remembers the latest output of a step. */
  record(output: StepOutput): void {
    this.#latest.set(output.stepName, output);
  }

  /** What a function in this workflow gets. */
  request(input: string): StepRequest {
    const { input: workflowInput, context, session, signal, output } = this.run;
    return {
      input,
      workflowInput: workflowInput.content,
      previous: [...output.stepResults],
      context,
      session,
      signal,
      outputOf: (name) => this.outputOf(name),
      dataOf: <T>({ name }: { readonly name: string }) => this.outputOf(name).data as T,
    };
  }

  /** The error with which the workflow ends. A verdict stays what it is; anything else is the named step's failure. */
  failureOf({ name }: WorkflowNode, thrown: unknown): AgentRunError {
    if (thrown instanceof StepFailedError || thrown instanceof CheckError) return thrown;
    if (thrown instanceof RunCancelledError || thrown instanceof RunHttpError) return thrown;
    if (thrown instanceof HttpException && !(thrown instanceof AgentRunError))
      return new RunHttpError(thrown);
    return new StepFailedError(name, this.workflowId, thrown);
  }

  /**
   * The latest output of a step or block.
   *
   * @throws Error if it has not run
   */
  outputOf(name: string): StepOutput {
    const output = this.#latest.get(name);
    if (output) return output;
    throw new Error(`Step "${name}" of workflow "${this.workflowId}" has not run.`);
  }
}
