import type { AddressInfo } from 'node:net';

import { afterAll, beforeAll } from '@jest/globals';
import { Module, type DynamicModule, type INestApplication, type ModuleMetadata } from '@nestjs/common';
import { ExpressAdapter, type NestExpressApplication } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { Test, type TestingModuleBuilder } from '@nestjs/testing';
import { AgentOsModule, AgentOsService, type AgentOsExtras, type AgentOsOptions } from 'nestjs-agentos';
import { createTestClient, type TestClient } from 'nestjs-agentos/testing';

import { RecordingLogger } from './recording-logger.js';

/** The HTTP adapters that every behaviour over HTTP is proven on. */
export const ADAPTERS = ['express', 'fastify'] as const;
export type Adapter = (typeof ADAPTERS)[number];

export interface TestAppOptions extends Pick<ModuleMetadata, 'providers' | 'controllers' | 'imports'> {
  readonly agentOs?: AgentOsOptions & AgentOsExtras;
  /** Stands in place of `AgentOsModule.forRoot(agentOs)`. */
  readonly agentOsModule?: DynamicModule;
  readonly adapter?: Adapter;
  /** Bytes of a body that the host takes. Default: what its adapter takes. */
  readonly bodyLimit?: number;
  /** What Fastify is told besides. */
  readonly fastify?: ConstructorParameters<typeof FastifyAdapter>[0];
  /** Overrides providers before the application is compiled. */
  readonly override?: (builder: TestingModuleBuilder) => TestingModuleBuilder;
  /** Sees the application before it starts. */
  readonly beforeListen?: (app: INestApplication) => void;
}

/** A running application on a real socket. */
export interface TestApp {
  readonly app: INestApplication;
  readonly agentOs: AgentOsService;
  readonly url: string;
  readonly port: number;
  readonly log: RecordingLogger;
  /** The client of the test kit. */
  readonly client: TestClient;
  close(): Promise<void>;
}

const running: TestApp[] = [];

/** Starts an application; {@link closeApps} ends it. */
export async function startApp(options: TestAppOptions): Promise<TestApp> {
  const {
    agentOs = {},
    adapter = 'express',
    imports = [],
    providers = [],
    controllers = [],
    bodyLimit,
    fastify = {},
    override,
  } = options;
  const { agentOsModule = AgentOsModule.forRoot(agentOs) } = options;

  @Module({ imports: [agentOsModule, ...imports], providers, controllers })
  class TestModule {}

  const log = new RecordingLogger();
  const builder = Test.createTestingModule({ imports: [TestModule] }).setLogger(log);
  const testing = await (override?.(builder) ?? builder).compile();
  const app = testing.createNestApplication<INestApplication>(
    adapter === 'express'
      ? new ExpressAdapter()
      : (new FastifyAdapter({ ...(bodyLimit && { bodyLimit }), ...fastify } as never) as never),
    { logger: log },
  );
  if (adapter === 'express' && bodyLimit !== undefined)
    takeBodiesOf(bodyLimit, app as NestExpressApplication);
  options.beforeListen?.(app);
  await app.listen(0, '127.0.0.1');
  const { port } = app.getHttpServer().address() as AddressInfo;
  let client: TestClient | undefined;
  const started: TestApp = {
    app,
    agentOs: app.get(AgentOsService),
    url: `http://127.0.0.1:${port}`,
    port,
    log,
    /** Made when it is asked for: not every application has routes. */
    get client() {
      return (client ??= createTestClient(app));
    },
    close: async () => {
      await client?.close();
      await app.close();
    },
  };
  running.push(started);
  return started;
}

function takeBodiesOf(limit: number, app: NestExpressApplication): void {
  app.useBodyParser('json', { limit });
  app.useBodyParser('urlencoded', { limit, extended: true });
}

/** The message of the error that keeps an application from starting. */
export async function startUpError(options: TestAppOptions): Promise<string> {
  const outcome = await startApp(options).catch((thrown: unknown) => thrown);
  if (outcome instanceof Error) return outcome.message;
  throw new Error('The application was expected not to start, but it did.');
}

/**
 * Starts one application for all tests of the block in which this is called, and ends it after them. For tests that
 * leave the application as they have found it.
 */
export function shareApp<T extends TestApp>(start: () => Promise<T>): () => T {
  let shared: T | undefined;
  beforeAll(async () => {
    shared = await start();
    // `closeApps` ends those of a single test.
    const own = shared.app;
    running.splice(
      running.findIndex(({ app }) => app === own),
      1,
    );
  });
  afterAll(() => shared?.close());
  return () => {
    if (shared === undefined) throw new Error('A shared application starts with the first test.');
    return shared;
  };
}

/** Ends every application that the test has started: call it in `afterEach`. */
export async function closeApps(): Promise<void> {
  await Promise.all(running.splice(0).map((started) => started.close()));
}
