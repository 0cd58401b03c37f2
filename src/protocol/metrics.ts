import { z } from 'zod';

import type { ModelIdentity } from '../model/run-output.js';
import {
  isUnused,
  sumUsage,
  type FinishReason,
  type ModelRequestMetrics,
  type RunMetrics,
  type RunUsage,
} from '../model/run-usage.js';
import type { SessionUsage } from '../sessions/session.store.js';
import { named } from './schema.js';

const Usage = z.object({
  input_tokens: z.int().optional(),
  output_tokens: z.int().optional(),
  total_tokens: z.int().optional(),
  cache_read_tokens: z.int().optional().describe("Input tokens that were read from the provider's cache."),
  cache_write_tokens: z
    .int()
    .optional()
    .describe("Input tokens that were written into the provider's cache."),
  reasoning_tokens: z.int().optional(),
});
type WireUsage = z.infer<typeof Usage>;

const ModelUsage = Usage.extend({
  id: z.string().describe("The provider's name for the model."),
  provider: z.string(),
}).describe('The usage of one model.');
type WireModelUsage = z.infer<typeof ModelUsage>;

const ByModel = z.object({ model: z.array(ModelUsage) }).describe('The usage by model.');

/** The protocol has no field for the finish reason, but fields for other data of the provider. */
export const WireFinishReason = z
  .object({
    finish_reason: z
      .enum(['length', 'content_filter'])
      .optional()
      .describe(
        'Why the answer is incomplete: the limit of tokens was reached, or the provider has filtered the answer.',
      ),
  })
  .describe('Only if the answer is incomplete.');
type WireFinishReason = z.infer<typeof WireFinishReason>;

/** The metrics of a run, without their name in the document: there, only a schema with a type can be null. */
export const RunMetricsSchema = Usage.extend({
  time_to_first_token: z.number().optional().describe('Seconds until the first piece of the answer.'),
  duration: z.number().optional().describe('Seconds from the start of the run to its end.'),
  details: ByModel.optional(),
  additional_metrics: WireFinishReason.optional(),
});

/** The metrics of a run. */
export const WireMetrics = named(
  'Metrics',
  'The metrics of a run. Zeros and unknown numbers are left out.',
  RunMetricsSchema,
);
export type WireMetrics = z.infer<typeof WireMetrics>;

/** The metrics of a model's message. */
export const WireMessageMetrics = named(
  'MessageMetrics',
  "The metrics of a model's message.",
  Usage.extend({
    time_to_first_token: z.number().optional().describe('Seconds until the first piece of the message.'),
    additional_metrics: WireFinishReason.optional(),
  }),
);
type WireMessageMetrics = z.infer<typeof WireMessageMetrics>;

/** The metrics of a request to a model, in its event. */
export const WireRequestMetrics = z.object({
  input_tokens: z.int(),
  output_tokens: z.int(),
  total_tokens: z.int(),
  reasoning_tokens: z.int(),
  cache_read_tokens: z.int(),
  cache_write_tokens: z.int(),
  time_to_first_token: z.number().optional().describe('Seconds until the first piece of the answer.'),
  ...WireFinishReason.shape,
});
type WireRequestMetrics = z.infer<typeof WireRequestMetrics>;

/** The usage of all runs of a session. */
export const WireSessionUsage = named(
  'SessionMetrics',
  'The usage of all runs of a session.',
  Usage.extend({ details: ByModel.optional() }),
);
export type WireSessionUsage = z.infer<typeof WireSessionUsage>;

/** The metrics of a run; zeros and unknowns are left out. */
export function toWireMetrics(metrics: RunMetrics, model?: ModelIdentity): WireMetrics {
  return {
    ...toWireUsage(metrics),
    time_to_first_token: metrics.timeToFirstToken,
    duration: metrics.duration,
    additional_metrics: toWireFinishReason(metrics),
    details: model === undefined || isUnused(metrics) ? undefined : { model: [usageOf(model, metrics)] },
  };
}

/** The metrics of a model's message. */
export function toWireMessageMetrics(metrics: ModelRequestMetrics): WireMessageMetrics {
  return {
    ...toWireUsage(metrics),
    time_to_first_token: metrics.timeToFirstToken,
    additional_metrics: toWireFinishReason(metrics),
  };
}

/** The reason why an answer is incomplete, if it is. */
export function toWireFinishReason({ finishReason }: RunMetrics): WireFinishReason | undefined {
  const reason = finishReason && FINISH_REASONS.get(finishReason);
  return reason && { finish_reason: reason };
}

/** The names that most providers use. */
const FINISH_REASONS: ReadonlyMap<FinishReason, WireFinishReason['finish_reason']> = new Map([
  ['length', 'length'],
  ['content-filter', 'content_filter'],
]);

/** The metrics of a request to a model: zeros are included here. */
export function toWireRequestMetrics(metrics: ModelRequestMetrics): WireRequestMetrics {
  return {
    input_tokens: metrics.inputTokens ?? 0,
    output_tokens: metrics.outputTokens ?? 0,
    total_tokens: metrics.totalTokens ?? 0,
    time_to_first_token: metrics.timeToFirstToken,
    reasoning_tokens: metrics.reasoningTokens ?? 0,
    cache_read_tokens: metrics.cacheReadTokens ?? 0,
    cache_write_tokens: metrics.cacheWriteTokens ?? 0,
    finish_reason: toWireFinishReason(metrics)?.finish_reason,
  };
}

/** The usage and the models of all runs of a session; undefined if there is no usage. */
export function toWireSessionUsage(usages: readonly SessionUsage[]): WireSessionUsage | undefined {
  const sum = usages.reduce<RunUsage>(sumUsage, {});
  const models = usages.flatMap(({ model, ...usage }) =>
    model === undefined || isUnused(usage) ? [] : [usageOf(model, usage)],
  );
  if (isUnused(sum)) return undefined;
  return { ...toWireUsage(sum), details: models.length > 0 ? { model: models } : undefined };
}

/** Tokens; zeros and unknowns are left out. */
function toWireUsage(usage: RunUsage): WireUsage {
  return {
    input_tokens: usage.inputTokens || undefined,
    output_tokens: usage.outputTokens || undefined,
    total_tokens: usage.totalTokens || undefined,
    cache_read_tokens: usage.cacheReadTokens || undefined,
    cache_write_tokens: usage.cacheWriteTokens || undefined,
    reasoning_tokens: usage.reasoningTokens || undefined,
  };
}

function usageOf({ id, provider }: ModelIdentity, usage: RunUsage): WireModelUsage {
  return { ...toWireUsage(usage), id, provider };
}
