import type { StepOutput } from '../../model/run-output.js';
import { toJsonValue } from '../../data/to-json-value.js';
import type { WireObject } from './wire-format.js';
import { toWireMetrics } from './wire-metrics.js';

/** A step's output; nulls are kept. */
export function toWireStepOutput(output: StepOutput): WireObject {
  return {
    content: contentOf(output),
    ...identityOf(output),
    ...resultOf(output),
    ...(output.steps ? { steps: output.steps.map(toWireStepOutput) } : {}),
  };
}

/** The same, as in the event `StepOutput`. */
export function toRawStepOutput(output: StepOutput): WireObject {
  return {
    ...identityOf(output),
    content: contentOf(output),
    ...resultOf(output),
    steps: output.steps?.map(toWireStepOutput) ?? null,
    requires_iteration_review_pause: false,
  };
}

/** The metrics of the steps that ran a component, by name. */
export function toWireStepMetrics(outputs: readonly StepOutput[]): WireObject {
  const steps = outputs.flatMap((output) => [output, ...innerSteps(output)]);
  const measured = steps.filter(({ metrics }) => metrics !== undefined);
  return Object.fromEntries(
    measured.map(({ stepName, executor, executorName, metrics, model }) => [
      stepName,
      {
        step_name: stepName,
        executor_type: executor,
        executor_name: executorName,
        metrics: toWireMetrics(metrics ?? {}, model),
      },
    ]),
  );
}

function innerSteps({ steps = [] }: StepOutput): readonly StepOutput[] {
  return steps.flatMap((step) => [step, ...innerSteps(step)]);
}

function contentOf({ content, data }: StepOutput): unknown {
  return data === undefined ? content : toJsonValue(data);
}

function identityOf({ stepName, stepId, type, executor, executorName }: StepOutput): WireObject {
  return {
    step_name: stepName,
    step_id: stepId,
    step_type: STEP_TYPES[type],
    executor_type: executor,
    executor_name: executorName,
  };
}

function resultOf({ runId, metrics, model, success, error }: StepOutput): WireObject {
  return {
    step_run_id: runId ?? null,
    images: null,
    videos: null,
    audio: null,
    files: null,
    metrics: metrics ? toWireMetrics(metrics, model) : null,
    success,
    error: error ?? null,
    stop: false,
    is_paused: false,
  };
}

/** The protocol's names of the step types. */
const STEP_TYPES = {
  step: 'Step',
  parallel: 'Parallel',
  condition: 'Condition',
  loop: 'Loop',
  router: 'Router',
} as const;
