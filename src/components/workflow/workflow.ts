import type { StepOutput } from '../../model/run-output.js';
import type { ComponentRun } from '../../runs/component.port.js';
import { optionsOf } from '../../options/option.schemas.js';
import { checkComponent, Component, COMPONENT_OPTIONS, type ComponentOptions } from '../component.js';
import { StepFlow } from './step.flow.js';
import { refuseSameNames, stepsOption, toNodes, type StepLike } from './to-nodes.js';
import type { WorkflowNode } from './workflow-node.js';

/** The options of {@link Workflow}. */
export interface WorkflowOptions extends ComponentOptions {
  /**
   * Run one after another; each gets the content of the last one before that has an answer. Components, functions,
   * `step()`, and the blocks `parallel()`, `condition()`, `loop()` and `router()`.
   */
  readonly steps: readonly StepLike[];
}

const OPTIONS = optionsOf<WorkflowOptions>()({ ...COMPONENT_OPTIONS, steps: stepsOption() });

/**
 * Steps that run one after another: agents, teams, functions, other workflows, blocks of them. The content of the last
 * step that has an answer is the workflow's. A failed step fails the workflow, unless its `onError` is `'continue'`.
 *
 * @example
 * ```ts
 * const triage = new Workflow({ id: 'triage', steps: [step('classify', classifier), step('answer', desk)] });
 * ```
 */
export class Workflow extends Component {
  readonly kind = 'workflow';
  readonly model = undefined;
  readonly children: readonly Component[];
  readonly steps: readonly WorkflowNode[];

  /** @throws AgentOsConfigurationError if an option is not usable, or two steps have the same name */
  constructor(options: WorkflowOptions) {
    const { steps, ...common } = checkComponent(new.target.name, OPTIONS, options);
    super(common);
    this.steps = toNodes(`Workflow "${this.id}"`, 'steps', steps);
    refuseSameNames(this.id, this.steps);
    this.children = Object.freeze([...new Set(this.steps.flatMap(({ components }) => components))]);
    Object.freeze(this);
  }

  /** @internal */
  override async execute(run: ComponentRun): Promise<void> {
    const flow = new StepFlow(this.id, run);
    let answer: StepOutput | undefined;
    for (const [index, node] of this.steps.entries()) {
      const output = await this.#runNode(flow, node, answer?.content ?? run.input.content, index);
      if (output.success) answer = output;
      run.setFinishReason(output.metrics?.finishReason);
    }
    run.setContent(answer?.content ?? '');
    if (answer?.data !== undefined) run.setData(answer.data);
  }

  /** The result of a failed step is recorded, too. */
  async #runNode(flow: StepFlow, node: WorkflowNode, input: string, index: number): Promise<StepOutput> {
    const { run } = flow;
    try {
      const output = await flow.execute(node, input, { stepIndex: index });
      run.addStepResult(output);
      return output;
    } catch (thrown) {
      flow.signal.throwIfAborted();
      run.addStepResult(flow.outputOf(node.name));
      throw thrown;
    }
  }
}
