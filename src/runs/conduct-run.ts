import { withRunOutput, type AgentRunError } from '../errors/agent-run.error.js';
import type { RunOutput } from '../model/run-output.js';
import type { ActiveRun } from './active-run.js';
import { ActiveComponentRun, type StartChild } from './component-run.js';
import { logRunError, toRunError } from './run.error.js';
import { runPostHooks, runPreHooks } from './run.hooks.js';
import { takeGiven } from './given-data.js';
import { freezeInput } from './run.input.js';
import { resetOutput, writeMessages } from './run.result.js';
import { enterScope, type RunScope } from './run.scope.js';
import { openSession } from './run.session.js';
import { watchRun } from './run.watch.js';
import { settleRun } from './settle-run.js';

/**
 * Takes a run from its start to its end: session, pre-hooks, the component's work, post-hooks, settlement.
 *
 * @throws AgentRunError carrying the run's output, if the run does not complete
 */
export async function conductRun(run: ActiveRun, startChild: StartChild): Promise<RunOutput> {
  const { inFlight, tracing } = run.tree.environment;
  inFlight.add(run);
  const unlink = linkCancellation(run);
  const unwatch = watchRun(run);
  try {
    run.span = tracing.startRun(run.identity, run.runId);
    const error = await enterRun(run, () => perform(run, startChild));
    // Those below were cancelled with it, and end before it as they do otherwise: one tree, one sequence of hooks.
    if (run.cancellation.reason) await Promise.all(run.children.map(({ ended }) => ended));
    await settleRun(run, error);
    if (!error) return run.output;
    throw withRunOutput(error, run.output);
  } finally {
    unlink();
    unwatch();
    inFlight.remove(run);
  }
}

/** @returns the error with which the run ends, if it does not complete */
async function perform(run: ActiveRun, startChild: StartChild): Promise<AgentRunError | undefined> {
  try {
    await run.cancellation.race(openSession(run));
    run.given = takeGiven(run);
    await run.events.emit({
      type: 'run-started',
      ...(run.component.model ? { model: run.component.model } : {}),
    });
    await runPreHooks(run);
    // From here on it is what is stored, streamed and shown: a post-hook that edits it is told so by an error.
    run.input = freezeInput(run.input);
    run.output.input = run.input;
    run.given = takeGiven(run);
    await execute(run, startChild);
    await runPostHooks(run);
    return undefined;
  } catch (thrown) {
    const error = toRunError(run, thrown);
    logRunError(run, error);
    return error;
  }
}

/** The component's own work, repeated if it fails; hooks are not repeated, and a failed attempt leaves none behind. */
async function execute(run: ActiveRun, startChild: StartChild): Promise<void> {
  run.phase = 'execution';
  for (let retriesLeft = run.component.retries; ; retriesLeft--) {
    run.cancellation.throwIfCancelled();
    const attempt = new ActiveComponentRun(run, startChild);
    try {
      await run.cancellation.race(run.component.execute(attempt));
      writeMessages(run, attempt.conversation.messages);
      await run.events.emit({ type: 'run-content-completed' });
      return;
    } catch (thrown) {
      if (retriesLeft <= 0 || !isWorthRetrying(run, thrown)) throw thrown;
      attempt.abandon();
      discardAttempt(run);
    }
  }
}

/** What the attempt has started leaves nothing behind, even if it is still running. */
function discardAttempt(run: ActiveRun): void {
  for (const descendant of run.descendants()) {
    descendant.isDiscarded = true;
    descendant.cancel('The attempt that started it failed and is repeated.');
  }
  run.tree.outbox.removeDiscarded();
  resetOutput(run);
}

/** Somebody's verdict stays what it is; what broke may work the next time. */
function isWorthRetrying(run: ActiveRun, thrown: unknown): boolean {
  if (run.cancellation.reason) return false;
  return ['run_failed', 'step_failed', 'provider_error', 'run_timeout'].includes(
    toRunError(run, thrown).code,
  );
}

function enterRun<R>(run: ActiveRun, callback: () => R): R {
  const { response } = run.tree;
  const scope: RunScope = response ? { response, run } : { run };
  return enterScope(scope, () => (run.span ? run.span.enter(callback) : callback()));
}

/** A run is cancelled with the run above it, and by its caller's signal. */
function linkCancellation(run: ActiveRun): () => void {
  const unlinkParent = run.parent?.cancellation.onCancel(() => run.cancel('The run above it was cancelled.'));
  const unlinkCaller = link(run.options.signal, () => run.cancel('The caller aborted the run.'));
  return () => {
    unlinkParent?.();
    unlinkCaller?.();
  };
}

function link(signal: AbortSignal | undefined, onAbort: () => void): (() => void) | undefined {
  if (!signal) return undefined;
  if (signal.aborted) onAbort();
  signal.addEventListener('abort', onAbort, { once: true });
  return () => signal.removeEventListener('abort', onAbort);
}
