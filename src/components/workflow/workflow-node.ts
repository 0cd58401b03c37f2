import { AgentOsConfigurationError } from '../../errors/agent-os-configuration.error.js';
import type { StepPlace } from '../../model/run-event.js';
import type { StepOutput } from '../../model/run-output.js';
import type { Component } from '../component.js';
import type { StepFlow } from './step.flow.js';

/** Who a step or block is in outputs. */
export type StepIdentity = Pick<StepOutput, 'stepName' | 'type' | 'executor' | 'executorName'>;

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

  /** What stands inside. */
  abstract readonly nodes: readonly WorkflowNode[];

  /** Who it is in outputs. */
  abstract readonly identity: StepIdentity;

  /** @internal */
  abstract execute(flow: StepFlow, input: string, place: StepPlace): Promise<StepOutput>;

  /** The components that run here and inside. */
  get components(): readonly Component[] {
    return this.nodes.flatMap((node) => node.components);
  }
}
