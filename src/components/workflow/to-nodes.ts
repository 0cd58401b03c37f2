import type { z } from 'zod';

import { AgentOsConfigurationError } from '../../errors/agent-os-configuration.error.js';
import { valueOf } from '../../options/option.schemas.js';
import { Component } from '../component.js';
import { Step, type StepExecutor } from './step.js';
import { WorkflowNode } from './workflow-node.js';

/** An entry in a list of steps. */
export type StepLike = WorkflowNode | StepExecutor;

/** Steps, as an option of workflows and blocks. */
export function stepsOption(): z.ZodCustom<readonly StepLike[], readonly StepLike[]> {
  return valueOf('a non-empty array of steps', (value) => Array.isArray(value) && value.length > 0);
}

/**
 * Gives every step a name: its own, that of its component or that of its function.
 *
 * @param owner - the owner of the steps, such as `Workflow "triage"`
 * @param option - the option that lists them
 * @throws AgentOsConfigurationError if an entry is no step
 */
export function toNodes(owner: string, option: string, listed: readonly StepLike[]): readonly WorkflowNode[] {
  return Object.freeze(listed.map((item, index) => toNode(`${owner}: ${option}`, item, index)));
}

function toNode(list: string, item: unknown, index: number): WorkflowNode {
  if (item instanceof WorkflowNode) return item;
  if (item instanceof Component) return new Step(item.id, item);
  if (typeof item === 'function') return new Step(item.name || `step ${index + 1}`, item as StepExecutor);
  throw new AgentOsConfigurationError(
    `${list}[${index}] is not a step, component or function. If it is imported, look for a circular import.`,
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
