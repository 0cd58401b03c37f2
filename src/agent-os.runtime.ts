import { setMaxListeners } from 'node:events';

import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import { ModulesContainer } from '@nestjs/core';

import { AgentOsLogger } from './errors/agent-os.logger.js';
import { RESOLVED_OPTIONS } from './agent-os.tokens.js';
import type { ResolvedAgentOsOptions } from './agent-os.options.js';
import type { Component } from './components/component.js';
import { componentsIn, ComponentRegistry } from './components/component.registry.js';
import { AgentOsConfigurationError } from './errors/agent-os-configuration.error.js';
import { RequestedEvaluations } from './evals/requested.evaluations.js';
import { Deadlines } from './execution/deadlines.js';
import type { HookIdentity } from './execution/hook-execution.js';
import { toHookCarry } from './execution/hook.carry.js';
import { HookExecutor, type HookExecutorRole } from './execution/hook.executor.js';
import { HookLedger, LedgerExecutions } from './execution/hook.ledger.js';
import { ManagedHookExecutions } from './execution/managed-hook.executions.js';
import { HookExplorer, type HookProvider } from './hooks/hook.explorer.js';
import { HookFailureReporter } from './hooks/hook-failure.reporter.js';
import { prepareHook } from './hooks/hook.functions.js';
import { listHooks, type HookListing } from './hooks/hook.listing.js';
import { HookRegistry } from './hooks/hook.registry.js';
import { HookRunner } from './hooks/hook.runner.js';
import { rebuildTask } from './runs/background/background-hook.task.js';
import { RunIndex } from './execution/run.index.js';
import { InFlightRuns } from './runs/in-flight-runs.js';
import { RunWatch } from './runs/watch.js';
import {
  createDirectEnvironment,
  type DirectEnvironment,
  type FoundHook,
  type ServedEnvironment,
} from './runs/environment.js';
import { EvalStore } from './sessions/eval.store.js';
import { CoordinatedSessionStore, type DeletedSessions } from './sessions/coordinated-session.store.js';
import { StoreCalls } from './sessions/store.calls.js';
import { loadTelemetry } from './telemetry/open-telemetry.js';
import { NoTelemetry, type PendingHooks, type Telemetry } from './telemetry/telemetry.js';

/** How many evaluations of a user are deleted at once. */
const EVALUATIONS_AT_ONCE = 100;

interface BoundRuntime {
  readonly registry: HookRegistry;
  readonly environment: ServedEnvironment;
  readonly direct: DirectEnvironment;
}

/** Connects components, their hooks and the environments that conduct their runs when the application starts. */
@Injectable()
export class AgentOsRuntime implements OnModuleInit {
  readonly components = new ComponentRegistry();
  readonly inFlight: InFlightRuns;
  readonly watch: RunWatch;
  readonly evaluations = new RequestedEvaluations();
  readonly index = new RunIndex();
  /** The ledger of the executor, or of this process, and the operations on its executions. */
  readonly executions: ManagedHookExecutions;
  readonly logger = new AgentOsLogger();
  readonly #deadlines = new Deadlines();
  readonly #shutdown = new AbortController();
  #telemetry: Telemetry = new NoTelemetry();
  #stopMeasuring: (() => void) | undefined;
  #bound: BoundRuntime | undefined;
  #providers: readonly HookProvider[] = [];

  constructor(
    @Inject(RESOLVED_OPTIONS) readonly options: ResolvedAgentOsOptions,
    readonly ledger: HookLedger,
    readonly executor: HookExecutor,
    readonly sessions: CoordinatedSessionStore,
    private readonly evals: EvalStore,
    private readonly storeCalls: StoreCalls,
    private readonly explorer: HookExplorer,
    private readonly modules: ModulesContainer,
  ) {
    const record = executor.executions(new LedgerExecutions(ledger));
    this.executions = new ManagedHookExecutions({ record, ledger, executor });
    sessions.onDeleted((deletion) => this.#forgetHooks(deletion));
    this.inFlight = new InFlightRuns(options.maxRuns);
    this.watch = new RunWatch({ inFlight: this.inFlight, deadlines: this.#deadlines, logger: this.logger });
    // Every open event stream adds a listener; that is no leak.
    setMaxListeners(0, this.shutdown);
    for (const component of [...options.agents, ...options.teams, ...options.workflows])
      this.components.add(component);
  }

  /** Resolves every reference now, so that a wrong one fails the start and not a request. */
  async onModuleInit(): Promise<void> {
    this.#refuseTwins();
    this.#telemetry = await loadTelemetry(this.options.telemetry, this.logger);
    this.#providers = this.explorer.explore();
    for (const component of this.components.all()) {
      const { pre, post } = this.#bind().registry.hooksOf(component, 'root');
      for (const hook of [...pre, ...post]) await prepareHook(hook);
    }
  }

  /** Aborted at the shutdown deadline. */
  get shutdown(): AbortSignal {
    return this.#shutdown.signal;
  }

  /** Ends the measurements of hooks. */
  stopMeasuring(): void {
    this.#stopMeasuring?.();
  }

  async #pendingHooks(): Promise<readonly PendingHooks[]> {
    return (await this.executions.totals({ isOpen: true })).hooks;
  }

  /** Ends the wait of shutdown: runs are aborted, and hooks that have not run are dropped. */
  endShutdown(): void {
    this.inFlight.shutDown();
    this.storeCalls.endWaits();
    this.#shutdown.abort();
  }

  /**
   * Starts the executor.
   *
   * @throws AgentOsConfigurationError if it runs hooks in this process only, and the role says otherwise
   */
  async startExecutor(role: HookExecutorRole): Promise<void> {
    if (role !== 'both' && !this.options.executor)
      throw new AgentOsConfigurationError(
        `AgentOsModule: role: '${role}' needs an executor whose store processes share, such as bullmq({ connection }) of ` +
          'nestjs-agentos/bullmq. Without one, background hooks run in the process of their run.',
      );
    const { ledger, logger, environment } = this;
    this.#stopMeasuring = this.#telemetry.measureHooks({
      changes: ledger.changes,
      pending: () => this.#pendingHooks(),
    });
    const { releaseAfter, shutdownTimeout, carry } = this.options;
    const { client: sessionClient } = this.sessions;
    await this.executor.start({
      role,
      releaseAfter,
      shutdownTimeout,
      ...(carry ? { carry: toHookCarry(carry, logger) } : {}),
      ...(sessionClient ? { sessionClient } : {}),
      ledger,
      logger,
      limitsOf: (hook) => environment.findHook(hook)?.hook.limits,
      rebuild: (stored) => rebuildTask(stored, environment),
    });
  }

