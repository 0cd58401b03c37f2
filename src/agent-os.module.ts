import { Module, type DynamicModule } from '@nestjs/common';

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
import { HookExplorer } from './hooks/hook.explorer.js';
import { resolveOptions } from './resolve-options.js';
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
    AgentOsInterceptor,
  ],
  exports: [AgentOsService, AgentOsInterceptor, SessionStore, EvalStore],
})
export class AgentOsModule extends AgentOsConfigurableModule {
  /** Configures the module with plain options. */
  static override forRoot(options: typeof AGENT_OS_OPTIONS_TYPE = {}): DynamicModule {
    checkObject('forRoot', options);
    checkWiring('forRoot', options);
    return super.forRoot(options);
  }

  /**
   * Configures the module with options from a factory or class. The options for routes and wiring are given beside it:
   * `isGlobal`, `http`, `interceptor`.
   */
  static override forRootAsync(options: typeof AGENT_OS_ASYNC_OPTIONS_TYPE): DynamicModule {
    checkAsyncOptions(options);
    return super.forRootAsync(options);
  }
}

function refuseBareModule(): never {
  throw new AgentOsConfigurationError(
    'AgentOsModule was imported without options. Write AgentOsModule.forRoot({ agents: [ … ] }) in the root module. ' +
      'A module that only needs AgentOsService does not import it: say isGlobal: true in forRoot().',
  );
}

function checkObject(method: string, options: unknown): void {
  if (typeof options === 'object' && options !== null && !Array.isArray(options)) return;
  const got = Array.isArray(options) ? 'an array' : String(options);
  throw new AgentOsConfigurationError(`AgentOsModule.${method}() expects an object of options, got ${got}.`);
}

/** Checks the options that are read before the others are resolved, since they define the routes. */
function checkWiring(method: string, options: object): void {
  const { http, interceptor, isGlobal } = options as Partial<Record<string, unknown>>;
  const fail = (problem: string): never => {
    throw new AgentOsConfigurationError(`AgentOsModule.${method}(): expected ${problem}.`);
  };
  if (isGlobal !== undefined && typeof isGlobal !== 'boolean')
    fail(`isGlobal to be true or false, got ${showValue(isGlobal)}`);
  if (interceptor !== undefined && interceptor !== 'global' && interceptor !== 'manual')
    fail(`interceptor to be "global" or "manual", got ${showValue(interceptor)}`);
  const { prefix, guards } = (typeof http === 'object' && http !== null ? http : {}) as Partial<
    Record<string, unknown>
  >;
  if (prefix !== undefined && typeof prefix !== 'string')
    fail(`http.prefix to be a text, got ${showValue(prefix)}`);
  if (guards !== undefined && !Array.isArray(guards))
    fail(`http.guards to be an array, got ${showValue(guards)}`);
}

const SOURCES = ['useFactory', 'useClass', 'useExisting'] as const;
const BESIDE_SOURCES = ['imports', 'inject', 'provideInjectionTokensFrom', 'isGlobal', 'http', 'interceptor'];

/** Nest's own errors for these mistakes name neither the module nor the option. */
function checkAsyncOptions(options: typeof AGENT_OS_ASYNC_OPTIONS_TYPE): void {
  checkObject('forRootAsync', options);
  const fail = (problem: string): never => {
    throw new AgentOsConfigurationError(`AgentOsModule.forRootAsync(): ${problem}`);
  };
  checkWiring('forRootAsync', options);
  const known: readonly string[] = [...SOURCES, ...BESIDE_SOURCES];
  const unknown = Object.keys(options).find((name) => !known.includes(name));
  if (unknown !== undefined)
    fail(
      `unknown option "${unknown}". Known options: ${known.join(', ')}. All others stand in what the factory returns.`,
    );
  for (const name of ['imports', 'inject'] as const)
    if (options[name] !== undefined && !Array.isArray(options[name]))
      fail(`expected ${name} to be an array, got ${showValue(options[name])}.`);
  const given = SOURCES.filter((name) => options[name] !== undefined);
  const [source, ...others] = given;
  if (source === undefined)
    return fail('give it one of useFactory, useClass and useExisting. Without a factory use forRoot().');
  if (others.length > 0) fail(`${given.join(' and ')} exclude each other. Keep one.`);
  const { useClass } = options;
  const type = typeof options[source];
  const { createAgentOsOptions } = (useClass?.prototype ?? {}) as { createAgentOsOptions?: unknown };
  if (typeof useClass === 'function' && typeof createAgentOsOptions !== 'function')
    fail(`expected ${useClass.name} to have a method createAgentOsOptions() that returns the options.`);
  const isToken = source === 'useExisting' && ['string', 'symbol'].includes(type);
  if (type === 'function' || isToken) return;
  fail(`expected ${source} to be a ${source === 'useFactory' ? 'function' : 'class'}, got ${type}.`);
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
          `is handed back. This happened ${overflows} times since the start. Raise concurrency or make hooks faster.`,
      );
    },
  });
}
