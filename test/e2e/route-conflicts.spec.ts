import {
  All,
  Controller,
  Get,
  Module,
  Param,
  Post,
  RequestMethod,
  Version,
  VersioningType,
  type INestApplication,
  type Type,
} from '@nestjs/common';
import { afterEach, describe, expect, it } from '@jest/globals';
import { AgentOsConfigurationError, AgentOsModule, type AgentOsExtras } from 'nestjs-agentos';

import { ADAPTERS, closeApps, startApp, type Adapter, type TestApp } from '../support/test-app.js';

afterEach(closeApps);

@Controller()
class PagesController {
  @Get(':page') show(@Param('page') page: string): object {
    return { page };
  }
}

@Controller('health')
class HealthPage {
  @Get() check(): object {
    return { host: 'here' };
  }
}

@Controller('sessions')
class TrainingSessions {
  @Get(':id') show(): object {
    return { host: 'here' };
  }

  @Post() book(): object {
    return { host: 'here' };
  }
}

@Controller('sessions')
class SessionStatistics {
  @Get('statistics') show(): object {
    return { host: 'here' };
  }
}

/** Fastify itself. */
interface FastifyInstance {
  get(path: string, handler: () => object): unknown;
}

/** Express itself. */
interface ExpressInstance {
  set(setting: string, value: boolean): unknown;
}

/** A page for every path, as the adapter writes it. */
const EVERYTHING: Record<Adapter, Type> = { express: pageAt('{*path}'), fastify: pageAt('*') };

function pageAt(path: string): Type {
  @Controller()
  class EveryPage {
    @All(path) show(): object {
      return { host: 'here' };
    }
  }
  return EveryPage;
}

@Controller()
class AnyMethod {
  @All('info') show(): object {
    return { host: 'here' };
  }
}

@Controller('reports')
class Reports {
  @Get() list(): object {
    return { host: 'here' };
  }
}

interface Host {
  readonly controller: Type;
  readonly isFirst?: boolean;
  readonly http?: AgentOsExtras['http'];
  readonly beforeListen?: (app: INestApplication) => void;
}

/** An application whose module with the controller is imported before AgentOsModule or after it. */
function start(
  adapter: Adapter,
  { controller, isFirst = false, http = {}, beforeListen }: Host,
): Promise<TestApp> {
  class HostModule {}
  Module({ controllers: [controller] })(HostModule);
  const ours = AgentOsModule.forRoot({ http });
  return startApp({
    adapter,
    ...(isFirst
      ? { agentOsModule: { module: HostModule }, imports: [ours] }
      : { agentOsModule: ours, imports: [HostModule] }),
    ...(beforeListen && { beforeListen }),
  });
}

async function warnings(adapter: Adapter, host: Host): Promise<string[]> {
  const { log } = await start(adapter, host);
  return log.messages('warn').filter((message) => message.startsWith('Routes of AgentOS meet'));
}

async function failure(host: Host): Promise<string> {
  try {
    await start('fastify', host);
  } catch (error) {
    if (error instanceof AgentOsConfigurationError) return error.message;
    throw error;
  }
  throw new Error('The application has started.');
}

const answerOf = async (url: string): Promise<unknown> => (await fetch(url)).json();

