import { HookTimeoutError } from '../errors/hook-timeout.error.js';
import type { HookExecution } from '../execution/hook-execution.js';
import type { BoundHook } from '../hooks/bound-hook.js';
import type { HookInfo, PostHookContext } from '../hooks/hook.context.js';
import type { HookSubject } from '../hooks/hook.runner.js';
import type { LazySignal } from '../hooks/lazy-signal.js';
import type { RunEventBody } from '../model/run-event.js';
import type { ActiveRun } from './active-run.js';
import { findAnswer, followEdit, type FoundAnswer } from './answer.edit.js';
import { createExecution } from './outbox.js';
import { detachData, writeMessages } from './run.result.js';
import { enterScope } from './run.scope.js';
import { LiveHookContext } from './run.snapshot.js';

/** Runs the inline pre-hooks and collects the others, in list order. */
export async function runPreHooks(run: ActiveRun): Promise<void> {
  await runHooks(run, run.hooks.pre);
}

/** Runs the inline post-hooks and collects the others, in list order; then lets held content go. */
export async function runPostHooks(run: ActiveRun): Promise<void> {
  run.phase = 'post';
  run.events.leaveLateBehind();
  await runHooks(run, run.hooks.post);
  if (run.isEdited) writeMessages(run);
  await run.events.releaseHeld();
}

/** Collects the background hooks that the run did not reach: their `on` may ask for just that outcome. */
export function collectRemaining(run: ActiveRun): void {
  for (const hook of [...run.hooks.pre, ...run.hooks.post]) {
    if (isBackground(run, hook)) collect(run, hook);
  }
}

async function runHooks(run: ActiveRun, hooks: readonly BoundHook[]): Promise<void> {
  for (const hook of hooks) {
    run.cancellation.throwIfCancelled();
    if (isBackground(run, hook)) collect(run, hook);
    else await runInline(run, hook);
  }
}

function isBackground({ tree }: ActiveRun, hook: BoundHook): boolean {
  return tree.environment.modeOf(hook) === 'background';
}

function collect(run: ActiveRun, hook: BoundHook): void {
  if (run.isDiscarded || run.collected.has(hook)) return;
  run.collected.add(hook);
  run.tree.outbox.collect(hook, run);
}

async function runInline(run: ActiveRun, hook: BoundHook): Promise<void> {
  const { runner, ledger } = run.tree.environment;
  const execution = createExecution(hook, run, 'inline');
  await run.events.emit({ type: `${hook.phase}-hook-started`, hook: execution.hook });
  const { isGuardrail } = hook.definition;
  const subject = new InlineHookSubject(run, hook);
  ledger.schedule(execution);
  let failure: Error | undefined;
  run.inlineHook = execution.hook;
  try {
    failure = await runner.runInline({ hook, execution, subject }, run.signal);
  } catch (thrown) {
    // It may still be at work, if it was abandoned with the run or at its timeout.
    detachData(run);
    await run.events.emit(completedEvent(execution, 'The run was stopped.'));
    throw thrown;
  } finally {
    run.inlineHook = undefined;
  }
  if (failure instanceof HookTimeoutError) detachData(run);
  if (hook.phase === 'post') followPostHook(run, subject.found, isGuardrail);
  await run.events.emit(completedEvent(execution, failure && 'The hook failed.'));
}

function followPostHook(run: ActiveRun, found: FoundAnswer | undefined, isGuardrail: boolean): void {
  // What is stored, streamed and shown of the input is decided after the pre-hooks.
  run.output.input = run.input;
  if (!found || !followEdit(run, found, isGuardrail)) return;
  run.isEdited = true;
  run.isMasked ||= isGuardrail;
}

/** The texts are fixed: an error's own message may hold what clients must not see. */
function completedEvent({ phase, hook }: HookExecution, error: string | undefined): RunEventBody {
  return { type: `${phase}-hook-completed`, hook, ...(error === undefined ? {} : { error }) };
}

class InlineHookSubject implements HookSubject {
  /** The answer before a post-hook has seen it. */
  found: FoundAnswer | undefined;
  readonly #run: ActiveRun;
  readonly #hook: BoundHook;

  constructor(run: ActiveRun, hook: BoundHook) {
    this.#run = run;
    this.#hook = hook;
  }

  /** @throws PlainDataError if nobody could see what a guardrail has changed */
  createContext(info: HookInfo, signal: LazySignal): PostHookContext {
    const { phase, definition } = this.#hook;
    if (phase === 'post') this.found = findAnswer(this.#run, definition.isGuardrail);
    return new LiveHookContext(this.#run, info, signal);
  }

  enter<R>(_execution: HookExecution, callback: () => R): R {
    const { environment, response } = this.#run.tree;
    return enterScope({ run: this.#run, hook: { environment }, ...(response ? { response } : {}) }, callback);
  }
}
