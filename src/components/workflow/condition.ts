import type { StepPlace } from '../../model/run-event.js';
import type { StepOutput } from '../../model/run-output.js';
import { checkOptions } from '../../options/check.options.js';
import { arrayOf, functionOf, optionsOf } from '../../options/option.schemas.js';
import { blockIdentity, blockOutput, decisionOf } from './block-output.js';
import type { StepRequest } from './step.request.js';
import { stepsOption, toNodes, type StepLike } from './to-nodes.js';
import { WorkflowNode, type StepContext, type StepIdentity } from './workflow-node.js';

/** The options of {@link condition}. */
export interface ConditionOptions {
  readonly when: (request: StepRequest) => boolean | Promise<boolean>;
  /** Run one after another if `when` returns true. */
  readonly then: readonly StepLike[];
  /** Run one after another if it returns false. Left out, the input passes through. */
  readonly else?: readonly StepLike[];
}

const OPTIONS = optionsOf<ConditionOptions>()({
  when: functionOf<ConditionOptions['when']>(),
  then: stepsOption(),
  else: arrayOf<StepLike>().default([]),
});

/** Steps that run under a condition. Made by {@link condition}. */
export class Condition extends WorkflowNode {
  readonly identity: StepIdentity;
  /** Run if the condition holds. */
  readonly thenNodes: readonly WorkflowNode[];
  /** Run if it does not hold; empty if the input then passes through. */
  readonly elseNodes: readonly WorkflowNode[];
  readonly #when: ConditionOptions['when'];

  /** @internal */
  constructor(name: string, options: ConditionOptions) {
    super(name, 'condition');
    this.identity = blockIdentity(name, 'condition');
    const owner = `condition "${name}"`;
    const checked = checkOptions(owner, OPTIONS, options);
    this.#when = checked.when;
    this.thenNodes = toNodes(owner, 'then', checked.then);
    this.elseNodes = toNodes(owner, 'else', checked.else);
  }

  override get nodes(): readonly WorkflowNode[] {
    return [...this.thenNodes, ...this.elseNodes];
  }

  /** @internal */
  override async execute(flow: StepContext, input: string, place: StepPlace): Promise<StepOutput> {
    const answer = await this.#when(flow.request(input));
    const conditionResult = decisionOf(answer, `The "when" of condition "${this.name}"`);
    const common = { block: 'condition', ...place, conditionResult } as const;
    await flow.emit({ type: 'block-started', ...common });
    const nodes = conditionResult ? this.thenNodes : this.elseNodes;
    const { content, outputs } = await flow.sequence(nodes, input, place);
    const output = blockOutput(this, place, content, outputs);
    const branch = conditionResult ? 'then' : 'else';
    await flow.emit({
      type: 'block-completed',
      ...common,
      ...(nodes.length > 0 ? { branch } : {}),
      output,
    });
    return output;
  }
}

/**
 * Runs some steps if a condition holds, else others.
 *
 * @example `condition('needs review', { when: ({ input }) => input.includes('refund'), then: [reviewer] })`
 */
export function condition(name: string, options: ConditionOptions): Condition {
  return new Condition(name, options);
}
