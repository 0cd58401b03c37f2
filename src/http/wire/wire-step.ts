import type { Component } from '../../components/component.js';
import { Condition } from '../../components/workflow/condition.js';
import type { WorkflowNode } from '../../components/workflow/workflow-node.js';
import { withoutUndefined } from '../../data/without-undefined.js';
import type { WireObject } from './wire-format.js';

/** Describes the component of a step. */
type DescribeComponent = (component: Component) => Promise<WireObject>;

/** The protocol's names for {@link WorkflowNode.identity}. */
const TYPES = {
  step: 'Step',
  parallel: 'Parallel',
  condition: 'Condition',
  loop: 'Loop',
  router: 'Router',
} as const;

/** The steps of a workflow, or of a block in it, as `GET /workflows/:id` shows them. */
export function toWireSteps(
  nodes: readonly WorkflowNode[],
  describe: DescribeComponent,
): Promise<WireObject[]> {
  return Promise.all(nodes.map((node) => toWireStep(node, describe)));
}

async function toWireStep(node: WorkflowNode, describe: DescribeComponent): Promise<WireObject> {
  const { name, identity } = node;
  const inside = identity.type === 'step' ? executorOf(node, describe) : stepsOf(node, describe);
  return { name, type: TYPES[identity.type], ...(await inside) };
}

/** A function step has no executor to show. */
async function executorOf({ components }: WorkflowNode, describe: DescribeComponent): Promise<WireObject> {
  const [component] = components;
  return component ? { [component.kind]: await describe(component) } : {};
}

async function stepsOf(block: WorkflowNode, describe: DescribeComponent): Promise<WireObject> {
  if (!(block instanceof Condition)) return { steps: await toWireSteps(block.nodes, describe) };
  const { thenNodes, elseNodes } = block;
  return withoutUndefined({
    steps: await toWireSteps(thenNodes, describe),
    else_steps: elseNodes.length === 0 ? undefined : await toWireSteps(elseNodes, describe),
  });
}
