import { type LoggerService } from '@nestjs/common';

import { AgentOsLogger } from '../errors/agent-os.logger.js';
import { AgentOsConfigurationError } from '../errors/agent-os-configuration.error.js';
import { Deadlines } from '../execution/deadlines.js';
import type { HookIdentity, HookMode, HookPosition } from '../execution/hook-execution.js';
import type { HookExecutor } from '../execution/hook.executor.js';
import { HookLedger } from '../execution/hook.ledger.js';
import type { BoundHook } from '../hooks/bound-hook.js';
import type { HookInstances } from '../hooks/hook.binder.js';
import { HookFailureReporter } from '../hooks/hook-failure.reporter.js';
import { HookRegistry, type ComponentHooks } from '../hooks/hook.registry.js';
import { HookRunner } from '../hooks/hook.runner.js';
import type { HookedComponent } from '../hooks/hooked-component.js';
import type { RunnableComponent } from '../model/runnable-component.js';
import type { CoordinatedSessionStore } from '../sessions/coordinated-session.store.js';
import type { EvalStore } from '../sessions/eval.store.js';
import { STORE_TIMEOUT, StoreCalls } from '../sessions/store.calls.js';
import { NoTelemetry, type Telemetry } from '../telemetry/telemetry.js';
import { InFlightRuns } from './in-flight-runs.js';
import type { RunErrorHandler } from './outcome.js';
import type { RunIndex } from '../execution/run.index.js';
import { RUN_TIMEOUT, RunWatch } from './watch.js';

/** The fields that all environments have. */
interface CommonEnvironment {
  readonly hooksOf: (component: HookedComponent, position: HookPosition) => ComponentHooks;
  readonly runner: HookRunner;
  readonly ledger: HookLedger;
  readonly deadlines: Deadlines;
  readonly inFlight: InFlightRuns;
  readonly watch: RunWatch;
  readonly logger: Pick<LoggerService, 'error' | 'warn'>;
  readonly telemetry: Telemetry;
  /** Waits for stores, including the store of a judge. */
  readonly storeCalls: StoreCalls;
  /** Milliseconds that a run may take, unless its component says otherwise. */
  readonly runTimeout: number;
}

/** AgentOS conducts the run: hooks run in the mode that the registry says, background hooks after the response. */
export interface ServedEnvironment extends CommonEnvironment {
  readonly kind: 'served';
  readonly modeOf: (hook: BoundHook) => HookMode;
  /** Finds the hook of an execution among those of the registered components. */
  readonly findHook: (execution: HookIdentity) => FoundHook | undefined;
  readonly sessions: CoordinatedSessionStore;
  readonly evals: EvalStore;
  readonly executor: HookExecutor;
  readonly index: RunIndex;
  /** Milliseconds a response may outlive its run before the hooks are released without it. */
  readonly releaseAfter: number;
  /** Whether a run finishes or is cancelled when its client leaves. */
  readonly onDisconnect: 'finish' | 'cancel';
  /** Called for runs that failed. The callers of direct runs get the error itself. */
  readonly onRunError?: RunErrorHandler;
}

/** A hook and the component whose runs it belongs to. */
export interface FoundHook {
  readonly hook: BoundHook;
  readonly component: RunnableComponent;
}

/** A component is run directly: all hooks are inline, there are no stores, a session lasts as long as its run. */
export interface DirectEnvironment extends CommonEnvironment {
  readonly kind: 'direct';
  readonly sessions?: CoordinatedSessionStore;
  readonly evals?: EvalStore;
}

/** The surroundings that conduct a run. */
export type RunEnvironment = ServedEnvironment | DirectEnvironment;

/** Outside AgentOS there is no container to ask. */
const noContainer: HookInstances = {
  instanceOf(hookClass, place) {
    throw new AgentOsConfigurationError(
      `${place}: ${hookClass.name} is a class, and outside AgentOS there is no container to take its instance from. ` +
        `Run the component through AgentOsService, or pass an instance: hookRef(new ${hookClass.name}(…), 'method').`,
    );
  },
};

let shared: DirectEnvironment | undefined;

/** Conducts the runs of bare components: all hooks inline, whatever their decorators say. */
export function directEnvironment(): DirectEnvironment {
  return (shared ??= createDirectEnvironment(
    new HookRegistry({ instances: noContainer, runHooksInBackground: true, preHooks: [], postHooks: [] }),
  ));
}

/** A direct environment whose hooks are bound by the given registry, without the module's own. */
export function createDirectEnvironment(registry: HookRegistry): DirectEnvironment {
  const logger = new AgentOsLogger();
  const ledger = new HookLedger(0);
  const deadlines = new Deadlines();
  const inFlight = new InFlightRuns();
  return {
    kind: 'direct',
    // The module's hooks belong to AgentOS: a direct run gets only the hooks that its component lists.
    hooksOf: (component: HookedComponent): ComponentHooks => registry.hooksOf(component, 'inside-hook'),
    runner: new HookRunner({ ledger, deadlines, failures: new HookFailureReporter(logger) }),
    ledger,
    deadlines,
    inFlight,
    watch: new RunWatch({ inFlight, deadlines, logger }),
    runTimeout: RUN_TIMEOUT,
    storeCalls: new StoreCalls({ timeout: STORE_TIMEOUT, logger }),
    logger,
    telemetry: new NoTelemetry(),
  };
}
