import { z } from 'zod';

import { gravestOf } from '../../errors/is-refusal.js';
import type { StepPlace } from '../../model/run-event.js';
import type { StepOutput } from '../../model/run-output.js';
import { checkOptions } from '../../options/check.options.js';
import { blockIdentity, blockOutput, insideOf } from './block-output.js';
import { stepsOption, toNodes, type StepLike } from './to-nodes.js';
import { WorkflowNode, type StepContext, type StepIdentity } from './workflow-node.js';

const OPTIONS = z.strictObject({ steps: stepsOption() });

/** Steps that run at once, each with the same input. Made by {@link parallel}. */
export class Parallel extends WorkflowNode {
  readonly identity: StepIdentity;
  readonly nodes: readonly WorkflowNode[];

  /** @internal */
  constructor(name: string, steps: readonly StepLike[]) {
    super(name, 'parallel');
    this.identity = blockIdentity(name, 'parallel');
    const checked = checkOptions(`parallel "${name}"`, OPTIONS, { steps });
    this.nodes = toNodes(`parallel "${name}"`, 'steps', checked.steps);
  }

  /** @internal */
  override async execute(flow: StepContext, input: string, place: StepPlace): Promise<StepOutput> {
    const common = { block: 'parallel', ...place, stepCount: this.nodes.length } as const;
    await flow.emit({ type: 'block-started', ...common });
    const steps = await allSettled(
      this.nodes.map((node, at) => flow.execute(node, input, insideOf(place, at))),
    );
    const content = steps.map(quote).join('\n\n');
    const output = blockOutput(this, place, content, steps);
    await flow.emit({ type: 'block-completed', ...common, output });
    return output;
  }
}

function quote({ stepName, content, success }: StepOutput): string {
  return success ? `${stepName}:\n${content}` : `${stepName} failed.`;
}

/**
 * Runs steps at once, each with the same input. Its content is their contents, in list order, each under its step's
 * name. If one fails the block fails, once the others have ended; a step with `onError: 'continue'` reports its
 * failure in its place.
 *
 * @example `parallel('research', [webSearch, archiveSearch])`
 */
export function parallel(name: string, steps: readonly StepLike[]): Parallel {
  return new Parallel(name, steps);
}

/** Waits for all promises, even if one rejects: no step runs on after the block. */
async function allSettled<T>(promises: readonly Promise<T>[]): Promise<T[]> {
  const settled = await Promise.allSettled(promises);
  const errors = settled.flatMap((result) =>
    result.status === 'rejected' ? [result.reason as unknown] : [],
  );
  if (errors.length > 0) throw gravestOf(errors);
  return settled.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
}
