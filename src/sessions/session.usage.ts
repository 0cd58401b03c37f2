import type { ModelIdentity, RunUsage } from '../model/run-output.js';
import type { SessionUsage } from './session.store.js';

const TOKENS = [
  'inputTokens',
  'outputTokens',
  'totalTokens',
  'reasoningTokens',
  'cacheReadTokens',
  'cacheWriteTokens',
] as const satisfies readonly (keyof RunUsage)[];

/** The tokens among a run's metrics, in whole numbers: engines report what they like. */
export function tokensOf(metrics: RunUsage): RunUsage {
  const counted = TOKENS.filter((token) => Number.isFinite(metrics[token]));
  return Object.fromEntries(counted.map((token) => [token, Math.round(metrics[token] ?? 0)]));
}

/** What the runs of a session have used, with one more run. A model goes by the name that it had last. */
export function addUsage(
  usage: readonly SessionUsage[],
  metrics: RunUsage,
  model: ModelIdentity | undefined,
): readonly SessionUsage[] {
  const added = tokensOf(metrics);
  if (TOKENS.every((token) => !added[token])) return usage;
  const known = usage.find((item) => isSame(item.model, model));
  const sum = sumOf(known ?? {}, added);
  const item = model ? { model, ...sum } : sum;
  return known ? usage.map((other) => (other === known ? item : other)) : [...usage, item];
}

function sumOf(left: RunUsage, right: RunUsage): RunUsage {
  const counted = TOKENS.filter((token) => left[token] !== undefined || right[token] !== undefined);
  return Object.fromEntries(counted.map((token) => [token, (left[token] ?? 0) + (right[token] ?? 0)]));
}

function isSame(left: ModelIdentity | undefined, right: ModelIdentity | undefined): boolean {
  return left?.id === right?.id && left?.provider === right?.provider;
}