describe('Routes of AgentOS that a host has, too,', () => {
  it('are named on Express, with both controllers and the remedy, if AgentOS is imported first', async () => {
    const { url, log } = await start('express', { controller: HealthPage });
    expect(await answerOf(`${url}/health`)).toMatchObject({ status: 'ok' });
    const [warning, ...others] = log.messages('warn').filter((text) => text.includes('HealthPage'));
    expect(others).toEqual([]);
    expect(warning).toMatch(/http\.prefix.*http: \{ prefix: 'os' \}/);
    expect(warning).toContain(
      '\n- AgentOS answers GET /health (HealthController.health) in place of HealthPage.check (GET /health) of this application',
    );
  });

  it('are named on Express if the host is imported first', async () => {
    expect(await warnings('express', { controller: HealthPage, isFirst: true })).toEqual([
      expect.stringContaining(
        '\n- HealthPage.check (GET /health) of this application answers GET /health (HealthController.health) in place of AgentOS',
      ),
    ]);
  });

  it.each([true, false])('stop the start on Fastify with one error, the host first: %p', async (isFirst) => {
    expect(await failure({ controller: TrainingSessions, isFirst })).toMatch(
      /^Fastify takes each route once.*http\.prefix.*\n- GET \/sessions\/:session_id \(\w+\.\w+\) of AgentOS and TrainingSessions\.show \(GET \/sessions\/:id\) of this application\n- POST \/sessions \(\w+\.\w+\) of AgentOS and TrainingSessions\.book \(POST \/sessions\) of this application$/,
    );
  });

  it('stop the start on Fastify if a route of the host matches all methods', async () => {
    expect(await failure({ controller: AnyMethod })).toContain('GET /info (InfoController');
  });

  it('stop the start on Fastify if the host has added one to Fastify itself', async () => {
    const beforeListen = (app: INestApplication): void =>
      void (app.getHttpAdapter().getInstance() as FastifyInstance).get('/health', () => ({ host: 'here' }));
    expect(await failure({ controller: Reports, beforeListen })).toContain(
      'HealthController.health) of AgentOS and a route that was added to Fastify itself (GET /health)',
    );
  });

  it('are named on Express if a route of the host matches all methods', async () => {
    const [warning] = await warnings('express', { controller: AnyMethod });
    expect(warning).toMatch(/AgentOS answers GET \/info \(.*\) in place of AnyMethod\.show \(ALL \/info\)/);
  });

  it.each(ADAPTERS)(
    'are named in one line for a parameter of the host that matches all of them on %s',
    async (adapter) => {
      const [warning, ...others] = await warnings(adapter, { controller: PagesController });
      expect(others).toEqual([]);
      expect(warning?.split('\n')).toHaveLength(2);
      expect(warning).toMatch(
        /- AgentOS answers GET \/health \(.*GET \/sessions \(.* in place of PagesController\.show \(GET \/:page\)/,
      );
    },
  );

  it('are named if a parameter of the host comes first', async () => {
    const [warning] = await warnings('express', { controller: PagesController, isFirst: true });
    expect(warning).toMatch(
      /- PagesController\.show \(GET \/:page\) of this application answers GET \/health/,
    );
  });

  it('are named if their parameter hides a path of the host, which Fastify serves all the same', async () => {
    const [warning] = await warnings('express', { controller: SessionStatistics });
    expect(warning).toMatch(/AgentOS answers GET \/sessions\/:session_id .* SessionStatistics\.show/);
    expect(await warnings('fastify', { controller: SessionStatistics })).toEqual([]);
    expect(await warnings('express', { controller: SessionStatistics, isFirst: true })).toEqual([]);
  });

  it.each(ADAPTERS)('are not named for other paths, nor for a catch-all page, on %s', async (adapter) => {
    expect(await warnings(adapter, { controller: Reports })).toEqual([]);
    expect(await warnings(adapter, { controller: EVERYTHING[adapter] })).toEqual([]);
  });

  it('are named if a catch-all page comes before them', async () => {
    const [warning] = await warnings('express', { controller: EVERYTHING.express, isFirst: true });
    expect(warning).toMatch(/EveryPage\.show .* answers GET \/health/);
    expect(await warnings('fastify', { controller: EVERYTHING.fastify, isFirst: true })).toEqual([]);
  });

  it.each([
    ['Health', 'GET /health'],
    ['Sessions', 'GET /sessions'],
    ['sessions/*path', 'GET /sessions/:session_id'],
    ['agents/*path', 'GET /agents/:id'],
    ['agents{/*path}', 'GET /agents'],
    ['sessions{/:id}', 'GET /sessions'],
    ['{sessions}', 'GET /sessions'],
    ['AGENTS/:id{/runs{/:run}}', 'GET /agents/:id/runs/:run_id'],
  ])(
    'are named on Express for a path of the host with capitals or optional parts: %s',
    async (path, ours) => {
      const controller = pageAt(path);
      const taken = expect.stringMatching(
        new RegExp(`AgentOS answers .*${ours} \\(.* in place of EveryPage`),
      );
      expect(await warnings('express', { controller })).toEqual([taken]);
      const given = expect.stringMatching(new RegExp(`EveryPage\\.show .* answers .*${ours} \\(`));
      expect(await warnings('express', { controller, isFirst: true })).toEqual([given]);
    },
  );

  it('are not named for other capitals if the router is case-sensitive', async () => {
    expect(await warnings('fastify', { controller: pageAt('Health') })).toEqual([]);
    const beforeListen = (app: INestApplication): void =>
      void (app.getHttpAdapter().getInstance() as ExpressInstance).set('case sensitive routing', true);
    expect(await warnings('express', { controller: pageAt('Health'), beforeListen })).toEqual([]);
  });

  it('are not named for a catch-all page under the global prefix', async () => {
    const beforeListen = (app: INestApplication): void => void app.setGlobalPrefix('api');
    expect(await warnings('express', { controller: EVERYTHING.express, beforeListen })).toEqual([]);
  });

  it.each(ADAPTERS)('belong to the host again with a prefix of ours on %s', async (adapter) => {
    const host = { controller: HealthPage, http: { prefix: 'os' } };
    const { url, log } = await start(adapter, host);
    expect(await answerOf(`${url}/health`)).toEqual({ host: 'here' });
    expect(await answerOf(`${url}/os/health`)).toMatchObject({ status: 'ok' });
    expect(log.messages('warn').join()).not.toContain('meet routes');
  });

  it.each(ADAPTERS)('are compared with the global prefix and its exclusions on %s', async (adapter) => {
    const exclude = [{ path: 'health', method: RequestMethod.GET }];
    @Controller('api/info')
    class ApiInfo {
      @Get() show(): object {
        return {};
      }
    }
    const beforeListen = (app: INestApplication): void =>
      void app.setGlobalPrefix('api', { exclude: [...exclude, 'api/info'] });
    const host = { controller: ApiInfo, beforeListen };
    if (adapter === 'express')
      expect(await warnings(adapter, host)).toEqual([expect.stringContaining('GET /api/info')]);
    else expect(await failure(host)).toContain('GET /api/info');
  });

  it.each(ADAPTERS)('are compared with versions on %s', async (adapter) => {
    @Controller('health')
    class Versioned {
      @Get() @Version('1') check(): object {
        return { version: 1 };
      }
    }
    const inPath = (app: INestApplication): void => void app.enableVersioning({ type: VersioningType.URI });
    expect(await warnings(adapter, { controller: Versioned, beforeListen: inPath })).toEqual([]);
    const inHeader = (app: INestApplication): void =>
      void app.enableVersioning({ type: VersioningType.HEADER, header: 'x-version' });
    expect(await warnings(adapter, { controller: Versioned, isFirst: true, beforeListen: inHeader })).toEqual(
      [],
    );
  });
});
