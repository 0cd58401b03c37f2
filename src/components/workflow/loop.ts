import type { z } from 'zod';

import type { StepPlace } from '../../model/run-event.js';
import type { StepOutput } from '../../model/run-output.js';
import { checkOptions } from '../../options/check.options.js';
import { functionOf, oneOf, optionsOf, wholeNumber } from '../../options/option.schemas.js';
import { blockIdentity, blockOutput, decisionOf } from './block-output.js';
import type { StepRequest } from './step.request.js';
import { stepsOption, toNodes, type StepLike } from './to-nodes.js';
import { WorkflowNode, type StepContext, type StepIdentity } from './workflow-node.js';

/** The request that the `until` function of a loop gets. */
export interface LoopRequest extends StepRequest {
  /** 1 for the first. */
  readonly iteration: number;
  /** The outputs of this iteration. */
  readonly outputs: readonly StepOutput[];
}

/** The options of {@link loop}. */
export interface LoopOptions {
  /** Run one after another; the next iteration begins with the content of the last step. */
  readonly steps: readonly StepLike[];
  /** Asked after each iteration: true ends the loop. Left out, it runs `maxIterations` times. */
  readonly until?: (request: LoopRequest) => boolean | Promise<boolean>;
  readonly maxIterations: number;
  /** If `until` was never true: `'fail'` (the default) fails the loop; with `'continue'` the last content counts. */
  readonly onLimit?: 'fail' | 'continue';
}

const OPTIONS = optionsOf<LoopOptions>()({
  steps: stepsOption(),
  until: functionOf<LoopOptions['until']>().optional(),
  maxIterations: wholeNumber(1),
  onLimit: oneOf('fail', 'continue').default('fail'),
});

type IterationOutputs = readonly StepOutput[];

interface LoopResult {
  readonly iterations: readonly IterationOutputs[];
  /** Of the last step that has an answer. */
  readonly content: string;
}

/** Steps that are repeated. Made by {@link loop}. */
export class Loop extends WorkflowNode {
  readonly identity: StepIdentity;
  readonly nodes: readonly WorkflowNode[];
  readonly #options: z.output<typeof OPTIONS>;

  /** @internal */
  constructor(name: string, options: LoopOptions) {
    super(name, 'loop');
    this.identity = blockIdentity(name, 'loop');
    this.#options = checkOptions(`loop "${name}"`, OPTIONS, options);
    this.nodes = toNodes(`loop "${name}"`, 'steps', this.#options.steps);
  }

  /** @internal */
  override async execute(flow: StepContext, input: string, place: StepPlace): Promise<StepOutput> {
    const { maxIterations } = this.#options;
    const common = { block: 'loop', ...place, maxIterations } as const;
    await flow.emit({ type: 'block-started', ...common });
    const { iterations, content } = await this.#iterate(flow, input, place);
    const output = blockOutput(this, place, content, iterations.flat());
    await flow.emit({ type: 'block-completed', ...common, iterations, output });
    return output;
  }

  async #iterate(flow: StepContext, input: string, place: StepPlace): Promise<LoopResult> {
    const { maxIterations, until, onLimit } = this.#options;
    const all: IterationOutputs[] = [];
    let content = input;
    for (let iteration = 1; iteration <= maxIterations; iteration++) {
      const common = { ...place, iteration, maxIterations };
      await flow.emit({ type: 'loop-iteration-started', ...common });
      const result = await flow.sequence(this.nodes, content, place);
      content = result.content;
      all.push(result.outputs);
      const request = { ...flow.request(content), iteration, outputs: result.outputs };
      const isDone =
        until !== undefined && decisionOf(await until(request), `The "until" of loop "${this.name}"`);
      const shouldContinue = !isDone && iteration < maxIterations;
      await flow.emit({
        type: 'loop-iteration-completed',
        ...common,
        outputs: result.outputs,
        shouldContinue,
      });
      if (isDone) return { iterations: all, content };
    }
    if (until && onLimit === 'fail') {
      throw new Error(`Loop "${this.name}" did not end within ${maxIterations} iterations.`);
    }
    return { iterations: all, content };
  }
}

/**
 * Repeats steps until a condition holds.
 *
 * @example `loop('refine', { steps: [writer, critic], until: ({ input }) => input === 'good', maxIterations: 5 })`
 */
export function loop(name: string, options: LoopOptions): Loop {
  return new Loop(name, options);
}
