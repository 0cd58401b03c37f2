import { createHash } from 'node:crypto';

import { AgentOsConfigurationError } from '../errors/agent-os-configuration.error.js';
import type { HookCondition } from './hook.options.js';

/**
 * A condition that lets a share of the runs pass. It decides by the run's id alone, so that all hooks with the same
 * rate see the same runs, a retry decides as before, and the choice can be computed again later.
 *
 * @param rate - the share, from 0 to 1
 *
 * @example `@Hook({ runInBackground: true, when: sampled(0.1) })`
 */
export function sampled(rate: number): HookCondition {
  if (typeof rate !== 'number' || !(rate >= 0 && rate <= 1)) {
    throw new AgentOsConfigurationError(`sampled() expected a rate from 0 to 1, got ${String(rate)}.`);
  }
  return ({ runContext }) => shareOf(runContext.runId) < rate;
}

/** The same number from 0 to 1 (excluded) for the same text, evenly spread over texts. */
function shareOf(text: string): number {
  return createHash('sha256').update(text).digest().readUInt32BE(0) / 2 ** 32;
}
