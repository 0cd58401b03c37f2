import { Logger } from '@nestjs/common';

import { AgentOsConfigurationError } from '../errors/agent-os-configuration.error.js';
import { Deadlines } from '../execution/deadlines.js';
import { HookLedger } from '../execution/hook.ledger.js';
import type { HookInstances } from '../hooks/hook.binder.js';
import { HookFailureReporter } from '../hooks/hook-failure.reporter.js';
import type { ComponentHooks } from '../hooks/hook.registry.js';
import { HookRegistry } from '../hooks/hook.registry.js';
import { HookRunner } from '../hooks/hook.runner.js';
import type { HookedComponent } from '../hooks/hooked-component.js';
import { STORE_TIMEOUT, StoreCalls } from '../sessions/store.calls.js';
import { NoTracing } from '../telemetry/tracing.js';
import { InFlightRuns } from './in-flight-runs.js';
import type { DirectEnvironment } from './environment.js';
import { RUN_TIMEOUT } from './time-limit.js';

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
  const logger = new Logger('AgentOs');
  const ledger = new HookLedger(0);
  const deadlines = new Deadlines();
  return {
    kind: 'direct',
    // The module's hooks are AgentOS's own: a direct run gets what the component lists.
    hooksOf: (component: HookedComponent): ComponentHooks => registry.hooksOf(component, 'inside-hook'),
    runner: new HookRunner({ ledger, deadlines, failures: new HookFailureReporter(logger) }),
    ledger,
    deadlines,
    inFlight: new InFlightRuns(),
    runTimeout: RUN_TIMEOUT,
    storeCalls: new StoreCalls({ timeout: STORE_TIMEOUT, logger }),
    logger,
    tracing: new NoTracing(),
  };
}
