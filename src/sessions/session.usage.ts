import type { ModelIdentity } from '../model/run-output.js';
import { isUnused, sumUsage, tokensOf, type RunUsage } from '../model/run-usage.js';
import type { SessionUsage } from './session.store.js';
import { storableModel } from './storable.text.js';

/** Adds a run's usage to that of its session. A model is listed under its latest name. */
export function addUsage(
  usage: readonly SessionUsage[],
  metrics: RunUsage,
  given: ModelIdentity | undefined,
): readonly SessionUsage[] {
  const added = tokensOf(metrics);
  if (isUnused(added)) return usage;
  const model = given && storableModel(given);
  const known = usage.find((item) => isSame(item.model, model));
  const sum = sumUsage(known ?? {}, added);
  const item = model ? { model, ...sum } : sum;
  return known ? usage.map((other) => (other === known ? item : other)) : [...usage, item];
}

function isSame(left: ModelIdentity | undefined, right: ModelIdentity | undefined): boolean {
  return left?.id === right?.id && left?.provider === right?.provider;
}
