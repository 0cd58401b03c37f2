import {
  Controller,
  Get,
  Module,
  RequestMethod,
  type DynamicModule,
  type INestApplication,
  type OnApplicationBootstrap,
  type OnModuleInit,
  type Type,
} from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { afterEach, describe, expect, it } from '@jest/globals';
import { AgentOsModule, type AgentOsExtras } from 'nestjs-agentos';

import { ADAPTERS, closeApps, startApp, type Adapter, type TestAppOptions } from '../support/test-app.js';

afterEach(closeApps);

const HOME = { name: 'AgentOS API', id: 'agent-os', version: '1.0.0' };
const HOST = { host: 'here' };

@Controller()
class HostController {
  @Get() home(): object {
    return HOST;
  }
}

@Module({ controllers: [HostController] })
class HostModule {}

async function answerOf(url: string, method = 'GET'): Promise<unknown> {
  const response = await fetch(url, { method });
  return [response.status, method === 'HEAD' ? await response.text() : await response.json()];
}

/** The adapter's own application: Express or Fastify. */
interface Native {
  get(
    path: string,
    handler: (request: unknown, response: { send(body: object): unknown }) => unknown,
  ): unknown;
}

/** Adds a route past Nest, as libraries that serve static pages do. */
function addRoute(instance: Native, path: string): void {
  instance.get(path, (_request, response) => response.send(HOST));
}

/** Where, in the order of a start, a host's route may be added. */
function moduleThatAdds(path: string, hook: 'onModuleInit' | 'onApplicationBootstrap'): Type {
  class AddingModule {
    constructor(readonly adapterHost: HttpAdapterHost) {}
  }
  const add = function (this: AddingModule): void {
    addRoute(this.adapterHost.httpAdapter.getInstance<Native>(), path);
  };
  Object.assign(AddingModule.prototype, { [hook]: add } satisfies Partial<
    OnModuleInit & OnApplicationBootstrap
  >);
  Reflect.defineMetadata('design:paramtypes', [HttpAdapterHost], AddingModule);
  Module({})(AddingModule);
  return AddingModule;
}

const anything: Record<Adapter, string> = { express: '{*path}', fastify: '*' };

describe.each(ADAPTERS)('The route GET / on %s', (adapter) => {
  const start = async (options: Omit<TestAppOptions, 'adapter'> = {}): Promise<string> =>
    (await startApp({ adapter, ...options })).url;
  const withSettings = (
    beforeListen: (app: INestApplication) => void,
    http: AgentOsExtras['http'] = {},
  ): Promise<string> => start({ beforeListen, agentOs: { http } });

  it('identifies AgentOS, and leaves every other method to the host', async () => {
    const url = await start();
    expect(await answerOf(url)).toEqual([200, HOME]);
    expect(await answerOf(`${url}/?from=somewhere`)).toEqual([200, HOME]);
    expect(await answerOf(url, 'HEAD')).toEqual([200, '']);
    expect(await answerOf(url, 'POST')).toEqual([404, expect.objectContaining({ statusCode: 404 })]);
    expect(await answerOf(`${url}/nowhere`)).toEqual([404, expect.objectContaining({ statusCode: 404 })]);
  });

  it('stands under the prefix of the routes', async () => {
    const url = await withSettings(() => undefined, { prefix: 'os' });
    expect(await answerOf(`${url}/os`)).toEqual([200, HOME]);
    expect(await answerOf(url)).toMatchObject([404, {}]);
  });

  it('stands under the global prefix', async () => {
    const url = await withSettings((app) => app.setGlobalPrefix('/api/'), { prefix: '/os/' });
    expect(await answerOf(`${url}/api/os`)).toEqual([200, HOME]);
    expect(await answerOf(`${url}/api`)).toMatchObject([404, {}]);
    expect((await fetch(url)).status).toBe(404);
  });

  it('is excluded from the global prefix if the host excludes it', async () => {
    const exclude = [{ path: '/', method: RequestMethod.GET }];
    const url = await withSettings((app) => app.setGlobalPrefix('api', { exclude }));
    expect(await answerOf(url)).toEqual([200, HOME]);
    expect(await answerOf(`${url}/api`)).toMatchObject([404, {}]);
  });

  it('does not exist without HTTP routes', async () => {
    expect(await answerOf(await start({ agentOs: { http: false } }))).toMatchObject([404, {}]);
  });

  const agentOsModule = (): DynamicModule => AgentOsModule.forRoot({});
  it.each<[string, () => Omit<TestAppOptions, 'adapter'>]>([
    ['a controller of its own', () => ({ controllers: [HostController] })],
    ['a module after ours', () => ({ imports: [HostModule] })],
    ['a module before ours', () => ({ agentOsModule: { module: HostModule }, imports: [agentOsModule()] })],
    [
      'its adapter, before the start',
      () => ({ beforeListen: (app) => addRoute(app.getHttpAdapter().getInstance() as Native, '/') }),
    ],
    ['its adapter, during the start', () => ({ imports: [moduleThatAdds('/', 'onModuleInit')] })],
    ['a page for every path', () => ({ imports: [moduleThatAdds(anything[adapter], 'onModuleInit')] })],
  ])('is answered by %s', async (_, options) => {
    expect(await answerOf(await start(options()))).toEqual([200, HOST]);
  });
});

describe('The route GET / on Fastify', () => {
  it('is answered by a route that the host adds at the end of the start', async () => {
    const imports = [moduleThatAdds('/', 'onApplicationBootstrap')];
    const { url } = await startApp({ adapter: 'fastify', imports });
    expect(await answerOf(url)).toEqual([200, HOST]);
  });
});