  /**
   * Deletes the stored data of a user: sessions with their runs, evaluations, and the data of background hooks.
   *
   * @returns the ids of the deleted sessions
   */
  async deleteUserData(userId: string): Promise<readonly string[]> {
    const deleted = await this.sessions.deleteAllOf(userId);
    await this.executor.forget({ userId });
    for (let left = await this.evals.count({ userId }); left > 0; left -= EVALUATIONS_AT_ONCE) {
      const found = await this.evals.list({ userId, limit: EVALUATIONS_AT_ONCE });
      const ids = found.map(({ id }) => id);
      await this.evals.delete(ids, userId);
    }
    return deleted;
  }

  async #forgetHooks({ ids, owner, deleted }: DeletedSessions): Promise<void> {
    if (owner === undefined) return this.executor.forget({ sessionIds: ids });
    // Sessions that only runs in flight know, and those that the store knows the owner of.
    await this.executor.forget({ sessionIds: ids, userId: owner });
    if (deleted.length > 0) await this.executor.forget({ sessionIds: deleted });
  }

  /** Conducts runs, with background hooks. */
  get environment(): ServedEnvironment {
    return this.#bind().environment;
  }

  /** Conducts runs with all hooks inline; class references are resolved from the container. */
  get directEnvironment(): DirectEnvironment {
    return this.#bind().direct;
  }

  /** Adds a component while the application runs. */
  register(component: Component): void {
    for (const item of componentsIn(component)) this.#bind().registry.hooksOf(item, 'root');
    this.components.add(component);
  }

  /** Every hook, where it is attached, its mode and why. */
  listHooks(): HookListing[] {
    const isServed = (component: { readonly id: string }): boolean =>
      this.components.get(component.id) !== undefined;
    return listHooks(this.#bind().registry, this.components.all(), isServed, this.#providers);
  }

  /** Bound when first needed: a provider may run a component in its own `onModuleInit`. */
  #bind(): BoundRuntime {
    if (this.#bound) return this.#bound;
    const { runHooksInBackground, preHooks, postHooks } = this.options;
    const registry = new HookRegistry({
      instances: this.explorer,
      runHooksInBackground,
      preHooks,
      postHooks,
    });
    const environment = this.#createEnvironment(registry);
    const { sessions, evals, storeCalls } = this;
    const { runTimeout } = this.options;
    const direct = { ...createDirectEnvironment(registry), sessions, evals, storeCalls, runTimeout };
    return (this.#bound = { registry, environment, direct });
  }

  /** Two modules would create two ledgers and two interceptors, and components that use only one of them. */
  #refuseTwins(): void {
    const twins = [...this.modules.values()].filter(({ providers }) => providers.has(AgentOsRuntime));
    if (twins.length < 2) return;
    throw new AgentOsConfigurationError(
      `AgentOsModule is configured ${twins.length} times. Call forRoot() or forRootAsync() once, in the root module, ` +
        'with { isGlobal: true } if other modules need AgentOsService.',
    );
  }

  #findHook(registry: HookRegistry, execution: HookIdentity): FoundHook | undefined {
    const { kind, id } = execution.component;
    const component = this.components.find(id);
    if (component?.kind !== kind) return undefined;
    const hook = registry.find(component, execution);
    return hook && { hook, component };
  }

  #createEnvironment(registry: HookRegistry): ServedEnvironment {
    const { ledger, logger, executor, inFlight, sessions, evals, storeCalls } = this;
    const { releaseAfter, onDisconnect, onHookError, onRunError, runTimeout } = this.options;
    const deadlines = this.#deadlines;
    const failures = new HookFailureReporter(logger, onHookError);
    return {
      kind: 'served',
      hooksOf: (component, position) => registry.hooksOf(component, position),
      modeOf: (hook) => registry.modeOf(hook).mode,
      findHook: (execution) => this.#findHook(registry, execution),
      runner: new HookRunner({ ledger, deadlines, failures }),
      ledger,
      deadlines,
      inFlight,
      watch: this.watch,
      logger,
      sessions,
      evals,
      storeCalls,
      runTimeout,
      ...(onRunError ? { onRunError } : {}),
      // Looked up at each run: the environment may be needed before the tracer is loaded.
      telemetry: {
        startRun: (run) => this.#telemetry.startRun(run),
        hooksOf: (traceparent, owner) => this.#telemetry.hooksOf(traceparent, owner),
        evaluated: (evaluation) => this.#telemetry.evaluated(evaluation),
        measureHooks: (hooks) => this.#telemetry.measureHooks(hooks),
      },
      executor,
      index: this.index,
      releaseAfter,
      onDisconnect,
    };
  }
}
