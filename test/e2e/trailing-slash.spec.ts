import type { IncomingMessage } from 'node:http';

import { afterEach, describe, expect, it } from '@jest/globals';
import {
  Controller,
  Get,
  Module,
  VersioningType,
  type INestApplication,
  type MiddlewareConsumer,
  type NestModule,
} from '@nestjs/common';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { Test } from '@nestjs/testing';
import { AgentOsModule } from 'nestjs-agentos';

import { callJson } from '../support/json-client.js';
import { protocolRoutes } from '../support/protocol-routes.js';
import { JSON_TYPE, startSessionApp } from '../support/session-app.js';
import { ADAPTERS, closeApps } from '../support/test-app.js';
import { uploadOf } from '../support/upload-form.js';

afterEach(closeApps);

/** Has routes of the same names as the protocol, elsewhere. */
@Controller('shop')
class ShopController {
  @Get('agents')
  agents(): object {
    return { of: 'the host' };
  }

  @Get('agents/:id')
  agent(): object {
    return { of: 'the host' };
  }
}

const statusOf = async (url: string, init: RequestInit = {}): Promise<number> =>
  (await fetch(url, init)).status;

describe.each(ADAPTERS)('A slash at the end of a path on %s', (adapter) => {
  it.each<[string, string, (app: INestApplication) => void]>([
    ['', '', () => undefined],
    [', behind the prefixes', '/api/os', (app) => app.setGlobalPrefix('api')],
  ])('changes the answer of no route of the protocol%s', async (_where, prefix, beforeListen) => {
    const http = prefix === '' ? {} : { prefix: 'os' };
    const { url } = await startSessionApp(adapter, http, { beforeListen });
    const answerOf = async (method: string, path: string): Promise<unknown> => {
      const { status, body } = await callJson(url, method, prefix + path);
      return [status, status < 400 ? Object.keys(body ?? {}) : body];
    };
    for (const { method, path } of protocolRoutes()) {
      // A session that is made has a new id each time, and everything else is compared word for word.
      const plain = await answerOf(method, path);
      expect({ method, path, answer: await answerOf(method, `${path}/`) }).toEqual({
        method,
        path,
        answer: plain,
      });
      expect(JSON.stringify(plain)).not.toContain('Cannot ');
    }
    expect(await callJson(url, 'GET', `${prefix}/agents/?db_id=x`)).toMatchObject({
      status: 200,
      body: [{ id: 'helper' }],
    });
    expect(await statusOf(`${url}${prefix}/agents/`, { method: 'HEAD' })).toBe(200);
  });

  it('does not bypass the security key', async () => {
    const { url } = await startSessionApp(adapter, { securityKey: 'secret' });
    const answers = protocolRoutes().map(async ({ method, path }) =>
      (await statusOf(`${url}${path}/`, { method })) === 401 ? [] : [path],
    );
    expect((await Promise.all(answers)).flat()).toEqual(['/health', '/info']);
  });

  it('does not bypass the middleware of the host', async () => {
    @Module({})
    class SeeingModule implements NestModule {
      configure(consumer: MiddlewareConsumer): void {
        const see = (_request: unknown, response: { statusCode: number; end(): void }): void => {
          response.statusCode = 418;
          response.end();
        };
        consumer.apply(see).forRoutes('agents', 'agents/:id/runs');
      }
    }
    const { url } = await startSessionApp(adapter, {}, { imports: [SeeingModule] });
    const paths = ['/agents', '/agents/', '/agents/helper/runs', '/agents/helper/runs/'];
    expect(await Promise.all(paths.map((path) => statusOf(url + path)))).toEqual([418, 418, 418, 418]);
  });

  it('lets the route read its body', async () => {
    const { url, call } = await startSessionApp(adapter);
    const upload = uploadOf([{ name: 'a.txt' }], { session_id: 's1' });
    expect(await statusOf(`${url}/agents/helper/runs/`, { method: 'POST', body: upload })).toBe(200);
    const urlencoded = new URLSearchParams({ message: 'hi', stream: 'false' });
    expect(await statusOf(`${url}/teams/desk/runs/`, { method: 'POST', body: urlencoded })).toBe(200);
    const rename = { body: { session_name: 'new' } };
    expect(await call('POST', '/sessions/s1/rename/', rename)).toMatchObject({
      body: { session_name: 'new' },
    });
    // Clients say that their body is JSON even if they send none.
    expect(await call('POST', '/agents/helper/runs/x/cancel/', { headers: JSON_TYPE })).toMatchObject({
      status: 200,
    });
    expect(await call('DELETE', '/sessions/s1/', { headers: JSON_TYPE })).toMatchObject({ status: 204 });
  });

  it('does not change the version of the requested route', async () => {
    const beforeListen = (app: INestApplication): unknown =>
      app.enableVersioning({ type: VersioningType.HEADER, header: 'version', defaultVersion: '2' });
    const { url } = await startSessionApp(adapter, {}, { beforeListen });
    const answers = ['1', '2'].map((version) => statusOf(`${url}/agents/`, { headers: { version } }));
    expect(await Promise.all(answers)).toEqual([404, 200]);
  });

  it('leaves the routes of the host unchanged', async () => {
    const { url } = await startSessionApp(adapter, {}, { controllers: [ShopController] });
    const paths = ['/shop/agents', '/shop/agents/helper', '/shop/agents/', '/shop/agents/helper/'];
    const statuses = await Promise.all(paths.map((path) => statusOf(url + path)));
    expect(statuses).toEqual(adapter === 'express' ? [200, 200, 200, 200] : [200, 200, 404, 404]);
  });
});

interface Native {
  get(
    path: string,
    handler: (request: IncomingMessage, reply: { send(body: object): unknown }) => unknown,
  ): unknown;
  addHook(name: 'onRoute', hook: (route: { url: string }) => void): unknown;
}

describe('A host on Fastify', () => {
  it('keeps its own routes with a slash at the end, whenever it adds them', async () => {
    const { app, url, call } = await startSessionApp(
      'fastify',
      {},
      {
        beforeListen: (host) => {
          const native = host.getHttpAdapter().getInstance() as Native;
          native.get('/agents/', (_request, reply) => reply.send({ of: 'the host' }));
          native.get('/teams/:name/', (_request, reply) => reply.send({ of: 'the host' }));
        },
      },
    );
    expect(app).toBeDefined();
    for (const path of ['/agents/', '/teams/desk/'])
      expect(await call('GET', path)).toEqual({ status: 200, body: { of: 'the host' } });
    expect(await statusOf(`${url}/workflows/`)).toBe(200);
  });

  it.each([{ ignoreTrailingSlash: true }, { routerOptions: { ignoreTrailingSlash: true } }])(
    'may make Fastify itself ignore such slashes: %j',
    async (options) => {
      const testing = await Test.createTestingModule({ imports: [AgentOsModule.forRoot({})] }).compile();
      const app = testing.createNestApplication(new FastifyAdapter(options) as never, { logger: false });
      await app.listen(0, '127.0.0.1');
      const url = await app.getUrl();
      expect([await statusOf(`${url}/agents`), await statusOf(`${url}/agents/`)]).toEqual([200, 200]);
      await app.close();
    },
  );
});
