import { z } from 'zod';

import { toJsonValue } from '../data/to-json-value.js';
import type { StepOutput } from '../model/run-output.js';
import { RunMetricsSchema, toWireMetrics, WireMetrics } from './metrics.js';
import { emptyList, named } from './schema.js';

/** The protocol's names of the types of steps and blocks. */
export const STEP_TYPES = {
  step: 'Step',
  parallel: 'Parallel',
  condition: 'Condition',
  loop: 'Loop',
  router: 'Router',
} as const;

/** A type of step or block. */
export const WireStepType = z.enum(STEP_TYPES);

const StepOutputFields = z.object({
  step_name: z.string(),
  step_id: z.string().describe('Id of this execution of the step: a step in a loop has many.'),
  step_type: WireStepType,
  executor_type: z
    .enum(['agent', 'team', 'workflow', 'function', 'block'])
    .describe('A kind of component, a function, or a block of steps.'),
  executor_name: z.string(),
  content: z.unknown().describe('The result: text, or any JSON value.'),
  step_run_id: z.string().nullable().describe("The run of the step's component; null for functions."),
  images: emptyList().nullable(),
  videos: emptyList().nullable(),
  audio: emptyList().nullable(),
  files: emptyList().nullable(),
  metrics: RunMetricsSchema.nullable().describe('The metrics of the run of the step.'),
  success: z.boolean(),
  error: z.string().nullable().describe('Why the step failed.'),
  stop: z.boolean(),
  is_paused: z.boolean(),
});

/** The output of a step or block. */
export interface WireStepOutput extends z.infer<typeof StepOutputFields> {
  steps?: WireStepOutput[] | undefined;
}
export const WireStepOutput: z.ZodType<WireStepOutput> = named(
  'StepOutput',
  'The output of a step or of a block of steps. Nulls are kept.',
  StepOutputFields.extend({
    get steps() {
      return z
        .array(WireStepOutput)
        .optional()
        .describe('The outputs of the steps inside a block, in order.');
    },
  }),
);

/** The output of a function, as the event `StepOutput` contains it. */
export const WireRawStepOutput = named(
  'RawStepOutput',
  'The output of a function, in the event `StepOutput`.',
  StepOutputFields.extend({
    steps: z.array(WireStepOutput).nullable().describe('The outputs of the steps inside a block, in order.'),
    requires_iteration_review_pause: z.boolean(),
  }),
);
type WireRawStepOutput = z.infer<typeof WireRawStepOutput>;

const StepMetrics = z
  .object({
    step_name: z.string(),
    executor_type: z.string().describe('A kind of component.'),
    executor_name: z.string(),
    metrics: WireMetrics,
  })
  .describe('The metrics of a step.');

/** The metrics of the steps that ran a component, by name. */
export const WireStepMetrics = z.record(z.string(), StepMetrics).describe('By the name of the step.');
type WireStepMetrics = z.infer<typeof WireStepMetrics>;

/** A step's output; nulls are kept. */
export function toWireStepOutput(output: StepOutput): WireStepOutput {
  return { ...fieldsOf(output), steps: output.steps?.map(toWireStepOutput) };
}

/** The same, as in the event `StepOutput`. */
export function toRawStepOutput(output: StepOutput): WireRawStepOutput {
  return {
    ...fieldsOf(output),
    steps: output.steps?.map(toWireStepOutput) ?? null,
    requires_iteration_review_pause: false,
  };
}

/** The metrics of the steps that ran a component, by name. */
export function toWireStepMetrics(outputs: readonly StepOutput[]): WireStepMetrics {
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

function fieldsOf(output: StepOutput): z.infer<typeof StepOutputFields> {
  const { content, data, metrics } = output;
  return {
    step_name: output.stepName,
    step_id: output.stepId,
    step_type: STEP_TYPES[output.type],
    executor_type: output.executor,
    executor_name: output.executorName,
    content: data === undefined ? content : toJsonValue(data),
    step_run_id: output.runId ?? null,
    images: null,
    videos: null,
    audio: null,
    files: null,
    metrics: metrics ? toWireMetrics(metrics, output.model) : null,
    success: output.success,
    error: output.error ?? null,
    stop: false,
    is_paused: false,
  };
}
