import { RunFailedError } from '../errors/run.errors.js';
import { AgentRunError } from '../errors/agent-run.error.js';
import { toError } from '../errors/to-error.js';
import type { StepPosition } from '../model/run-event.js';
import type { StepOutput } from '../model/run-output.js';
import type { ComponentRun } from '../runs/run.component.js';
import { Component, type ComponentOptions } from './component.js';
import { toSteps, type Step, type StepFunction, type StepLike } from './step.js';

/** What a {@link Workflow} is made of. */
export interface WorkflowOptions extends ComponentOptions {
  /** Run one after another; each gets the content of the one before. Named by `step()`, else by component or function. */
  readonly steps: readonly StepLike[];
}

/**
 * Steps that run one after another: agents, teams, functions, other workflows. The last step's content is the
 * workflow's. A step that fails fails the workflow.
 *
 * @example
 * ```ts
 * const triage = new Workflow({ id: 'triage', steps: [step('classify', classifier), step('answer', desk)] });
 * ```
 */
export class Workflow extends Component {
  readonly kind = 'workflow';
  readonly steps: readonly Step[];
  readonly model = undefined;

  /** @throws AgentOsConfigurationError if an option is not usable, or two steps have the same name */
  constructor(options: WorkflowOptions) {
    super(options, ['steps']);
    this.steps = Object.freeze([...toSteps(this.id, options.steps)]);
    Object.freeze(this);
  }

  override get children(): readonly Component[] {
    return this.steps.map(({ executor }) => executor).filter((executor) => executor instanceof Component);
  }

  /** @internal */
  override async execute(run: ComponentRun): Promise<void> {
    let input = run.input.content;
    for (const [stepIndex, step] of this.steps.entries()) {
      run.signal.throwIfAborted();
      await run.emit({ type: 'step-started', stepName: step.name, stepIndex });
      const output = await this.#runStep(run, step, stepIndex, input);
      run.output.stepResults.push(output);
      await run.emit({ type: 'step-completed', stepIndex, output });
      input = output.content;
    }
    run.output.content = input;
  }

  async #runStep(run: ComponentRun, step: Step, stepIndex: number, input: string): Promise<StepOutput> {
    const { executor } = step;
    try {
      if (!(executor instanceof Component)) return await runFunction(run, step.name, executor, input);
      const position: StepPosition = {
        workflowId: this.id,
        workflowRunId: run.runId,
        stepName: step.name,
        stepIndex,
      };
      const { content, runId } = await run.runChild(executor, input, position);
      const { kind, name } = executor;
      return { stepName: step.name, content, success: true, executor: kind, executorName: name, runId };
    } catch (thrown) {
      run.signal.throwIfAborted();
      run.output.stepResults.push(failedOutput(step, thrown));
      if (thrown instanceof AgentRunError) throw thrown;
      throw new RunFailedError(
        `Step "${step.name}" of workflow "${this.id}" failed: ${toError(thrown).message}`,
        thrown,
      );
    }
  }
}

async function runFunction(
  run: ComponentRun,
  stepName: string,
  executor: StepFunction,
  input: string,
): Promise<StepOutput> {
  const { input: workflowInput, context, signal, output } = run;
  const previous = [...output.stepResults];
  const content: unknown = await executor({
    input,
    workflowInput: workflowInput.content,
    previous,
    context,
    signal,
  });
  if (typeof content !== 'string') {
    throw new TypeError(`Expected the step to return its content as a string, got ${typeof content}.`);
  }
  return { stepName, content, success: true, executor: 'function', executorName: executor.name };
}

/** The text is fixed for all but deliberate errors: others may say what clients must not see. */
function failedOutput({ name: stepName, executor }: Step, thrown: unknown): StepOutput {
  const error = thrown instanceof AgentRunError ? thrown.publicMessage : 'The step failed.';
  const who =
    executor instanceof Component
      ? { executor: executor.kind, executorName: executor.name }
      : { executor: 'function' as const, executorName: executor.name };
  return { stepName, content: '', success: false, error, ...who };
}
