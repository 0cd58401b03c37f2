import { AgentOsConfigurationError } from '../errors/agent-os-configuration.error.js';
import type { RunContext } from '../model/run-context.js';
import type { StepOutput } from '../model/run-output.js';
import { Component } from './component.js';

/** What a step that is a function gets. */
export interface StepRequest {
  /** The content of the step before, or the workflow's input for the first step. */
  readonly input: string;
  /** The input of the workflow. */
  readonly workflowInput: string;
  /** The outputs of the steps before, in order. */
  readonly previous: readonly StepOutput[];
  readonly context: RunContext;
  /** Aborted when the run is cancelled. */
  readonly signal: AbortSignal;
}

/** A step that is a function: it returns the step's content. */
export type StepFunction = (request: StepRequest) => string | Promise<string>;

/** What a step does. */
export type StepExecutor = Component | StepFunction;

/** A named step of a workflow. Made by {@link step}. */
export class Step {
  /** @internal */
  constructor(
    readonly name: string,
    readonly executor: StepExecutor,
  ) {}
}

/** What may stand in a workflow's list of steps. */
export type StepLike = Step | StepExecutor;

/**
 * Names a step.
 *
 * @example `new Workflow({ id: 'triage', steps: [step('classify', classifier), step('answer', desk)] })`
 */
export function step(name: string, executor: StepExecutor): Step {
  if (typeof name !== 'string' || name.trim() === '') {
    throw new AgentOsConfigurationError(`step() expects a name, got ${JSON.stringify(name)}.`);
  }
  return new Step(name, executor);
}

/**
 * Gives every step a name: the one it was given, the component's or the function's.
 *
 * @throws AgentOsConfigurationError if something is no step, or two steps have the same name
 */
export function toSteps(workflowId: string, listed: unknown): readonly Step[] {
  if (!Array.isArray(listed) || listed.length === 0) {
    throw new AgentOsConfigurationError(`Workflow "${workflowId}": expected steps to be a non-empty array.`);
  }
  const steps = listed.map((item: unknown, index) => toStep(workflowId, item, index));
  const names = new Set<string>();
  for (const { name } of steps) {
    if (names.has(name)) {
      throw new AgentOsConfigurationError(
        `Workflow "${workflowId}" has two steps called "${name}". Name one of them: step('…', …).`,
      );
    }
    names.add(name);
  }
  return steps;
}

function toStep(workflowId: string, item: unknown, index: number): Step {
  const executor = item instanceof Step ? item.executor : item;
  if (!(executor instanceof Component) && typeof executor !== 'function') {
    throw new AgentOsConfigurationError(
      `Workflow "${workflowId}": steps[${index}] is no component and no function. If it is imported, look for a circular import.`,
    );
  }
  if (item instanceof Step) return item;
  const name = executor instanceof Component ? executor.id : executor.name;
  return new Step(name === '' ? `step ${index + 1}` : name, executor as StepExecutor);
}
