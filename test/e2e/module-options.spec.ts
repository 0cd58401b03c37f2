import { Controller, Injectable, Module, Post, UseInterceptors } from '@nestjs/common';
import { afterEach, describe, expect, it } from '@jest/globals';
import {
  Agent,
  AgentOsConfigurationError,
  AgentOsInterceptor,
  AgentOsModule,
  AgentOsService,
  type AgentOsOptions,
} from 'nestjs-agentos';
import { inBackground } from '../support/background-hook.js';
import { runJson } from '../support/http-client.js';
import { ADAPTERS, closeApps, startApp, startUpError } from '../support/test-app.js';

afterEach(closeApps);

const echo = new Agent({
  id: 'echo',
  engine: ({ input, context }) => `${context.userId ?? 'somebody'}: ${input}`,
});
const agentOs: AgentOsOptions = { agents: [echo] };

/** What a service of the host knows only at run time. */
@Injectable()
class Settings {
  readonly securityKey = 'from the settings';
}
@Module({ providers: [Settings], exports: [Settings] })
class SettingsModule {}

@Injectable()
class AgentOsSettings {
  constructor(private readonly settings: Settings) {}

  createAgentOsOptions(): AgentOsOptions {
    return { ...agentOs, http: { securityKey: this.settings.securityKey } };
  }
}
@Module({ imports: [SettingsModule], providers: [AgentOsSettings], exports: [AgentOsSettings] })
class AgentOsSettingsModule {}

async function statusOf(url: string, headers: Record<string, string> = {}): Promise<number> {
  return (await fetch(url, { headers })).status;
}

describe.each(ADAPTERS)('AgentOsModule.forRootAsync() on %s', (adapter) => {
  it('keeps the key that stands beside the factory, if the factory returns none', async () => {
    const useFactory = (): AgentOsOptions => ({ ...agentOs, http: { securityKey: undefined as never } });
    const { url } = await startApp({
      adapter,
      agentOsModule: AgentOsModule.forRootAsync({ useFactory, http: { securityKey: 'key' } }),
    });
    expect(await statusOf(`${url}/agents`)).toBe(401);
  });

  it.each([
    [
      'useFactory',
      AgentOsModule.forRootAsync({
        imports: [SettingsModule],
        inject: [Settings],
        useFactory: async ({ securityKey }: Settings) => ({ ...agentOs, http: { securityKey } }),
        http: { prefix: 'os' },
      }),
    ],
    [
      'useClass',
      AgentOsModule.forRootAsync({
        imports: [SettingsModule],
        useClass: AgentOsSettings,
        http: { prefix: 'os' },
      }),
    ],
    [
      'useExisting',
      AgentOsModule.forRootAsync({
        imports: [AgentOsSettingsModule],
        useExisting: AgentOsSettings,
        http: { prefix: 'os' },
      }),
    ],
  ])('takes the options of %s, and the wiring from beside it', async (_name, agentOsModule) => {
    const { url } = await startApp({ adapter, agentOsModule });
    const key = { authorization: 'Bearer from the settings' };
    const paths = ['/os/health', '/os/agents', '/agents'];
    expect(await Promise.all(paths.map((path) => statusOf(`${url}${path}`)))).toEqual([200, 401, 404]);
    expect(await (await fetch(`${url}/os/agents`, { headers: key })).json()).toMatchObject([{ id: 'echo' }]);
  });
});

describe('The option isGlobal', () => {
  @Injectable()
  class Feature {
    constructor(readonly agentOs: AgentOsService) {}
  }
  @Module({ providers: [Feature] })
  class FeatureModule {}

  it.each([
    ['forRoot', AgentOsModule.forRoot({ ...agentOs, isGlobal: true })],
    ['forRootAsync', AgentOsModule.forRootAsync({ useFactory: () => agentOs, isGlobal: true })],
  ])('lets any module inject AgentOsService, with %s', async (_name, agentOsModule) => {
    const { app } = await startApp({ agentOsModule, imports: [FeatureModule] });
    expect((await app.get(Feature).agentOs.run('echo', 'hi')).content).toBe('somebody: hi');
  });

  it('is false by default', async () => {
    const error = await startUpError({ agentOs, imports: [FeatureModule] });
    expect(error).toContain("Nest can't resolve dependencies of the Feature");
  });
});

