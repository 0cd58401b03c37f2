import { InMemoryEvalStore, InMemorySessionStore } from 'nestjs-agentos';

import { Deadlines } from '../../src/execution/deadlines.js';
import { HookLedger } from '../../src/execution/hook.ledger.js';
import { InProcessHookExecutor } from '../../src/execution/in-process-hook.executor.js';
import { HookFailureReporter } from '../../src/hooks/hook-failure.reporter.js';
import { HookRegistry } from '../../src/hooks/hook.registry.js';
import { HookRunner } from '../../src/hooks/hook.runner.js';
import type { ServedEnvironment } from '../../src/runs/environment.js';
import { InFlightRuns } from '../../src/runs/in-flight-runs.js';
import { RunIndex } from '../../src/execution/run.index.js';
import { RunWatch } from '../../src/runs/watch.js';
import { CoordinatedSessionStore } from '../../src/sessions/coordinated-session.store.js';
import { StoreCalls } from '../../src/sessions/store.calls.js';
import { NoTelemetry } from '../../src/telemetry/telemetry.js';

const noLogger = { error: () => undefined, warn: () => undefined };

/** What AgentOS conducts runs with, without an application: for specs of runs alone. */
export function createServedEnvironment(given: Partial<ServedEnvironment> = {}): ServedEnvironment {
  const registry = new HookRegistry({
    instances: {
      instanceOf: () => {
        throw new Error('There is no container here.');
      },
    },
    runHooksInBackground: false,
    preHooks: [],
    postHooks: [],
  });
  const { ledger = new HookLedger(), deadlines = new Deadlines(), logger = noLogger } = given;
  const { inFlight = new InFlightRuns() } = given;
  return {
    kind: 'served',
    hooksOf: (component, position) => registry.hooksOf(component, position),
    modeOf: (hook) => registry.modeOf(hook).mode,
    findHook: () => undefined,
    runner: new HookRunner({ ledger, deadlines, failures: new HookFailureReporter(logger) }),
    ledger,
    deadlines,
    inFlight,
    watch: new RunWatch({ inFlight, deadlines, logger }),
    logger,
    telemetry: new NoTelemetry(),
    sessions: new CoordinatedSessionStore(new InMemorySessionStore()),
    evals: new InMemoryEvalStore(),
    storeCalls: new StoreCalls({ timeout: 10_000, logger }),
    executor: new InProcessHookExecutor({ concurrency: 10, maxPending: 100, onOverflow: () => undefined }),
    index: new RunIndex(),
    releaseAfter: 30_000,
    runTimeout: 600_000,
    onDisconnect: 'finish',
    ...given,
  };
}
