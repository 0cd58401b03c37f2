import type { HookExecution } from '../execution/hook-execution.js';
import type { HookDelivery, HookTask } from '../execution/hook.executor.js';
import type { BoundHook } from '../hooks/bound-hook.js';
import type { HookInfo, PostHookContext } from '../hooks/hook.context.js';
import type { HookSubject } from '../hooks/hook.runner.js';
import type { LazySignal } from '../hooks/lazy-signal.js';
import type { RunnableComponent } from '../model/runnable-component.js';
import type { RunSpan } from '../telemetry/tracing.js';
import type { OutboxEntry } from './outbox.js';
import type { ServedEnvironment } from './environment.js';
import { CopiedHookContext } from './hook.contexts.js';
import { originOf } from './origin.js';
import { enterScope, type HookScope, type RunScope } from './scope.js';
import type { RunSnapshot } from './snapshot.js';

/** A background hook that was released by its run's outcome. It keeps the run's copy, not the run. */
export class BackgroundHookTask implements HookTask, HookSubject {
  readonly execution: HookExecution;
  readonly snapshot: RunSnapshot | Error;
  readonly #hook: BoundHook;
  readonly #component: RunnableComponent;
  readonly #environment: ServedEnvironment;
  readonly #span: RunSpan | undefined;
  readonly #scope: RunScope;

  /** @param scope - shared by the hooks of a batch; says that runs they start are started by a hook */
  constructor({ hook, run, execution }: OutboxEntry, environment: ServedEnvironment, scope: HookScope) {
    this.execution = execution;
    this.snapshot = run.snapshot();
    this.#hook = hook;
    this.#component = run.component;
    this.#environment = environment;
    this.#span = run.span;
    this.#scope = { hook: scope, origin: originOf(run) };
  }

  run(delivery: HookDelivery): Promise<void> | undefined {
    return this.#environment.runner.runInBackground(
      { hook: this.#hook, execution: this.execution, subject: this },
      delivery,
    );
  }

  drop(): void {
    this.#environment.ledger.end(this.execution, 'dropped', { reason: 'shutdown' });
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
