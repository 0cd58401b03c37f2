import {
  Module,
  type INestApplication,
  type LoggerService,
  type LogLevel,
  type ModuleMetadata,
} from '@nestjs/common';
import { NestFactory, type AbstractHttpAdapter } from '@nestjs/core';

import { AgentOsModule } from '../agent-os.module.js';
import type { AgentOsExtras, AgentOsOptions } from '../agent-os.options.js';
import { AgentOsService } from '../agent-os.service.js';
import { AgentOsConfigurationError } from '../errors/agent-os-configuration.error.js';
import type { HookExecution } from '../execution/hook-execution.js';
import type { HookExecutor } from '../execution/hook.executor.js';
import { InProcessHookExecutor } from '../execution/in-process-hook.executor.js';
import { useClock } from '../model/clock.js';
import { useIds } from '../model/ids.js';
import { checkOptions } from '../options/check.options.js';
import { functionOf, oneOf, optionsOf } from '../options/option.schemas.js';
import { HeldHooks, type HeldHookSelector, type ReleaseOptions } from './held.hooks.js';
import { spyOnHooks, type HookSpy } from './hook.spy.js';
import { describeExecutions } from './hook.texts.js';
import { createTestClient, type TestClient } from './test-client.js';

/** Milliseconds that shutdown waits for hooks: short, so that tests with unfinished hooks are not slow. */
const SHUTDOWN_TIMEOUT = 1_000;

/** The handling of background hooks in a test. */
export type TestHookMode = (typeof MODES)[number];

const MODES = ['real', 'inline', 'hold'] as const;

/** The checks of the options that are not the module's or Nest's. */
const KIT_OPTIONS = optionsOf<Pick<TestAgentOsOptions, 'hooks' | 'ids' | 'clock'>>()({
  hooks: oneOf(...MODES).default('real'),
  ids: functionOf<() => string>().optional(),
  clock: functionOf<() => number>().optional(),
});

/** The options of {@link createTestAgentOs}: all options of the module, and these. */
export interface TestAgentOsOptions
  extends
    Omit<AgentOsOptions, 'http'>,
    AgentOsExtras,
    Pick<ModuleMetadata, 'imports' | 'controllers' | 'providers'> {
  /**
   * The handling of background hooks. Default `real`.
   *
   * - `real`: as in production, after the response.
   * - `inline`: they have run when the run is answered, on copies as usual; their errors do not affect the run.
   * - `hold`: they are recorded, and run when the test calls {@link TestAgentOs.release} or `releaseAll()`.
   */
  readonly hooks?: TestHookMode;
  /**
   * Creates the ids of runs, sessions, messages, steps, files and evaluations, in this whole process until {@link
   * TestAgentOs.close}: {@link countedIds}. Default: random.
   */
  readonly ids?: () => string;
  /**
   * The clock for recorded times, in epoch milliseconds, in this whole process until {@link TestAgentOs.close}: {@link
   * fixedClock}. Durations in answers are then 0; time limits use real time. Default: the real time.
   */
  readonly clock?: () => number;
  /** The HTTP adapter, such as `new FastifyAdapter()`. Default: that of `@nestjs/platform-express`. */
  readonly adapter?: AbstractHttpAdapter;
  /** As in `NestFactory.create()`. Default: errors are printed. */
  readonly logger?: LoggerService | LogLevel[] | false;
  /** Configures the application before it listens: pipes, filters, a global prefix. */
  readonly configure?: (app: INestApplication) => void | Promise<void>;
}

interface TestAgentOsParts {
  readonly app: INestApplication;
  readonly client: TestClient;
  readonly hooks: HookSpy;
  readonly held: HeldHooks | undefined;
  /** Restores the previous sources of ids and times. */
  readonly restore: () => void;
}

/** An application that serves AgentOS on a real socket, with test tools. Created by {@link createTestAgentOs}. */
export class TestAgentOs {
  readonly app: INestApplication;
  readonly agentOs: AgentOsService;
  readonly client: TestClient;
  readonly hooks: HookSpy;
  /** Such as `http://127.0.0.1:49152`. */
  readonly url: string;
  readonly #held: HeldHooks | undefined;
  readonly #restore: () => void;
  #closing: Promise<void> | undefined;

  /** @internal */
  constructor({ app, client, hooks, held, restore }: TestAgentOsParts) {
    this.#restore = restore;
    this.app = app;
    this.agentOs = app.get(AgentOsService, { strict: false });
    this.client = client;
    this.hooks = hooks;
    this.url = client.url;
    this.#held = held;
  }

  /**
   * The background hooks that are held, in the order of their runs.
   *
   * @throws Error unless hooks are held: `hooks: 'hold'`
   */
  held(selector?: HeldHookSelector): HookExecution[] {
    return this.#holding('held').held(selector);
  }

  /**
   * Runs the held hooks with this name; resolves with how they ended. See {@link HeldHooks.release}.
   *
   * @throws Error if none is held, or unless hooks are held: `hooks: 'hold'`
   */
  async release(hook: string, options?: ReleaseOptions): Promise<HookExecution[]> {
    return this.#holding('release').release(hook, options);
  }

