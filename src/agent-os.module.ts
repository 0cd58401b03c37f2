import { Module, type DynamicModule } from '@nestjs/common';
import { z } from 'zod';

import { AgentOsLogger } from './errors/agent-os.logger.js';
import { AgentOsLifecycle } from './agent-os.lifecycle.js';
import {
  AgentOsConfigurableModule,
  GIVEN_OPTIONS,
  type AGENT_OS_ASYNC_OPTIONS_TYPE,
  type AGENT_OS_OPTIONS_TYPE,
} from './agent-os.module-definition.js';
import type { AgentOsExtras, AgentOsOptions, ResolvedAgentOsOptions } from './agent-os.options.js';
import { AgentOsRuntime } from './agent-os.runtime.js';
import { AgentOsService } from './agent-os.service.js';
import { EXTRAS, RESOLVED_OPTIONS } from './agent-os.tokens.js';
import { AgentOsConfigurationError } from './errors/agent-os-configuration.error.js';
import { HookExecutor } from './execution/hook.executor.js';
import { HookLedger } from './execution/hook.ledger.js';
import { InProcessHookExecutor } from './execution/in-process-hook.executor.js';
import { TimeLimitedHookExecutor } from './execution/time-limited-hook.executor.js';
import { HookHealthIndicator } from './hook.health.js';
import { HookExplorer } from './hooks/hook.explorer.js';
import { isRecord } from './data/is-record.js';
import { checkOptions } from './options/check.options.js';
import { arrayOf, functionOf, valueOf, valueWith } from './options/option.schemas.js';
import { resolveOptions, WIRING_OPTIONS } from './resolve-options.js';
import { AgentOsInterceptor } from './runs/background/agent-os.interceptor.js';
import { EvalStore } from './sessions/eval.store.js';
import { InMemoryEvalStore } from './sessions/in-memory-eval.store.js';
import { showValue } from './model/show-value.js';
import { InMemorySessionStore } from './sessions/in-memory-session.store.js';
import { CoordinatedSessionStore } from './sessions/coordinated-session.store.js';
import { SessionStore } from './sessions/session.store.js';
import { StoreCalls } from './sessions/store.calls.js';
import { TimeLimitedEvalStore } from './sessions/time-limited-eval.store.js';
import { TimeLimitedSessionStore } from './sessions/time-limited-session.store.js';

/**
 * Serves agents, teams and workflows over HTTP and runs hooks around every run. Imported once, in the root module;
 * hook classes are ordinary providers.
 *
 * @example
 * ```ts
 * @Module({
 *   imports: [AgentOsModule.forRoot({ agents: [support], runHooksInBackground: true })],
 *   providers: [SupportHooks],
 * })
 * export class AppModule {}
 * ```
 */
@Module({
  providers: [
    // Defaults; forRoot() and forRootAsync() replace them with the given options.
    { provide: EXTRAS, useValue: {} },
    { provide: GIVEN_OPTIONS, useFactory: refuseBareModule },
    {
      provide: RESOLVED_OPTIONS,
      inject: [GIVEN_OPTIONS, EXTRAS],
      useFactory: (given: AgentOsOptions, extras: AgentOsExtras) => resolveOptions(given, extras),
    },
    { provide: HookLedger, useFactory: () => new HookLedger() },
    { provide: HookExecutor, inject: [RESOLVED_OPTIONS], useFactory: createExecutor },
    {
      provide: StoreCalls,
      inject: [RESOLVED_OPTIONS],
      useFactory: ({ storeTimeout: timeout }: ResolvedAgentOsOptions) =>
        new StoreCalls({ timeout, logger: new AgentOsLogger() }),
    },
    {
      provide: CoordinatedSessionStore,
      inject: [RESOLVED_OPTIONS, StoreCalls],
      // The default store answers immediately: it needs no time limit.
      useFactory: ({ sessionStore }: ResolvedAgentOsOptions, calls: StoreCalls) =>
        new CoordinatedSessionStore(
          sessionStore ? new TimeLimitedSessionStore(sessionStore, calls) : new InMemorySessionStore(),
        ),
    },
    { provide: SessionStore, useExisting: CoordinatedSessionStore },
    {
      provide: EvalStore,
      inject: [RESOLVED_OPTIONS, StoreCalls],
      useFactory: ({ evalStore = new InMemoryEvalStore() }: ResolvedAgentOsOptions, calls: StoreCalls) =>
        TimeLimitedEvalStore.of(evalStore, calls),
    },
    HookExplorer,
    AgentOsRuntime,
    AgentOsLifecycle,
    AgentOsService,
    HookHealthIndicator,
    AgentOsInterceptor,
  ],
  exports: [AgentOsService, HookHealthIndicator, AgentOsInterceptor, SessionStore, EvalStore],
})
export class AgentOsModule extends AgentOsConfigurableModule {
  /** Configures the module with plain options. */
  static override forRoot(options: typeof AGENT_OS_OPTIONS_TYPE = {}): DynamicModule {
    checkWiring(options);
    return super.forRoot(options);
  }

