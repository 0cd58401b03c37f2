import type { LoggerService } from '@nestjs/common';

import type { Deadlines } from '../execution/deadlines.js';
import type { HookMode } from '../execution/hook-execution.js';
import type { HookExecutor } from '../execution/hook.executor.js';
import type { HookLedger } from '../execution/hook.ledger.js';
import type { BoundHook } from '../hooks/bound-hook.js';
import type { ComponentHooks, HookPosition } from '../hooks/hook.registry.js';
import type { HookRunner } from '../hooks/hook.runner.js';
import type { HookedComponent } from '../hooks/hooked-component.js';
import type { EvalStore } from '../sessions/eval.store.js';
import type { SessionStore } from '../sessions/session.store.js';
import type { StoreCalls } from '../sessions/store.calls.js';
import type { Tracing } from '../telemetry/tracing.js';
import type { InFlightRuns } from './in-flight-runs.js';

/**
 * What runs need from whoever conducts them. There are two kinds: AgentOS, which runs hooks in the background, and
 * the direct one, which runs all of them inline.
 */
export interface RunEnvironment {
  readonly hooksOf: (component: HookedComponent, position: HookPosition) => ComponentHooks;
  readonly modeOf: (hook: BoundHook) => HookMode;
  readonly runner: HookRunner;
  readonly ledger: HookLedger;
  readonly deadlines: Deadlines;
  readonly inFlight: InFlightRuns;
  readonly logger: Pick<LoggerService, 'error' | 'warn'>;
  readonly tracing: Tracing;
  /** Absent in direct runs: a session lasts as long as its run. */
  readonly sessions?: SessionStore;
  /** Absent in direct runs of bare components. */
  readonly evals?: EvalStore;
  /** Waits for stores, also for one that a judge brings. */
  readonly storeCalls: StoreCalls;
  /** Milliseconds that a run may take, unless its component says otherwise. */
  readonly runTimeout: number;
  /** Absent in direct runs: nothing is left for later. */
  readonly background?: BackgroundEnvironment;
}

/** Where the hooks go that run after the response. */
export interface BackgroundEnvironment {
  readonly executor: HookExecutor;
  /** Milliseconds a response may outlive its run before the hooks are released without it. */
  readonly releaseAfter: number;
  /** What becomes of a run whose client leaves. */
  readonly onDisconnect: 'finish' | 'cancel';
}
