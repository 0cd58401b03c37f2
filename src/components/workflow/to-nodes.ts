import { AgentOsConfigurationError } from '../../errors/agent-os-configuration.error.js';
import { Component } from '../component.js';
import { Step, type StepExecutor } from './step.js';
import { WorkflowNode } from './workflow-node.js';

/** An entry in a list of steps. */
export type StepLike = WorkflowNode | StepExecutor;

/**
 * Gives every step a name: its own, that of its component or that of its function.
 *
 * @param owner - the owner of the steps, such as `Workflow "triage"`
 * @throws AgentOsConfigurationError if an entry is no step
 */
export function toNodes(owner: string, listed: unknown): readonly WorkflowNode[] {
  if (!Array.isArray(listed) || listed.length === 0) {
    throw new AgentOsConfigurationError(`${owner}: expected steps to be a non-empty array.`);
  }
  return Object.freeze(listed.map((item: unknown, index) => toNode(owner, item, index)));
}

function toNode(owner: string, item: unknown, index: number): WorkflowNode {
  if (item instanceof WorkflowNode) return item;
  if (item instanceof Component) return new Step(item.id, item);
  if (typeof item === 'function') return new Step(item.name || `step ${index + 1}`, item as StepExecutor);
  throw new AgentOsConfigurationError(
    `${owner}: steps[${index}] is no step, component or function. If it is imported, look for a circular import.`,
  );
}

/** @throws AgentOsConfigurationError if two steps or blocks have the same name: outputs are found by it */
export function refuseSameNames(workflowId: string, nodes: readonly WorkflowNode[]): void {
  const names = new Set<string>();
  const visit = ({ name, nodes: inner }: WorkflowNode): void => {
    if (names.has(name)) {
      throw new AgentOsConfigurationError(
        `Workflow "${workflowId}" has two steps called "${name}". Name one of them: step('…', …).`,
      );
    }
    names.add(name);
    inner.forEach(visit);
  };
  nodes.forEach(visit);
}
