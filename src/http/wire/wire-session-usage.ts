import { sumUsage, type RunUsage } from '../../model/run-usage.js';
import type { SessionUsage } from '../../sessions/session.store.js';
import type { WireObject } from './wire-format.js';
import { toWireUsage } from './wire-metrics.js';

/** The usage and the models of all runs of a session; empty if there is no usage. */
export function toWireSessionUsage(usages: readonly SessionUsage[]): WireObject {
  const models = usages.flatMap(({ model, ...usage }) => {
    const tokens = toWireUsage(usage);
    const isUsed = model !== undefined && Object.keys(tokens).length > 0;
    return isUsed ? [{ ...tokens, id: model.id, provider: model.provider }] : [];
  });
  return {
    ...toWireUsage(usages.reduce<RunUsage>(sumUsage, {})),
    ...(models.length > 0 ? { details: { model: models } } : {}),
  };
}