  /**
   * Configures the module with options from a factory or class. The options for routes and wiring are given beside it:
   * `isGlobal`, `http`, `interceptor`, `role`.
   */
  static override forRootAsync(options: typeof AGENT_OS_ASYNC_OPTIONS_TYPE): DynamicModule {
    checkAsyncOptions(options);
    return super.forRootAsync(options);
  }
}

function refuseBareModule(): never {
  throw new AgentOsConfigurationError(
    'AgentOsModule was imported without options. Write AgentOsModule.forRoot({ agents: [ … ] }) in the root module. ' +
      'A module that only needs AgentOsService does not import it: set isGlobal: true in forRoot().',
  );
}

/** Checks the options that are read before the others are resolved, since they define the routes. */
function checkWiring(options: typeof AGENT_OS_OPTIONS_TYPE): void {
  const given: unknown = options;
  const { isGlobal, http, interceptor, role } = isRecord(given) ? given : {};
  const wiring = { isGlobal, http: http === false ? undefined : http, interceptor, role };
  checkOptions('AgentOsModule.forRoot()', WIRING, isRecord(given) ? wiring : given);
  checkRole('AgentOsModule.forRoot()', wiring);
}

const WIRING = z.strictObject(WIRING_OPTIONS);
const SOURCES = ['useFactory', 'useClass', 'useExisting'] as const;

const ASYNC_OPTIONS = z.strictObject({
  useFactory: functionOf<unknown>().optional(),
  useClass: valueWith(problemOfClass).optional(),
  useExisting: valueOf('a class or a token', (value) =>
    ['function', 'string', 'symbol'].includes(typeof value),
  ).optional(),
  imports: arrayOf<unknown>().optional(),
  inject: arrayOf<unknown>().optional(),
  provideInjectionTokensFrom: arrayOf<unknown>().optional(),
  ...WIRING_OPTIONS,
});

/** Nest's own errors for these mistakes name neither the module nor the option. */
function checkAsyncOptions(options: typeof AGENT_OS_ASYNC_OPTIONS_TYPE): void {
  const owner = 'AgentOsModule.forRootAsync()';
  const given: unknown = options;
  const { http, ...others } = isRecord(given) ? given : {};
  const hint = 'All other options belong to the result of the factory.';
  const sources = SOURCES.filter((name) => others[name] !== undefined);
  if (sources.length > 1)
    throw new AgentOsConfigurationError(`${owner}: ${sources.join(' and ')} exclude each other. Keep one.`);
  const checked = { ...others, http: http === false ? undefined : http };
  checkOptions(owner, ASYNC_OPTIONS, isRecord(given) ? checked : given, hint);
  checkRole(owner, checked);
  if (sources.length === 0)
    throw new AgentOsConfigurationError(
      `${owner}: give it one of useFactory, useClass and useExisting. Without a factory use forRoot().`,
    );
}

/** A worker has no routes: options for them would be ignored silently. */
function checkRole(
  owner: string,
  { role, http }: { readonly role?: unknown; readonly http?: unknown },
): void {
  if (role !== 'worker' || http === undefined) return;
  throw new AgentOsConfigurationError(
    `${owner}: role: 'worker' has no routes. Remove http, or choose another role.`,
  );
}

function problemOfClass(given: unknown): string | undefined {
  if (typeof given !== 'function') return `expected useClass to be a class, got ${showValue(given)}.`;
  const { createAgentOsOptions } = (given.prototype ?? {}) as { createAgentOsOptions?: unknown };
  if (typeof createAgentOsOptions === 'function') return undefined;
  return `expected ${given.name} to have a method createAgentOsOptions() that returns the options.`;
}

function createExecutor(options: ResolvedAgentOsOptions): HookExecutor {
  const { executor, concurrency, maxPending, storeTimeout: timeout } = options;
  const logger = new AgentOsLogger();
  if (executor) return new TimeLimitedHookExecutor(executor, { timeout, logger });
  let overflows = 0;
  return new InProcessHookExecutor({
    concurrency,
    maxPending,
    onOverflow: ({ id }) => {
      overflows += 1;
      // A load that causes one overflow causes many.
      if (overflows % 1_000 !== 1) return;
      logger.warn(
        `${maxPending} runs wait for their background hooks (maxPending), so those of run ${id} run before its result ` +
          `is returned. This happened ${overflows} times since the start. Raise concurrency or make hooks faster.`,
      );
    },
  });
}
