/** Tokens, as the engine reported them. */
export interface RunUsage {
  inputTokens?: number;
  outputTokens?: number;
  totalTokens?: number;
  reasoningTokens?: number;
  /** Input tokens that the provider had cached. */
  cacheReadTokens?: number;
  /** Input tokens that the provider has cached now. */
  cacheWriteTokens?: number;
}

const FIELDS = [
  'inputTokens',
  'outputTokens',
  'totalTokens',
  'reasoningTokens',
  'cacheReadTokens',
  'cacheWriteTokens',
] as const satisfies readonly (keyof RunUsage)[];

/** Token by token; what neither knows is left out. */
export function sumUsage(left: RunUsage, right: RunUsage): RunUsage {
  const known = FIELDS.filter((field) => left[field] !== undefined || right[field] !== undefined);
  return Object.fromEntries(known.map((field) => [field, (left[field] ?? 0) + (right[field] ?? 0)]));
}

/** The tokens among a run's metrics, in whole numbers: engines report what they like. */
export function tokensOf(metrics: RunUsage): RunUsage {
  const counted = FIELDS.filter((field) => Number.isFinite(metrics[field]));
  return Object.fromEntries(counted.map((field) => [field, Math.round(metrics[field] ?? 0)]));
}

/** Whether nothing was used. */
export function isUnused(usage: RunUsage): boolean {
  return FIELDS.every((field) => !usage[field]);
}
