import type { HookExecution } from '../../execution/hook-execution.js';
import type { HookDelivery, HookTask, StoredHookTask } from '../../execution/hook.executor.js';
import type { HookLimits } from '../../execution/hook.limits.js';
import type { BoundHook } from '../../hooks/bound-hook.js';
import { CopiedHookContext, type HookInfo, type PostHookContext } from '../../hooks/hook.context.js';
import type { HookCall, HookSubject } from '../../hooks/hook.runner.js';
import type { LazySignal } from '../../hooks/lazy-signal.js';
import type { RunOrigin } from '../../model/run-origin.js';
import type { RunnableComponent } from '../../model/runnable-component.js';
import type { RunSpan } from '../../telemetry/tracing.js';
import type { OutboxEntry } from './outbox.js';
import type { FoundHook, ServedEnvironment } from '../environment.js';
import { enterScope, originOf, type RunScope } from '../scope.js';
import type { RunSnapshot } from '../../model/run-snapshot.js';

/** The parts of a {@link BackgroundHookTask}. */
interface HookTaskParts extends FoundHook {
  readonly execution: HookExecution;
  readonly snapshot: RunSnapshot | Error;
  readonly origin: RunOrigin;
  readonly span?: RunSpan | undefined;
}

/** The task of a hook that the outcome of its run has released. */
export function collectedTask(
  { hook, run, execution }: OutboxEntry,
  environment: ServedEnvironment,
): HookTask {
  const { component, span } = run;
  const parts = { hook, component, execution, snapshot: run.snapshot(), origin: originOf(run), span };
  return new BackgroundHookTask(parts, environment);
}

/**
 * The task of a hook whose execution comes from a store. Its span has no link: the span of the run
 * existed in the process that stored it.
 *
 * @returns undefined if no registered component has such a hook
 * @throws TypeError if the snapshot is not that of a run
 */
export function rebuildTask(
  { execution: stored, snapshot, origin }: StoredHookTask,
  environment: ServedEnvironment,
): HookTask | undefined {
  const found = environment.findHook(stored);
  if (!found) return undefined;
  if (!isSnapshot(snapshot)) {
    throw new TypeError(`Expected the snapshot of a run for the hook execution ${stored.id}.`);
  }
  const execution = environment.ledger.adopt(stored);
  return new BackgroundHookTask({ ...found, execution, snapshot, origin }, environment);
}

/** A background hook that is due. It keeps the run's copy, not the run. */
class BackgroundHookTask implements HookTask, HookSubject {
  readonly execution: HookExecution;
  readonly snapshot: RunSnapshot | Error;
  readonly origin: RunOrigin;
  readonly limits?: HookLimits;
  readonly #hook: BoundHook;
  readonly #component: RunnableComponent;
  readonly #environment: ServedEnvironment;
  readonly #span: RunSpan | undefined;
  readonly #scope: RunScope;

  constructor(parts: HookTaskParts, environment: ServedEnvironment) {
    const { hook, component, execution, snapshot, origin, span } = parts;
    this.execution = execution;
    this.snapshot = snapshot;
    this.origin = origin;
    if (hook.limits) this.limits = hook.limits;
    this.#hook = hook;
    this.#component = component;
    this.#environment = environment;
    this.#span = span;
    // The runs that it starts count as started by a hook, on behalf of the user of its run.
    this.#scope = { hook: { environment, isBackground: true }, origin };
  }

  get #call(): HookCall {
    return { hook: this.#hook, execution: this.execution, subject: this };
  }

  get isRebuildable(): boolean {
    const found = this.#environment.findHook(this.execution);
    return found?.hook === this.#hook && found.component === this.#component;
  }

  run(delivery: HookDelivery): Promise<void> | undefined {
    // The executor took too long and the hook was dropped, or it was cancelled: it must not run after its record says that
    // it did not.
    if (this.execution.endedAt !== undefined) return undefined;
    return this.#environment.runner.runInBackground(this.#call, delivery);
  }

  fail(error: Error): void {
    this.#environment.runner.failInBackground(this.#call, error);
  }

  drop(): void {
    this.#environment.ledger.end(this.execution, 'dropped', { reason: 'shutdown' });
  }

  markVolatile(): void {
    this.#environment.ledger.markVolatile(this.execution);
  }

  reopen(): void {
    this.#environment.ledger.reopen(this.execution);
  }

  createContext(info: HookInfo, signal: LazySignal): PostHookContext {
    if (this.snapshot instanceof Error) throw this.snapshot;
    return new CopiedHookContext(this.snapshot, this.#component, info, signal);
  }

  enter<R>(execution: HookExecution, callback: () => R): R {
    return enterScope(this.#scope, () => {
      if (!this.#span) return callback();
      const attributes = { 'agent_os.hook': execution.hook, 'agent_os.run_id': execution.runId };
      return this.#span.linked(`hook ${execution.hook}`, attributes, callback);
    });
  }
}

/** Checks stored data only one level deep: that its parts are objects. */
function isSnapshot(value: unknown): value is RunSnapshot {
  if (typeof value !== 'object' || value === null) return false;
  const { runInput, runContext, runOutput, session } = value as Partial<Record<keyof RunSnapshot, unknown>>;
  return [runInput, runContext, runOutput, session].every(
    (part) => typeof part === 'object' && part !== null,
  );
}