describe.each(ADAPTERS)('The option http on %s', (adapter) => {
  it('as false leaves no routes, and the host answers as without AgentOS', async () => {
    const { url, agentOs: service } = await startApp({ adapter, agentOs: { ...agentOs, http: false } });
    const answers = await Promise.all(
      ['/health', '/agents', '/hooks'].map(async (path) => (await fetch(`${url}${path}`)).json()),
    );
    expect(answers).toEqual(
      ['/health', '/agents', '/hooks'].map((path) => ({
        message: `Cannot GET ${path}`,
        error: 'Not Found',
        statusCode: 404,
      })),
    );
    expect((await runJson(url, '/agents/echo', 'hi')).status).toBe(404);
    expect((await service.run('echo', 'hi')).content).toBe('somebody: hi');
  });

  it.each(['os', '/os', '/os/'])(
    'with the prefix %s stands before every route, after the global prefix of the host',
    async (prefix) => {
      const { url } = await startApp({
        adapter,
        agentOs: { ...agentOs, http: { prefix } },
        beforeListen: (app) => app.setGlobalPrefix('api'),
      });
      const paths = [
        '/api/os/health',
        '/api/os/agents',
        '/api/os/hooks',
        '/os/health',
        '/api/health',
        '/health',
      ];
      expect(await Promise.all(paths.map((path) => statusOf(`${url}${path}`)))).toEqual([
        200, 200, 200, 404, 404, 404,
      ]);
      expect(await runJson(url, '/api/os/agents/echo', 'hi')).toMatchObject({
        body: { content: 'somebody: hi' },
      });
    },
  );

  it('with userId lets no user continue the session of another user', async () => {
    const userId = ({ headers }: { headers: Record<string, string> }): string | undefined =>
      headers['x-user'];
    const { url } = await startApp({ adapter, agentOs: { ...agentOs, http: { userId } } });
    const ask = (user: string): Promise<Response> =>
      fetch(`${url}/agents/echo/runs`, {
        method: 'POST',
        headers: { 'x-user': user },
        body: new URLSearchParams({ message: 'hi', stream: 'false', session_id: 'of-ann' }),
      });
    expect((await ask('ann')).status).toBe(200);
    const refused = await ask('bob');
    expect([refused.status, await refused.json()]).toEqual([
      404,
      { detail: "Session with id 'of-ann' not found" },
    ]);
    expect((await ask('ann')).status).toBe(200);
  });

  it('with userId wins over the user in the form', async () => {
    const userId = ({ headers }: { headers: Record<string, string> }): string | undefined =>
      headers['x-user'];
    const { url } = await startApp({ adapter, agentOs: { ...agentOs, http: { userId } } });
    const ask = async (headers: Record<string, string>): Promise<unknown> => {
      const body = new URLSearchParams({ message: 'hi', stream: 'false', user_id: 'the boss' });
      const answer = await fetch(`${url}/agents/echo/runs`, { method: 'POST', body, headers });
      const { content, user_id } = (await answer.json()) as Record<string, unknown>;
      return [content, user_id];
    };
    expect(await ask({ 'x-user': 'ann' })).toEqual(['ann: hi', 'ann']);
    expect(await ask({})).toEqual(['somebody: hi', undefined]);
  });
});

describe.each(ADAPTERS)("The option interceptor: 'manual' on %s", (adapter) => {
  it('leaves the place where hooks wait for the response to the host', async () => {
    const steps: string[] = [];
    const hook = inBackground('note', ({ hook: { delivered } }) => steps.push(`delivered: ${delivered}`));
    const agent = new Agent({ id: 'echo', engine: ({ input }) => input, postHooks: [hook] });

    @Controller()
    class AskController {
      constructor(private readonly service: AgentOsService) {}

      @Post('waiting')
      @UseInterceptors(AgentOsInterceptor)
      waiting(): Promise<string> {
        return this.ask('waiting');
      }

      @Post('at-once')
      atOnce(): Promise<string> {
        return this.ask('at once');
      }

      private async ask(question: string): Promise<string> {
        await this.service.run('echo', question);
        // All hooks but those that wait for this very response.
        await this.service.drain();
        steps.push(`${question}: answered`);
        return 'done';
      }
    }
    const { url, agentOs: service } = await startApp({
      adapter,
      agentOs: { agents: [agent], interceptor: 'manual' },
      controllers: [AskController],
    });
    await (await fetch(`${url}/waiting`, { method: 'POST' })).text();
    await service.drain();
    await (await fetch(`${url}/at-once`, { method: 'POST' })).text();
    await runJson(url, '/agents/echo', 'over the routes of AgentOS');
    await service.drain();
    expect(steps).toEqual([
      'waiting: answered',
      'delivered: true',
      'delivered: undefined',
      'at once: answered',
      'delivered: true',
    ]);
  });
});

