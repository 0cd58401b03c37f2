import { AgentRunError } from '../../errors/agent-run.error.js';
import { CheckError } from '../../errors/check.errors.js';
import { RunCancelledError, RunHttpError, StepFailedError } from '../../errors/run.errors.js';
import { HttpException } from '@nestjs/common';
import type { RunEventBody, StepPlace, StepPosition } from '../../model/run-event.js';
import type { RunOutput, StepOutput } from '../../model/run-output.js';
import type { ComponentRun, RunComponent } from '../../runs/component.port.js';
import { insideOf } from './block-output.js';
import type { StepRequest } from './step.request.js';
import type { SequenceResult, StepContext, StepSeat, WorkflowNode } from './workflow-node.js';
import { newId } from '../../model/ids.js';

/** One run of a workflow, as its steps and blocks see it. */
export class StepFlow implements StepContext {
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

  enter<R>({ stepId: id }: StepPlace, callback: () => R): R {
    return this.run.enterWork({ kind: 'step', id }, callback);
  }

  runPart(component: RunComponent, input: string, step: StepPosition): Promise<RunOutput> {
    return this.run.runPart(component, input, { step });
  }

  async execute(node: WorkflowNode, input: string, seat: StepSeat): Promise<StepOutput> {
    this.signal.throwIfAborted();
    const place: StepPlace = { stepName: node.name, stepId: newId(), ...seat };
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

  failedOutput(
    { identity }: WorkflowNode,
    { stepId }: StepPlace,
    { publicMessage: error }: AgentRunError,
  ): StepOutput {
    return { stepId, ...identity, content: '', success: false, error };
  }

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
