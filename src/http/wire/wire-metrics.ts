import type { ModelIdentity } from '../../model/run-output.js';
import type { FinishReason, ModelRequestMetrics, RunMetrics } from '../../model/run-usage.js';
import type { RunUsage } from '../../model/run-usage.js';
import { withoutUndefined } from '../../data/without-undefined.js';
import type { WireObject } from './wire-format.js';

/** The metrics of a run; zeros and unknowns are left out. */
export function toWireMetrics(metrics: RunMetrics, model?: ModelIdentity): WireObject {
  const usage = toWireUsage(metrics);
  const isUsed = model !== undefined && Object.keys(usage).length > 0;
  return withoutUndefined({
    ...usage,
    time_to_first_token: metrics.timeToFirstToken,
    duration: metrics.duration,
    additional_metrics: toWireFinishReason(metrics),
    details: isUsed ? { model: [{ ...usage, id: model.id, provider: model.provider }] } : undefined,
  });
}

/** Tokens; zeros and unknowns are left out. */
export function toWireUsage(usage: RunUsage): WireObject {
  return withoutUndefined({
    input_tokens: usage.inputTokens || undefined,
    output_tokens: usage.outputTokens || undefined,
    total_tokens: usage.totalTokens || undefined,
    cache_read_tokens: usage.cacheReadTokens || undefined,
    cache_write_tokens: usage.cacheWriteTokens || undefined,
    reasoning_tokens: usage.reasoningTokens || undefined,
  });
}

/** The metrics of a model's message. */
export function toWireMessageMetrics(metrics: ModelRequestMetrics): WireObject {
  return withoutUndefined({
    ...toWireUsage(metrics),
    time_to_first_token: metrics.timeToFirstToken,
    additional_metrics: toWireFinishReason(metrics),
  });
}

/** The protocol has no field for the finish reason, but fields for other data of the provider. */
export function toWireFinishReason({ finishReason }: RunMetrics): WireObject | undefined {
  const word = finishReason && FINISH_REASONS[finishReason];
  return word === undefined ? undefined : { finish_reason: word };
}

/** The names that most providers use. */
const FINISH_REASONS: Readonly<Partial<Record<string, string>>> = {
  length: 'length',
  'content-filter': 'content_filter',
} satisfies Record<FinishReason, string>;

/** The metrics of a request to a model: zeros are included here. */
export function toWireRequestMetrics(metrics: ModelRequestMetrics): WireObject {
  return {
    input_tokens: metrics.inputTokens ?? 0,
    output_tokens: metrics.outputTokens ?? 0,
    total_tokens: metrics.totalTokens ?? 0,
    time_to_first_token: metrics.timeToFirstToken,
    reasoning_tokens: metrics.reasoningTokens ?? 0,
    cache_read_tokens: metrics.cacheReadTokens ?? 0,
    cache_write_tokens: metrics.cacheWriteTokens ?? 0,
    ...toWireFinishReason(metrics),
  };
}
