import type { AgentRunError } from '../errors/agent-run.error.js';
import type { ActiveRun } from './active-run.js';
import { finalEventOf, outcomeOf, statusOf } from './run.error.js';
import { collectRemaining } from './run.hooks.js';
import { withdrawContent } from './run.result.js';
import { rememberRun } from './run.memory.js';

/**
 * Ends a run: writes its final status, remembers it, hands the tree's background hooks over and says so to whoever
 * reads its events. From here on the run does not change.
 */
export async function settleRun(run: ActiveRun, error: AgentRunError | undefined): Promise<void> {
  if (run.tree.environment.background) collectRemaining(run);
  const outcome = outcomeOf(error);
  if (error) withdrawContent(run, outcome === 'cancelled' ? undefined : error.publicMessage);
  // A guardrail above looks at what this run has answered, and that is nothing: it does not see those below.
  if (error && run.isHeld) for (const below of run.descendants()) below.withdraw(run);
  run.output.status = statusOf(outcome);
  run.output.metrics.duration = (performance.now() - run.startedAt) / 1_000;
  run.outcome = outcome;
  run.span?.end(error);
  showAbove(run);
  // Described once: a session remembers the very event that its readers get.
  const last = run.events.describe(finalEventOf(run, error));
  await rememberRun(run, last, error === undefined && !run.isMasked);
  await run.tree.handOver();
  if (last) await run.events.end(last);
}

/** The output of a run holds those of its parts, unless its attempt was repeated without them: guardrails look there. */
function showAbove({ parent, output, position, isDiscarded }: ActiveRun): void {
  if (!parent || isDiscarded) return;
  if (parent.phase !== 'execution' || parent.outcome !== undefined) return;
  if (position === 'inside-hook' && parent.position !== 'inside-hook') return;
  parent.output.memberResponses.push(output);
}
