import { createHash } from 'node:crypto';

import { toError } from '../../data/to-error.js';
import type { HookExecution } from '../../execution/hook-execution.js';
import type { HookDelivery, HookTask, StoredHookTask } from '../../execution/hook.executor.js';
import type { HookLimits } from '../../execution/hook.limits.js';
import { describedHook, type BoundHook } from '../../hooks/bound-hook.js';
import { CopiedHookContext, type HookInfo, type PostHookContext } from '../../hooks/hook.context.js';
import type { HookCall, HookSubject } from '../../hooks/hook.runner.js';
import { LazySignal } from '../../hooks/lazy-signal.js';
import type { RunOrigin } from '../../model/run-origin.js';
import type { RunnableComponent } from '../../model/runnable-component.js';
import type { HookSpans } from '../../telemetry/telemetry.js';
import type { CollectedRun, OutboxEntry } from './outbox.js';
import type { ServedEnvironment } from '../environment.js';
import { enterScope, originOf, type RunScope } from '../scope.js';
import type { RunSnapshot } from '../../model/run-snapshot.js';

/** The data that all hooks of one run share. It does not hold the run itself. */
interface HookedRun {
  readonly component: RunnableComponent;
  readonly snapshot: RunSnapshot | Error;
  readonly origin: RunOrigin;
  readonly scope: RunScope;
  readonly hookSpans?: HookSpans | undefined;
}

/** The tasks of the hooks that the outcomes of their runs have released, in order. */
export function collectedTasks(
  released: readonly OutboxEntry[],
  environment: ServedEnvironment,
): readonly BackgroundHookTask[] {
  let latest: CollectedRun | undefined;
  let shared: HookedRun | undefined;
  return released.map(({ hook, run, execution }) => {
    if (!shared || run !== latest) shared = hookedRunOf(run, environment);
    latest = run;
    const task = new BackgroundHookTask(hook, execution, shared, environment);
    task.readKey();
    return task;
  });
}

function hookedRunOf(run: CollectedRun, environment: ServedEnvironment): HookedRun {
  const { component, hookSpans } = run;
  const origin = originOf(run);
  return { component, snapshot: run.snapshot(), origin, scope: scopeOf(origin, environment), hookSpans };
}

/** The runs that the hooks of a run start count as started by a hook, on behalf of the user of that run. */
function scopeOf(origin: RunOrigin, environment: ServedEnvironment): RunScope {
  return { hook: { environment, isBackground: true }, origin };
}

/**
 * The task of a hook whose execution comes from a store. Its span links to that of the run, which existed in the process
 * that stored the hook.
 *
 * @returns undefined if no registered component has such a hook
 * @throws TypeError if the snapshot is not that of a run
 */
export function rebuildTask(
  { execution: stored, snapshot, origin, traceparent }: StoredHookTask,
  environment: ServedEnvironment,
): HookTask | undefined {
  const found = environment.findHook(stored);
  if (!found) return undefined;
  if (!isSnapshot(snapshot)) {
    throw new TypeError(`Expected the snapshot of a run for the hook execution ${stored.id}.`);
  }
  const execution = environment.ledger.adopt(stored);
  const { hook, component } = found;
  const scope = scopeOf(origin, environment);
  const hookSpans =
    traceparent === undefined ? undefined : environment.telemetry.hooksOf(traceparent, origin);
  return new BackgroundHookTask(
    hook,
    execution,
    { component, snapshot, origin, scope, hookSpans },
    environment,
  );
}

/** A background hook that is due. It keeps the run's copy, not the run. */
class BackgroundHookTask implements HookTask, HookSubject {
  readonly execution: HookExecution;
  readonly limits?: HookLimits;
  readonly #hook: BoundHook;
  #run: HookedRun;
  readonly #environment: ServedEnvironment;
  #key: string | undefined;

  constructor(hook: BoundHook, execution: HookExecution, run: HookedRun, environment: ServedEnvironment) {
    this.execution = execution;
    if (hook.limits) this.limits = hook.limits;
    this.#hook = hook;
    this.#run = run;
    this.#environment = environment;
  }

  get snapshot(): RunSnapshot | Error {
    return this.#run.snapshot;
  }

  get origin(): RunOrigin {
    return this.#run.origin;
  }

  /** The scope of the hook; one object for all hooks of a run, so that it need not be entered again for each. */
  get scope(): RunScope {
    return this.#run.scope;
  }

  get #call(): HookCall {
    return { hook: this.#hook, execution: this.execution, subject: this };
  }

  get traceparent(): string | undefined {
    return this.#run.hookSpans?.traceparent;
  }

  get isRebuildable(): boolean {
    const found = this.#environment.findHook(this.execution);
    return found?.hook === this.#hook && found.component === this.#run.component;
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

  drop(reason: 'shutdown' | 'deleted' = 'shutdown'): void {
    this.#run = { ...this.#run, snapshot: new Error('The hook was dropped.') };
    this.#environment.ledger.end(this.execution, 'dropped', { reason });
  }

  markVolatile(): void {
    this.#environment.ledger.markVolatile(this.execution);
  }

  supersede(): void {
    this.#environment.ledger.end(this.execution, 'skipped', { reason: 'superseded' });
  }

  get key(): string | undefined {
    return this.#key;
  }

  /** Asks the option `key` of the hook, once. If that fails, the hook has failed. */
  readKey(): void {
    const { definition, phase } = this.#hook;
    // A run that cannot be copied fails its hooks when they start.
    if (!definition.key || this.snapshot instanceof Error) return;
    const { component, id: executionId, hook: name, mode } = this.execution;
    const signal = new LazySignal(undefined);
    try {
      const context = this.createContext({ name, phase, executionId, attempt: 1, mode }, signal);
      const key: unknown = definition.key(context);
      if (typeof key !== 'string' || key === '' || key.length > 255)
        throw new TypeError(
          `The "key" of hook "${name}" must return a text of 1 to 255 characters, at once.`,
        );
      const named = JSON.stringify([component.kind, component.id, phase, name, key]);
      this.#key = createHash('sha256').update(named).digest('base64url');
    } catch (thrown) {
      this.fail(toError(thrown));
    } finally {
      signal.close();
    }
  }

  reopen(): void {
    this.#environment.ledger.reopen(this.execution);
  }

  createContext(info: HookInfo, signal: LazySignal): PostHookContext {
    const { snapshot, component } = this.#run;
    if (snapshot instanceof Error) throw snapshot;
    return new CopiedHookContext(snapshot, component, info, signal);
  }

  enter<R>(execution: HookExecution, callback: () => R): R {
    const { hookSpans, scope } = this.#run;
    if (!hookSpans) return enterScope(scope, callback);
    const described = describedHook(this.#hook, execution);
    return enterScope(scope, () => hookSpans.run(described, callback));
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