describe('The start fails because of wrong options:', () => {
  const agentWith = (options: object): Agent => new Agent({ id: 'agent', engine: () => '', ...options });
  const errorOf = (options: object): Promise<string> => startUpError({ agentOs: options });

  it.each<[object, string]>([
    [{ agent: [] }, 'unknown option "agent". Known options: id, name, description, agents, teams, '],
    [{ agents: echo }, 'expected agents to be an array, got an object'],
    [{ concurrency: 0 }, 'expected concurrency to be a whole number from 1 on, got 0 (number)'],
    [{ maxPending: 1.5 }, 'expected maxPending to be a whole number from 1 on, got 1.5 (number)'],
    [
      { shutdownTimeout: -1 },
      'expected shutdownTimeout to be a number of milliseconds from 0 to 2147483647, got -1 (number)',
    ],
    [{ runHooksInBackground: 'true' }, 'expected runHooksInBackground to be true or false, got "true"'],
    [{ onDisconnect: 'ignore' }, 'expected onDisconnect to be'],
    [{ onHookError: true }, 'expected onHookError to be a function, got true (boolean)'],
  ])('of AgentOsModule with %o', async (options, problem) => {
    expect(await errorOf(options)).toContain(`AgentOsModule: ${problem}`);
  });

  it('of AgentOsModule with an unknown option of the routes', async () => {
    expect(await errorOf({ http: { key: 'secret' } })).toContain(
      'unknown option "key" in http. Known options: securityKey, ',
    );
  });

  it.each<[string, object | false]>([
    ['http.guards', { guards: [] }],
    ['http.prefix', { prefix: 'os' }],
    ['http.userId', { userId: () => 'ann' }],
    ['http: false', false],
  ])('of a factory that returns %s too late', async (option, http) => {
    const agentOsModule = AgentOsModule.forRootAsync({ useFactory: () => ({ http }) as AgentOsOptions });
    expect(await startUpError({ agentOsModule })).toBe(
      `AgentOsModule: ${option} is a result of the factory, which runs after the routes are created. ` +
        'Set it beside the factory: forRootAsync({ useFactory, http: … }).',
    );
  });

  it.each<[object, string]>([
    [
      { id: 'a/b' },
      'new Agent(): expected id to be letters, digits, ".", "_" and "-", with a letter or digit first, got "a/b".',
    ],
    [{ posthooks: [] }, 'Agent "agent": unknown option "posthooks". Known options: id, name,'],
    [{ postHooks: AgentOsSettings }, 'Agent "agent": expected postHooks to be an array, got a function.'],
    [{ retries: -1 }, 'Agent "agent": expected retries to be a whole number from 0 on, got -1 (number).'],
    [{ engine: 'gpt' }, 'Agent "agent": expected engine to be a function or an Engine, got "gpt".'],
  ])('of an agent with %o', (options, problem) => {
    expect(() => agentWith(options)).toThrow(AgentOsConfigurationError);
    expect(() => agentWith(options)).toThrow(problem);
  });

  it('of a list with a value that is not a component', async () => {
    expect(await errorOf({ agents: [undefined] })).toBe(
      'AgentOsModule: agents[0] is undefined. If it is imported, look for a circular import.',
    );
  });

  it('of an AgentOsModule that is configured twice', async () => {
    @Module({ imports: [AgentOsModule.forRoot({ agents: [echo] })] })
    class FeatureModule {}
    expect(await startUpError({ agentOs, imports: [FeatureModule] })).toBe(
      'AgentOsModule is configured 2 times. Call forRoot() or forRootAsync() once, in the root module, with ' +
        '{ isGlobal: true } if other modules need AgentOsService.',
    );
  });
});