  /**
   * Runs all held hooks, in order; resolves with how they ended.
   *
   * @throws Error unless hooks are held: `hooks: 'hold'`
   */
  async releaseAll(): Promise<HookExecution[]> {
    return this.#holding('releaseAll').releaseAll();
  }

  /**
   * Drops all held hooks, so that {@link close} does not throw.
   *
   * @throws Error unless hooks are held: `hooks: 'hold'`
   */
  dropAll(): void {
    this.#holding('dropAll').dropAll();
  }

  /**
   * Shuts the application down: open requests are cut off, runs in flight are cancelled, and running background hooks
   * get one second to end. No resources stay open.
   *
   * @throws Error after the shutdown that names the held hooks which were never released
   */
  close(): Promise<void> {
    return (this.#closing ??= this.#close());
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    const forgotten = this.#held?.held() ?? [];
    this.#held?.dropAll();
    await this.client.close();
    for (const { runId } of this.agentOs.listRuns()) this.agentOs.cancel(runId);
    try {
      await this.app.close();
    } finally {
      this.hooks.close();
      this.#restore();
    }
    if (forgotten.length === 0) return;
    throw new Error(
      'These hooks were held and never released. Call release(), releaseAll() or dropAll() before close(). ' +
        `Held: ${describeExecutions(forgotten)}`,
    );
  }

  #holding(method: string): HeldHooks {
    if (this.#held) return this.#held;
    throw new Error(`${method}(): no hooks are held. Call createTestAgentOs({ …, hooks: 'hold' }).`);
  }
}

/**
 * Starts an application with AgentOS on a free port of this machine, with a client and a spy. It is ended by
 * {@link TestAgentOs.close}, or at the end of the block with `await using`.
 *
 * @example
 * ```ts
 * const os = await createTestAgentOs({ agents: [support], providers: [SupportHooks] });
 * const run = await os.client.run('support', 'Where is my parcel?');
 * await os.hooks.next('notify', { state: 'succeeded' });
 * os.hooks.assertRanAfterResponse(run, 'notify');
 * await os.close();
 * ```
 * @throws AgentOsConfigurationError, or any other error that prevents the start
 */
export async function createTestAgentOs(options: TestAgentOsOptions = {}): Promise<TestAgentOs> {
  const { hooks: mode, adapter, logger = ['error', 'fatal'], configure, ids, clock, ...rest } = options;
  const { imports = [], controllers = [], providers = [], ...agentOs } = rest;
  const { hooks } = checkOptions('createTestAgentOs()', KIT_OPTIONS, { hooks: mode, ids, clock });
  refuseUnusedExecutor(hooks, agentOs);
  const held = hooks === 'hold' ? new HeldHooks() : undefined;
  const executor = held?.executor ?? (hooks === 'inline' ? createInlineExecutor() : agentOs.executor);

  @Module({
    imports: [
      AgentOsModule.forRoot({
        shutdownTimeout: SHUTDOWN_TIMEOUT,
        ...agentOs,
        ...(executor ? { executor } : {}),
      }),
      ...imports,
    ],
    controllers,
    providers,
  })
  class TestModule {}

  const restore = takeOver(ids, clock);
  let app: INestApplication | undefined;
  try {
    // Without `abortOnError: false` Nest would end the process on an error.
    const settings = { logger, abortOnError: false };
    app = adapter
      ? await NestFactory.create(TestModule, adapter, settings)
      : await NestFactory.create(TestModule, settings);
    await configure?.(app);
    await app.listen(0, '127.0.0.1');
    const [client, spy] = [createTestClient(app), spyOnHooks(app)];
    return new TestAgentOs({ app, client, hooks: spy, held, restore });
  } catch (thrown) {
    restore();
    await app?.close();
    throw thrown;
  }
}

/** @returns a function that restores the previous sources of ids and times */
function takeOver(ids: (() => string) | undefined, clock: (() => number) | undefined): () => void {
  const restore: (() => void)[] = [];
  try {
    if (ids) restore.push(useIds(ids));
    if (clock) restore.push(useClock(clock));
  } catch (thrown) {
    for (const putBack of restore) putBack();
    throw new AgentOsConfigurationError(
      'createTestAgentOs(): another application of this process has replaced the ids or the clock. Close it first.',
      { cause: thrown },
    );
  }
  return () => {
    for (const putBack of restore.splice(0)) putBack();
  };
}

function refuseUnusedExecutor(hooks: TestHookMode, { executor }: Pick<AgentOsOptions, 'executor'>): void {
  if (!executor || hooks === 'real') return;
  throw new AgentOsConfigurationError(
    `createTestAgentOs(): hooks: '${hooks}' has an executor of its own, so the option executor would not be used. ` +
      'Leave one of them out.',
  );
}

/** Runs every batch before the result of its run is returned. */
function createInlineExecutor(): HookExecutor {
  return new InProcessHookExecutor({ concurrency: Infinity, maxPending: 0, onOverflow: () => undefined });
}
