import { AgentOsConfigurationError } from '../../errors/agent-os-configuration.error.js';
import { isRefusal } from '../../errors/is-refusal.js';
import type { StepPlace, StepPosition } from '../../model/run-event.js';
import type { StepOutput } from '../../model/run-output.js';
import { showValue } from '../../model/show-value.js';
import { checkOptions } from '../../options/check.options.js';
import { oneOf, optionsOf } from '../../options/option.schemas.js';
import { Component } from '../component.js';
import { schemaOption, validateOutput, type OutputSchema } from './output-schema.js';
import type { StepFunction, StepResult } from './step.request.js';
import { WorkflowNode, type StepContext, type StepIdentity } from './workflow-node.js';

/** The component or function that a step runs. */
export type StepExecutor<T = unknown> = Component | StepFunction<T>;

/** The options of {@link step}. */
export interface StepOptions<T = unknown> {
  /**
   * The schema of the step's data: any Standard Schema (zod, valibot, …). Checked against the structured answer of a
   * component, or the data of a function; if there is none, against the content read as JSON.
   */
  readonly output?: OutputSchema<T>;
  /**
   * The effect of a failure on the workflow: `'fail'` (the default) ends it; with `'continue'` the failed step has no
   * answer, and the next step gets the input of the failed one. A refusal always ends the workflow: a check error, an
   * `HttpException` below 500 of the step's run, a guardrail that broke.
   */
  readonly onError?: 'fail' | 'continue';
}

const OPTIONS = optionsOf<StepOptions>()({
  output: schemaOption().optional(),
  onError: oneOf('fail', 'continue').optional(),
});

/** A named step of a workflow. Made by {@link step}. */
export class Step<T = unknown> extends WorkflowNode {
  readonly nodes: readonly WorkflowNode[] = [];

  /** @internal */
  constructor(
    name: string,
    readonly executor: StepExecutor<T>,
    readonly options: StepOptions<T> = {},
  ) {
    super(name, 'step');
    checkOptions(`Step "${name}"`, OPTIONS, options);
    if (!(executor instanceof Component) && typeof executor !== 'function') {
      throw new AgentOsConfigurationError(
        `Step "${name}": expected a component or a function, got ${typeof executor}. If it is imported, look for a circular import.`,
      );
    }
  }

  override get components(): readonly Component[] {
    return this.executor instanceof Component ? [this.executor] : [];
  }

  /** @internal */
  override async execute(flow: StepContext, input: string, place: StepPlace): Promise<StepOutput> {
    await flow.emit({ type: 'step-started', ...place });
    const output = await flow.enter(place, () => this.#attempt(flow, input, place));
    await flow.emit({ type: 'step-completed', ...place, output });
    return output;
  }

  async #attempt(flow: StepContext, input: string, place: StepPlace): Promise<StepOutput> {
    try {
      const output = await this.#run(flow, input, place);
      const { output: schema } = this.options;
      return schema ? { ...output, data: await validateOutput(this.name, schema, output) } : output;
    } catch (thrown) {
      flow.signal.throwIfAborted();
      const failure = flow.failureOf(this, thrown);
      if (this.options.onError !== 'continue' || isRefusal(thrown)) throw failure;
      return flow.failedOutput(this, place, failure);
    }
  }

  async #run(flow: StepContext, input: string, place: StepPlace): Promise<StepOutput> {
    const { executor } = this;
    const identity = { stepId: place.stepId, ...this.identity };
    if (!(executor instanceof Component)) {
      return { ...identity, ...resultOf(await executor(flow.request(input))), success: true };
    }
    const step: StepPosition = { ...flow.position, ...place };
    const { content, data, runId, metrics, model } = await flow.runPart(executor, input, step);
    const known = { ...(data === undefined ? {} : { data }), ...(model ? { model } : {}) };
    return { ...identity, content, ...known, success: true, runId, metrics };
  }

  override get identity(): StepIdentity {
    const { executor, name: stepName } = this;
    const work =
      executor instanceof Component
        ? { executor: executor.kind, executorName: executor.name }
        : { executor: 'function' as const, executorName: executor.name };
    return { stepName, type: 'step', ...work };
  }
}

/**
 * Names a step, and sets the schema of its data and the effect of its failure.
 *
 * @example
 * ```ts
 * const classify = step('classify', classifier, { output: z.object({ topic: z.string() }) });
 * const answer = step('answer', (request) => `About ${request.dataOf(classify).topic}: …`);
 * const triage = new Workflow({ id: 'triage', steps: [classify, answer] });
 * ```
 */
export function step<T>(name: string, executor: StepExecutor<T>, options?: StepOptions<T>): Step<T> {
  return new Step(name, executor, options);
}

function resultOf(returned: unknown): Pick<StepOutput, 'content' | 'data'> {
  if (typeof returned === 'string') return { content: returned };
  const { content, data } = (returned ?? {}) as Partial<StepResult<unknown>>;
  if (typeof content === 'string') return { content, data };
  throw new TypeError(
    `Expected the step to return its content as a string, or { content, data }, got ${showValue(returned)}.`,
  );
}
