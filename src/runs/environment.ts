import type { LoggerService } from '@nestjs/common';

import type { Deadlines } from '../execution/deadlines.js';
import type { HookExecution, HookMode, HookPosition } from '../execution/hook-execution.js';
import type { HookExecutor } from '../execution/hook.executor.js';
import type { HookLedger } from '../execution/hook.ledger.js';
import type { BoundHook } from '../hooks/bound-hook.js';
import type { ComponentHooks } from '../hooks/hook.registry.js';
import type { HookRunner } from '../hooks/hook.runner.js';
import type { HookedComponent } from '../hooks/hooked-component.js';
import type { RunnableComponent } from '../model/runnable-component.js';
import type { CoordinatedSessionStore } from '../sessions/coordinated-session.store.js';
import type { EvalStore } from '../sessions/eval.store.js';
import type { StoreCalls } from '../sessions/store.calls.js';
import type { Tracing } from '../telemetry/tracing.js';
import type { RunErrorHandler } from './failure.js';
import type { InFlightRuns } from './in-flight-runs.js';
import type { RunIndex } from './run.index.js';

/** What runs need from the one who conducts them. */
interface CommonEnvironment {
  readonly hooksOf: (component: HookedComponent, position: HookPosition) => ComponentHooks;
  readonly runner: HookRunner;
  readonly ledger: HookLedger;
  readonly deadlines: Deadlines;
  readonly inFlight: InFlightRuns;
  readonly logger: Pick<LoggerService, 'error' | 'warn'>;
  readonly tracing: Tracing;
  /** Waits for stores, also for one that a judge brings. */
  readonly storeCalls: StoreCalls;
  /** Milliseconds that a run may take, unless its component says otherwise. */
  readonly runTimeout: number;
}

/** AgentOS conducts the run: hooks run in the mode that the registry says, background hooks after the response. */
export interface ServedEnvironment extends CommonEnvironment {
  readonly kind: 'served';
  readonly modeOf: (hook: BoundHook) => HookMode;
  /** Finds the hook of an execution among those of the registered components. */
  readonly findHook: (execution: HookExecution) => FoundHook | undefined;
  readonly sessions: CoordinatedSessionStore;
  readonly evals: EvalStore;
  readonly executor: HookExecutor;
  readonly index: RunIndex;
  /** Milliseconds a response may outlive its run before the hooks are released without it. */
  readonly releaseAfter: number;
  /** What becomes of a run whose client leaves. */
  readonly onDisconnect: 'finish' | 'cancel';
  /** Is told of runs that failed. The callers of direct runs get the error itself. */
  readonly onRunError?: RunErrorHandler;
}

/** A hook and the component whose runs it belongs to. */
export interface FoundHook {
  readonly hook: BoundHook;
  readonly component: RunnableComponent;
}

/** A component is run directly: all hooks inline. Bare components have no stores: a session lasts as long as its run. */
export interface DirectEnvironment extends CommonEnvironment {
  readonly kind: 'direct';
  readonly sessions?: CoordinatedSessionStore;
  readonly evals?: EvalStore;
}

/** Who conducts a run. */
export type RunEnvironment = ServedEnvironment | DirectEnvironment;
