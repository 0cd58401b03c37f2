/** Token counts, as the engine reported them. */
export interface RunUsage {
  inputTokens?: number;
  outputTokens?: number;
  /** Default: the sum of input and output. */
  totalTokens?: number;
  reasoningTokens?: number;
  /** Input tokens that the provider had cached. */
  cacheReadTokens?: number;
  /** Input tokens that the provider has cached now. */
  cacheWriteTokens?: number;
}

/**
 * Why an answer is not whole; absent if it is.
 *
 * - `length`: the model has reached its limit of tokens.
 * - `content-filter`: the provider has filtered the answer.
 */
export type FinishReason = 'length' | 'content-filter';

/** Usage and timing of a run. Times in seconds. */
export interface RunMetrics extends RunUsage {
  /** Why the answer is not whole; that of the last request to a model. */
  finishReason?: FinishReason;
  /** Seconds until the first piece of the answer. */
  timeToFirstToken?: number;
  /** Seconds from the start of the run until it settled. */
  duration?: number;
}

/** Usage and timing of one request to a model. */
export interface ModelRequestMetrics extends RunUsage {
  /** Why the model's answer is not whole; absent if it is. */
  readonly finishReason?: FinishReason;
  /** Seconds until the first piece of its answer. */
  readonly timeToFirstToken?: number;
}

/** The counts of a {@link RunUsage}. */
export const USAGE_FIELDS = [
  'inputTokens',
  'outputTokens',
  'totalTokens',
  'reasoningTokens',
  'cacheReadTokens',
  'cacheWriteTokens',
] as const satisfies readonly (keyof RunUsage)[];

/** The sum of each count; a count that neither side has is left out. */
export function sumUsage(left: RunUsage, right: RunUsage): RunUsage {
  const sum: RunUsage = {};
  for (const field of USAGE_FIELDS) {
    if (left[field] !== undefined || right[field] !== undefined)
      sum[field] = (left[field] ?? 0) + (right[field] ?? 0);
  }
  return sum;
}

/** An engine's usage, with the total added if it is missing. */
export function withTotal<T extends RunUsage>(usage: T): T {
  const { inputTokens, outputTokens, totalTokens } = usage;
  if (Number.isFinite(totalTokens)) return usage;
  const parts = [inputTokens, outputTokens].filter((tokens) => Number.isFinite(tokens));
  if (parts.length === 0) return usage;
  return { ...usage, totalTokens: parts.reduce<number>((sum, tokens = 0) => sum + tokens, 0) };
}

/** The token counts of a run's metrics, as whole numbers: reports of engines are not validated. */
export function tokensOf(metrics: RunUsage): RunUsage {
  // A number too large for a database integer is not a token count.
  const counted: RunUsage = {};
  for (const field of USAGE_FIELDS) {
    const tokens = Math.round(metrics[field] ?? NaN);
    if (Number.isSafeInteger(tokens)) counted[field] = tokens;
  }
  return counted;
}

/** Whether nothing was used. */
export function isUnused(usage: RunUsage): boolean {
  return USAGE_FIELDS.every((field) => !usage[field]);
}
