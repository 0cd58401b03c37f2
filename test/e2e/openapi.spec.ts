import { existsSync, readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';

import { afterEach, describe, expect, it } from '@jest/globals';
import { Controller, Get, Module, VersioningType, type INestApplication } from '@nestjs/common';
import {
  ApiOkResponse,
  ApiProperty,
  DocumentBuilder,
  SwaggerModule,
  type OpenAPIObject,
} from '@nestjs/swagger';
import { Test } from '@nestjs/testing';
import {
  Agent,
  agentAsJudge,
  condition,
  InputCheckError,
  loop,
  parallel,
  ProviderError,
  router,
  step,
  Team,
  Workflow,
  type AgentOsExtras,
  type AgentOsOptions,
} from 'nestjs-agentos';
import type { EngineLike, EngineYield, LeaderRequest } from 'nestjs-agentos/engine';
import { createAgentOsDocument, type AgentOsDocumentOptions } from 'nestjs-agentos/openapi';
import { createGate, type Gate } from 'nestjs-agentos/testing';

import { documentSchemas, queryParametersOf } from '../../src/protocol/openapi.js';
import { ALL_ROUTES, nameOf, SERVER_ROUTES } from '../../src/protocol/routes.js';
import { inBackground } from '../support/background-hook.js';
import { namesOf, parseFrames } from '../support/http-client.js';
import { answering, mockLab } from '../support/mock-lab.js';
import { declaredRoutes } from '../support/protocol-routes.js';
import { OpenApiValidator } from '../support/openapi-validator.js';
import { raise } from '../support/raise.js';
import { ADAPTERS, closeApps, startApp, type TestApp, type TestAppOptions } from '../support/test-app.js';

afterEach(closeApps);

class Greeting {
  @ApiProperty()
  text!: string;
}

@Controller('greetings')
class GreetingsController {
  @Get(':name')
  @ApiOkResponse({ type: Greeting })
  greet(): Greeting {
    return { text: 'Hello' };
  }
}

const CONFIG = new DocumentBuilder().setTitle('Host').setVersion('1.0').addBearerAuth().build();

function documentOf(
  app: INestApplication,
  options: AgentOsDocumentOptions = {},
  config: Omit<OpenAPIObject, 'paths'> = CONFIG,
): OpenAPIObject {
  return createAgentOsDocument(app, config, options);
}

const ALL_SCHEMAS = documentSchemas('3.0', { maxFiles: 10, maxFileSize: 1 });

/** The document as a reader gets it. */
function jsonOf<T>(value: T): T {
  return JSON.parse(JSON.stringify(value)) as T;
}

function ourNames({ components }: OpenAPIObject): string[] {
  return Object.keys(components?.schemas ?? {}).filter((name) => name.startsWith('AgentOs'));
}

/** Method and path of every operation, as a document shows them. */
function placesOf(document: OpenAPIObject): string[] {
  return new OpenApiValidator(document).operations().map(({ method, path }) => `${method} ${path}`);
}

/** Where the routes of the controllers stand behind a prefix. */
function expectedPlaces(prefix: string): string[] {
  return declaredRoutes().map(({ method, path }) => `${method} ${prefix}${path.replace(/:(\w+)/g, '{$1}')}`);
}

describe('The descriptions of the document', () => {
  it('cover every route, and no others', () => {
    const routes = declaredRoutes().map(({ method, path }) => `${method} ${path.slice(1)}`);
    // The answer at the root has no controller.
    expect(ALL_ROUTES.map(nameOf).sort()).toEqual([...routes, nameOf(SERVER_ROUTES.home)].sort());
    expect(routes.length).toBeGreaterThan(40);
  });

  it('explain every schema, parameter and response', () => {
    const silent = Object.entries(ALL_SCHEMAS).filter(([, { description = '' }]) => description === '');
    expect(silent).toEqual([]);
    for (const { query, answers } of ALL_ROUTES)
      for (const { description } of [...(query ? queryParametersOf(query) : []), ...Object.values(answers)])
        expect(description).not.toBe('');
  });

  it('are not imported by the core, which needs no @nestjs/swagger', () => {
    const source = resolve(import.meta.dirname, '../../src');
    const core = packagesOf(resolve(source, 'index.ts'));
    expect([...core].filter((name) => name.includes('swagger'))).toEqual([]);
    expect([...core]).toContain('@nestjs/common');
    expect([...packagesOf(resolve(source, 'openapi/index.ts'))]).toContain('@nestjs/swagger');
  });
});

/** The packages that a source file and everything it reaches import, types included. */
function packagesOf(file: string, seen = new Set<string>()): ReadonlySet<string> {
  const packages = new Set<string>();
  if (seen.has(file)) return packages;
  seen.add(file);
  for (const [, specifier = ''] of readFileSync(file, 'utf8').matchAll(
    /(?:from|import)\s*\(?\s*'([^']+)'/g,
  )) {
    const next = resolve(dirname(file), specifier.replace(/\.js$/, '.ts'));
    if (!specifier.startsWith('.')) packages.add(specifier);
    else if (existsSync(next)) packagesOf(next, seen).forEach((name) => packages.add(name));
    else throw new Error(`${file} imports ${specifier}, which is not there.`);
  }
  return packages;
}

describe.each(ADAPTERS)('The OpenAPI document on %s', (adapter) => {
  const start = (options: TestAppOptions = {}): Promise<TestApp> =>
    startApp({ adapter, controllers: [GreetingsController], ...options });

  it('is a valid OpenAPI document', async () => {
    const { app } = await start({ agentOs: { http: { securityKey: 'secret' } } });
    expect(new OpenApiValidator(jsonOf(documentOf(app))).documentProblems()).toEqual([]);
  });

  it('is valid as OpenAPI 3.1, where null is a type', async () => {
    const { app } = await start();
    const document = jsonOf(documentOf(app, {}, { ...CONFIG, openapi: '3.1.0' }));
    expect(new OpenApiValidator(document).documentProblems()).toEqual([]);
    expect(JSON.stringify(document)).not.toContain('"nullable"');
    expect(document.components?.schemas?.['AgentOsToolExecution']).toMatchObject({
      properties: { result: { type: ['string', 'null'] } },
    });
  });

  it('has every route behind the prefixes, each once, and no internal marks', async () => {
    const { app } = await start({
      agentOs: { http: { prefix: 'os' } },
      beforeListen: (host) => host.setGlobalPrefix('api'),
    });
    const document = documentOf(app);
    expect(placesOf(document).sort()).toEqual(
      ['GET /api/greetings/{name}', 'GET /api/os', ...expectedPlaces('/api/os')].sort(),
    );
    expect(JSON.stringify(document)).not.toContain('x-agent-os');
  });

  it('can be made before the application starts', async () => {
    let early: OpenAPIObject | undefined;
    const { app } = await start({ beforeListen: (host) => (early = documentOf(host)) });
    expect(early).toEqual(documentOf(app));
  });

  it('is the same each time', async () => {
    const { app } = await start();
    expect(documentOf(app)).toEqual(documentOf(app));
  });

  it('puts routes where their version is, and leaves out `GET /`, which has none', async () => {
    const { app, url } = await start({
      beforeListen: (host) => host.enableVersioning({ type: VersioningType.URI, defaultVersion: '1' }),
    });
    const places = placesOf(documentOf(app));
    expect(places).toEqual(expect.arrayContaining(expectedPlaces('/v1')));
    expect(places.filter((place) => !place.includes('/v1/'))).toEqual([]);
    expect((await fetch(`${url}/v1/agents`)).status).toBe(200);
  });

  it('leaves the routes and schemas of the host unchanged', async () => {
    const { app } = await start();
    const ours = documentOf(app);
    const plain = SwaggerModule.createDocument(app, CONFIG);
    expect(ours.paths['/greetings/{name}']).toEqual(plain.paths['/greetings/{name}']);
    expect(ours.components?.schemas).toMatchObject(plain.components?.schemas ?? {});
    expect(ours.components?.securitySchemes).toEqual(plain.components?.securitySchemes);
    expect(ours.info).toEqual(plain.info);
  });

  it('keeps the schema of the host if it has the name of one of ours', async () => {
    class AgentOsHealth extends Greeting {}
    @Controller('own')
    class OwnController {
      @Get()
      @ApiOkResponse({ type: AgentOsHealth })
      show(): AgentOsHealth {
        return { text: 'fine' };
      }
    }
    const { app } = await start({ controllers: [OwnController] });
    expect(documentOf(app).components?.schemas?.['AgentOsHealth']).toMatchObject({
      properties: { text: { type: 'string' } },
    });
    const mine = { type: 'object', description: 'Mine.' };
    const config = { ...CONFIG, components: { schemas: { AgentOsInfo: mine } } };
    expect(documentOf(app, {}, config).components?.schemas?.['AgentOsInfo']).toEqual(mine);
  });

  it('has no routes and schemas of AgentOS without HTTP routes, or if only other modules are included', async () => {
    @Module({ controllers: [GreetingsController] })
    class HostModule {}
    const { app: silent } = await start({ agentOs: { http: false } });
    const { app: other } = await startApp({ adapter, imports: [HostModule] });
    for (const document of [documentOf(silent), documentOf(other, { include: [HostModule] })]) {
      expect(placesOf(document)).toEqual(['GET /greetings/{name}']);
      expect(ourNames(document)).toEqual([]);
    }
  });

  it('names no schema without a reference to it', async () => {
    const { app } = await start();
    expect(ourNames(documentOf(app)).sort()).toEqual(Object.keys(ALL_SCHEMAS).sort());
  });

  it('leaves `GET /` to a controller of the host', async () => {
    @Controller()
    class HomeController {
      @Get() home(): string {
        return 'home';
      }
    }
    const { app } = await start({ controllers: [HomeController] });
    expect(documentOf(app).paths['/']?.get?.operationId).toBe('HomeController_home');
  });

  it('takes operation ids from the host', async () => {
    const { app } = await start();
    const { paths } = documentOf(app, { operationIdFactory: (_, method) => `my-${method}` });
    expect(paths['/health']?.get?.operationId).toBe('my-health');
    expect(documentOf(app).paths['/agents/{id}/runs']?.post?.operationId).toBe('AgentRunsController_run');
  });

  it.each<[string, AgentOsExtras['http'], AgentOsDocumentOptions, unknown, string[]]>([
    ['open', {}, {}, undefined, []],
    ['locked', { securityKey: 'secret' }, {}, [{ AgentOsSecurityKey: [] }], ['401']],
    ['guarded', { guards: [{ canActivate: () => true }] }, {}, undefined, ['401', '403']],
    [
      'guarded by a scheme that the host names',
      { guards: [{ canActivate: () => true }] },
      { security: [{ bearer: [] }] },
      [{ bearer: [] }],
      ['401', '403'],
    ],
  ])('states the authentication of routes that are %s', async (_, http, options, security, refusals) => {
    const { app } = await start({ agentOs: { http } });
    const { paths, components } = documentOf(app, options);
    const config = paths['/config']?.get;
    expect(config?.security).toEqual(security);
    expect(Object.keys(config?.responses ?? {})).toEqual(['200', ...refusals, 'default']);
    for (const path of ['/', '/health', '/info']) expect(paths[path]?.get?.security).toEqual([]);
    for (const requirement of config?.security ?? [])
      expect(components?.securitySchemes).toMatchObject({
        [Object.keys(requirement)[0] ?? '']: { type: 'http', scheme: 'bearer' },
      });
  });
});

describe('The document for generators of clients', () => {
  it('has one media type for each body, and no required field that has a default', async () => {
    const { app } = await startApp({});
    const document = jsonOf(documentOf(app));
    const bodies = new OpenApiValidator(document).operations().flatMap(({ method, path, operation }) => {
      const { content, description } = (operation.requestBody ?? {}) as {
        content?: object;
        description?: string;
      };
      return content ? [[`${method} ${path}`, Object.keys(content), description] as const] : [];
    });
    expect(bodies.filter(([, types]) => types.length !== 1)).toEqual([]);
    expect(bodies.find(([place]) => place === 'POST /agents/{id}/runs')?.slice(1)).toEqual([
      ['multipart/form-data'],
      'The same fields are taken urlencoded and as JSON.',
    ]);
    const fields = Object.entries(document.components?.schemas ?? {}).flatMap(([name, schema]) =>
      Object.entries(('properties' in schema && schema.properties) || {}).map(([field, value]) => ({
        field: `${name}.${field}`,
        value,
      })),
    );
    expect(fields.length).toBeGreaterThan(100);
    expect(fields.filter(({ value }) => 'default' in value)).toEqual([]);
  });

  it('has the default and the limits of each parameter of a query', async () => {
    const { app } = await startApp({});
    const { paths } = jsonOf(documentOf(app));
    expect(paths['/sessions']?.get?.parameters).toEqual(
      expect.arrayContaining([
        expect.objectContaining({
          name: 'limit',
          required: false,
          schema: { type: 'integer', minimum: 1, maximum: 1_000, default: 20 },
        }),
        expect.objectContaining({
          name: 'sort_by',
          schema: { type: 'string', enum: ['created_at', 'updated_at', 'name'], default: 'created_at' },
        }),
      ]),
    );
    expect(paths['/agents/{id}/runs']?.get?.parameters).toEqual(
      expect.arrayContaining([
        expect.objectContaining({
          name: 'session_id',
          required: true,
          schema: { type: 'string', minLength: 1 },
        }),
        expect.objectContaining({ name: 'status', schema: expect.objectContaining({ type: 'string' }) }),
      ]),
    );
  });

  it('states how many files a run accepts, of which size, and after which event a stream is resumed', async () => {
    const { app } = await startApp({ agentOs: { http: { maxFiles: 3, maxFileSize: 1_234 } } });
    const schemas = jsonOf(documentOf(app)).components?.schemas;
    expect(schemas).toMatchObject({
      AgentOsRunRequest: {
        properties: { files: { maxItems: 3, description: expect.stringContaining('1234 bytes') } },
      },
      AgentOsResumption: { properties: { last_event_index: { type: 'integer', minimum: -1 } } },
    });
  });

  it('states no length of a message, which may be blank or missing beside files', async () => {
    const { app } = await startApp({});
    const request = jsonOf(documentOf(app)).components?.schemas?.['AgentOsRunRequest'];
    expect(request).not.toHaveProperty('required');
    expect(request).toMatchObject({ properties: { message: { type: 'string' } } });
    expect(request).not.toHaveProperty('properties.message.minLength');
  });

  it.each(['agents', 'teams', 'workflows'])(
    'has a Retry-After header in every response of %s that asks to retry',
    async (kind) => {
      const { app } = await startApp({});
      const { paths } = documentOf(app);
      const run = paths[`/${kind}/{id}/runs`]?.post?.responses ?? {};
      const resume = paths[`/${kind}/{id}/runs/{run_id}/resume`]?.post?.responses ?? {};
      expect(Object.keys(run)).toEqual(expect.arrayContaining(['408', '413', '503', '504']));
      expect(Object.keys(resume)).toEqual(expect.arrayContaining(['408', '413', '503']));
      for (const answers of [run, resume])
        expect(answers['503']).toHaveProperty('headers.Retry-After.schema.type');
    },
  );

  it.each(ADAPTERS)(
    'has the responses of %s for a run that takes too long or exceeds maxRuns',
    async (adapter) => {
      const gate = createGate();
      const slow = new Agent({ id: 'slow', engine: () => gate.opened.then(() => 'late') });
      const hasty = new Agent({ id: 'hasty', engine: () => gate.opened.then(() => 'late'), timeout: 20 });
      const { app, url } = await startApp({ adapter, agentOs: { agents: [slow, hasty], maxRuns: 1 } });
      const validator = new OpenApiValidator(jsonOf(documentOf(app)));
      const ask = (id: string): Promise<Response> =>
        fetch(`${url}/agents/${id}/runs`, {
          method: 'POST',
          body: new URLSearchParams({ message: 'Hi', stream: 'false' }),
        });

      const late = await ask('hasty');
      expect([late.status, await validator.responseProblems('POST', late)]).toEqual([504, []]);
      const held = ask('slow');
      const refused = await repeatUntil(
        () => ask('hasty'),
        ({ status }) => status === 503,
      );
      expect(refused.headers.get('retry-after')).toMatch(/^\d+$/);
      expect(await validator.responseProblems('POST', refused)).toEqual([]);
      gate.open();
      expect((await held).status).toBe(200);
    },
  );
});

/** Asks again until the answer is the one that is waited for. */
async function repeatUntil(
  ask: () => Promise<Response>,
  isRight: (response: Response) => boolean,
): Promise<Response> {
  const response = await ask();
  if (isRight(response)) return response;
  await response.arrayBuffer();
  return repeatUntil(ask, isRight);
}

describe('createAgentOsDocument', () => {
  it('names the remedy if AgentOsModule is missing', async () => {
    const testing = await Test.createTestingModule({ controllers: [GreetingsController] }).compile();
    const app = testing.createNestApplication();
    expect(() => documentOf(app)).toThrow(
      'createAgentOsDocument(): the application has no AgentOsModule. Import AgentOsModule.forRoot() or forRootAsync().',
    );
  });
});

/** Everything that can be served, and what can go wrong with it. */
function everything(gate: Gate): AgentOsOptions {
  const { agents = [], teams = [], workflows = [] } = mockLab();
  const echo = new Agent({ id: 'echo', engine: ({ input }) => ({ content: input, metadata: { a: 1 } }) });
  const picky = new Agent({
    id: 'picky',
    preHooks: [
      function refuse(): void {
        throw new InputCheckError('No.', { trigger: 'custom', additionalData: { why: 'no' } });
      },
    ],
    engine: answering(['never']),
  });
  const judged = new Agent({
    id: 'judged',
    description: 'Is judged.',
    engine: answering(['fine']),
    postHooks: [
      agentAsJudge({ engine: () => JSON.stringify({ score: 8, reason: 'ok' }), criteria: 'It is fine.' }),
      inBackground('note', () => undefined),
      function broken(): void {
        throw new Error('broken');
      },
    ],
  });
  const structured = new Agent({
    id: 'structured',
    engine: async function* () {
      yield '{"a":1}';
      yield { type: 'data', data: { a: 1 } };
    },
  });
  const unreachable = new Agent({
    id: 'unreachable',
    engine: () => raise(new ProviderError('down', undefined)),
  });
  const clumsy = async function* (): AsyncGenerator<EngineYield> {
    yield { type: 'tool-call', id: 'call_1', name: 'add', arguments: { a: 1 } };
    yield { type: 'tool-result', id: 'call_1', result: 'too large', failed: true };
    yield 'I cannot add.';
  };
  const postHooks = [function look(): void {}];
  const waiting = new Agent({
    id: 'waiting',
    engine: async function* () {
      yield 'one ';
      await gate.opened;
      yield 'two';
    },
  });
  const inner = new Workflow({ id: 'inner-flow', steps: [step('inside', echo)] });
  const blocks = new Workflow({
    id: 'blocks',
    description: 'Has every block.',
    steps: [
      parallel('both', [step('left', echo), step('right', ({ input }) => input)]),
      condition('maybe', { when: () => true, then: [step('then', echo)], else: [step('else', echo)] }),
      condition('never', { when: () => false, then: [step('not', echo)] }),
      loop('again', {
        steps: [step('once more', echo)],
        until: ({ iteration }) => iteration === 2,
        maxIterations: 3,
      }),
      router('way', { choose: () => 'data', routes: [step('data', () => ({ content: 'x', data: [1] }))] }),
      step('flow', inner),
      step('team', new Team({ id: 'pair', members: [echo], engine: answering(['pair']) })),
    ],
  });
  const errand = new Workflow({
    id: 'errand',
    steps: [step('go', echo), step('come back', ({ input }) => input)],
  });
  const crew = new Team({
    id: 'crew',
    members: [errand, new Team({ id: 'inner-crew', members: [inner], engine: passOn('inner-flow') })],
    engine: async ({ input, delegate }) =>
      `${await delegate('errand', input)} ${await delegate('inner-crew', input)}`,
  });
  const conductor = new Agent({
    id: 'conductor',
    engine: async ({ input }) => `${(await crew.run(input)).content} ${(await errand.run(input)).content}`,
  });
  const failing = new Workflow({ id: 'failing', steps: [step('ask', unreachable)] });
  return {
    agents: [
      ...agents,
      new Agent({ id: 'clumsy', engine: clumsy }),
      echo,
      picky,
      judged,
      structured,
      unreachable,
      waiting,
      conductor,
    ],
    teams: [
      ...teams,
      new Team({ id: 'clumsy-team', members: [echo], engine: clumsy, postHooks }),
      new Team({
        id: 'lost',
        members: [echo],
        engine: () => raise(new ProviderError('down', undefined)),
      }),
      new Team({ id: 'slow', members: [waiting], engine: ({ delegate }) => delegate('waiting', 'wait') }),
      crew,
      new Team({ id: 'panel', mode: 'broadcast', members: [echo, picky], engine: answering(['all']) }),
    ],
    workflows: [
      ...workflows,
      inner,
      blocks,
      failing,
      new Workflow({ id: 'crew-flow', steps: [step('call', crew)] }),
      new Workflow({ id: 'slow-flow', steps: [step('wait', waiting)] }),
    ],
  };
}

/** The engine of a team that says what this member says. */
function passOn(member: string): EngineLike<LeaderRequest> {
  return ({ input, delegate }) => delegate(member, input);
}

const RUNS = [
  '/agents/plain',
  '/agents/bg',
  '/agents/guard',
  '/agents/guardout',
  '/agents/fail',
  '/agents/tool',
  '/agents/clumsy',
  '/agents/echo',
  '/agents/judged',
  '/agents/structured',
  '/agents/unreachable',
  '/agents/conductor',
  '/teams/t1',
  '/teams/outer',
  '/teams/panel',
  '/teams/crew',
  '/teams/clumsy-team',
  '/teams/lost',
  '/workflows/w1',
  '/workflows/blocks',
  '/workflows/failing',
  '/workflows/crew-flow',
];

// On one adapter: the answers are those of the same mappers, and the fuzz compares both adapters with the document.
describe('The server behind the document', () => {
  /** An application, and what its document says against its answers. */
  class Checked {
    static #common: OpenApiValidator | undefined;
    readonly #validator: OpenApiValidator;
    readonly gate: Gate;

    private constructor(
      readonly started: TestApp,
      gate: Gate,
      validator: OpenApiValidator,
    ) {
      this.gate = gate;
      this.#validator = validator;
    }

    static async start(): Promise<Checked> {
      const gate = createGate();
      const started = await startApp({ agentOs: everything(gate) });
      // It is the same each time.
      this.#common ??= new OpenApiValidator(jsonOf(documentOf(started.app)));
      return new Checked(started, gate, this.#common);
    }

    static async startWith(http: AgentOsExtras['http']): Promise<Checked> {
      const gate = createGate();
      const started = await startApp({ agentOs: { ...everything(gate), http } });
      return new Checked(started, gate, new OpenApiValidator(jsonOf(documentOf(started.app))));
    }

    /** Sends a request, expects the status and an answer as it is described, and returns the text. */
    async send(method: string, path: string, status: number, init: RequestInit = {}): Promise<string> {
      return this.check(method, status, await fetch(`${this.started.url}${path}`, { method, ...init }));
    }

    async check(method: string, status: number, response: Response): Promise<string> {
      const text = await response.clone().text();
      const problems = await this.#validator.responseProblems(method, response);
      expect({ url: response.url, status: response.status, problems }).toEqual({
        url: response.url,
        status,
        problems: [],
      });
      return text;
    }

    async json<T = unknown>(method: string, path: string, status: number, body?: unknown): Promise<T> {
      const headers = { 'content-type': 'application/json' };
      const init = body === undefined ? {} : { headers, body: JSON.stringify(body) };
      const text = await this.send(method, path, status, init);
      return (text === '' ? undefined : JSON.parse(text)) as T;
    }

    /** Runs a component in this way. */
    async run(path: string, status: number, fields: Record<string, string>): Promise<string> {
      const body = new URLSearchParams({ message: 'hi', session_id: `s-${path}`, ...fields });
      return this.send('POST', `${path}/runs`, status, { body });
    }
  }

  it('answers about itself and its components as described', async () => {
    const checked = await Checked.start();
    const paths = ['/', '/health', '/info', '/config', '/models', '/agents', '/teams', '/workflows'];
    for (const path of [...paths, '/hooks', ...RUNS]) await checked.json('GET', path, 200);
    for (const kind of ['agents', 'teams', 'workflows']) await checked.json('GET', `/${kind}/nobody`, 404);
  });

  it('answers runs as described, whether they complete or not', async () => {
    const checked = await Checked.start();
    const failed: Record<string, number> = {
      '/agents/guard': 400,
      '/agents/guardout': 400,
      '/agents/fail': 500,
      '/agents/unreachable': 502,
      '/teams/lost': 502,
      '/workflows/failing': 502,
    };
    for (const path of RUNS) {
      await checked.run(path, failed[path] ?? 200, { stream: 'false', user_id: 'me', metadata: '{"a":1}' });
    }
    for (const path of ['/agents/nobody', '/teams/nobody', '/workflows/nobody'])
      await checked.run(path, 404, {});
    await checked.run('/agents/plain', 422, {
      message: '',
      stream: 'perhaps',
      images: '[{"mime_type":"a"}]',
    });
  });

  it('answers runs with files as described', async () => {
    const checked = await Checked.start();
    const upload = (type: string, content = 'content'): RequestInit => {
      const body = new FormData();
      for (const [name, value] of Object.entries({ message: 'look', stream: 'false', session_id: 'files' }))
        body.set(name, value);
      body.append('files', new Blob([content], { type }), 'picture');
      return { body };
    };
    for (const path of ['/agents/plain', '/teams/t1', '/workflows/w1'])
      await checked.send('POST', `${path}/runs`, 200, upload('image/png'));
    await checked.send('POST', '/agents/plain/runs', 400, upload('application/x-unknown', '\0\u0001\0'));
    await checked.json('POST', '/agents/plain/runs', 200, {
      message: 'look',
      stream: false,
      session_id: 'files',
      input_files: [{ content: 'text', filename: 'a.txt' }],
    });
    await checked.json('POST', '/agents/plain/runs', 422, { message: 'look', images: [{ url: 'x' }] });
    const runs = await checked.send('GET', '/sessions/files/runs', 200);
    expect(runs).toContain('"filename":"a.txt"');
  });

  it('streams events as described', async () => {
    const checked = await Checked.start();
    const names = new Set<string>();
    for (const path of RUNS) {
      const frames = parseFrames(await checked.run(path, 200, { stream: 'true' }));
      expect(frames.length).toBeGreaterThan(0);
      frames.forEach(({ event }) => names.add(event));
    }
    const described = Object.keys(ALL_SCHEMAS).filter((name) => name.endsWith('Event'));
    const seen = [...names].map((name) => `AgentOs${name}Event`);
    const unseen = described.filter(
      (name) => !seen.includes(name) && !/(?:Agent|Team|Workflow|AgUi)Event$/.test(name),
    );
    // These are seen below, where runs are resumed and stopped.
    expect(unseen.sort()).toEqual(
      [
        'CatchUp',
        'Error',
        'Replay',
        'RunCancelled',
        'Subscribed',
        'TeamRunCancelled',
        'WorkflowCancelled',
      ].map((name) => `AgentOs${name}Event`),
    );
  });

  it('streams the events of AG-UI as described', async () => {
    const checked = await Checked.start();
    for (const path of RUNS) {
      const messages = [{ id: 'q', role: 'user', content: 'hi' }];
      const body = JSON.stringify({
        threadId: `thread-${path}`,
        runId: 'mine',
        protocolVersion: '1.0',
        messages,
      });
      const headers = { 'content-type': 'application/json' };
      const frames = await checked.send('POST', `${path}/ag-ui`, 200, { headers, body });
      expect(frames).toMatch(
        /^data: \{"type":"RUN_STARTED".*data: \{"type":"RUN_(FINISHED|ERROR)"[^\n]*\nid: [^\n]*\n\n$/s,
      );
    }
    await checked.json('POST', '/agents/nobody/ag-ui', 404, {});
    await checked.json('POST', '/agents/plain/ag-ui', 422, {});
  });

  it('answers about runs in the background as described', async () => {
    const checked = await Checked.start();
    const begun = JSON.parse(
      await checked.run('/agents/waiting', 202, { background: 'true', stream: 'false' }),
    ) as Record<'run_id' | 'session_id', string>;
    const run = `/agents/waiting/runs/${begun.run_id}`;
    const query = `session_id=${encodeURIComponent(begun.session_id)}`;
    await checked.json('GET', `${run}?${query}`, 200);
    await checked.json('GET', `/agents/waiting/runs?${query}&status=RUNNING`, 200);
    const live = await fetch(`${checked.started.url}${run}/resume`, { method: 'POST' });
    checked.gate.open();
    const frames = parseFrames(await checked.check('POST', 200, live));
    expect(namesOf(frames)).toEqual(expect.arrayContaining(['catch_up', 'subscribed', 'RunCompleted']));
    await checked.send('POST', `${run}/resume`, 200, {
      body: new URLSearchParams({ last_event_index: '0' }),
    });
    await checked.send('POST', '/agents/waiting/runs/nothing/resume', 200, { body: new URLSearchParams({}) });
    await checked.send('POST', `${run}/resume`, 422, {
      body: new URLSearchParams({ last_event_index: 'x' }),
    });
    await checked.json('POST', `${run}/cancel`, 200);
    const session = { session_id: begun.session_id };
    await checked.json('POST', `${run}/continue`, 501, session);
    await checked.json('POST', `${run}/continue`, 400, {});
    await checked.run('/workflows/blocks', 200, { background: 'true', stream: 'true' });
  });

  it.each(['/agents/conductor', '/teams/crew', '/workflows/crew-flow'])(
    'answers as described when a client resumes a run with runs of every kind below it: %s',
    async (path) => {
      const checked = await Checked.start();
      const fields = { background: 'true', stream: 'true' };
      const [first] = parseFrames(await checked.run(path, 200, fields));
      const run = `${path}/runs/${String(first?.data['run_id'])}`;
      const frames = parseFrames(
        await checked.send('POST', `${run}/resume`, 200, {
          body: new URLSearchParams({ last_event_index: '0' }),
        }),
      );
      expect(namesOf(frames)).toEqual(
        expect.arrayContaining(['replay', 'WorkflowStarted', 'StepOutput', 'TeamRunStarted', 'RunStarted']),
      );
      await checked.json('GET', `${run}?session_id=${encodeURIComponent(`s-${path}`)}`, 200);
    },
  );

  it('answers about a run that is stopped as described', async () => {
    const checked = await Checked.start();
    for (const path of ['/agents/waiting', '/teams/slow', '/workflows/slow-flow']) {
      const begun = await checked.run(path, 202, { background: 'true', stream: 'false' });
      const { run_id, session_id } = JSON.parse(begun) as Record<string, string>;
      await checked.json('POST', `${path}/runs/${run_id}/cancel`, 200);
      const stream = await checked.send('POST', `${path}/runs/${run_id}/resume`, 200);
      expect(namesOf(parseFrames(stream)).at(-2)).toMatch(/Cancelled$/);
      await checked.json('GET', `${path}/runs/${run_id}?session_id=${session_id}`, 200);
    }
  });

  it('answers about sessions and their runs as described', async () => {
    const checked = await Checked.start();
    for (const path of RUNS.filter((path) => !/guard|fail|unreachable|lost/.test(path))) {
      await checked.run(path, 200, { stream: 'false' });
      await checked.run(path, 200, { stream: 'true', user_id: 'me' });
      const id = encodeURIComponent(`s-${path}`);
      await checked.json('GET', `/sessions/${id}`, 200);
      const runs = await checked.json<{ run_id: string }[]>('GET', `/sessions/${id}/runs`, 200);
      for (const { run_id } of runs) await checked.json('GET', `/sessions/${id}/runs/${run_id}`, 200);
      await checked.json('GET', `${path}/runs?session_id=${id}`, 200);
    }
    await checked.json('GET', '/sessions?limit=5&page=1', 200);
    await checked.json('GET', '/sessions?limit=0', 422);
    await checked.json('GET', '/sessions?db_id=other', 404);
    await checked.json('GET', '/sessions/nothing/runs', 404);
  });

  it('answers changes of sessions as described', async () => {
    const checked = await Checked.start();
    for (const kind of ['agent', 'team', 'workflow']) {
      const body = { session_id: kind, metadata: { a: 1 }, session_name: 'n', [`${kind}_id`]: 'x' };
      await checked.json('POST', `/sessions?type=${kind}`, 201, body);
      await checked.json('POST', `/sessions?type=${kind}`, 409, body);
      await checked.json('POST', `/sessions?type=${kind}`, 201);
      await checked.json('POST', `/sessions/${kind}/rename`, 200, { session_name: 'new' });
      await checked.json('PATCH', `/sessions/${kind}`, 200, { summary: { b: 2 } });
    }
    await checked.json('POST', '/sessions/nothing/rename', 404, { session_name: 'new' });
    await checked.json('POST', '/sessions/agent/rename', 422, {});
    await checked.json('DELETE', '/sessions/agent', 204);
    await checked.json('DELETE', '/sessions', 204, { session_ids: ['team'], session_types: ['team'] });
    await checked.json('DELETE', '/sessions', 400, { session_ids: ['a'], session_types: ['team', 'team'] });
  });

  it('answers about evaluations and hooks as described', async () => {
    const checked = await Checked.start();
    await checked.run('/agents/judged', 200, { stream: 'false' });
    await checked.started.agentOs.drain();
    const { data } = await checked.json<{ data: { id: string }[] }>('GET', '/eval-runs', 200);
    const id = data[0]?.id ?? 'missing';
    await checked.json('GET', `/eval-runs/${id}`, 200);
    await checked.json('PATCH', `/eval-runs/${id}`, 200, { name: 'new' });
    await checked.json('PATCH', `/eval-runs/${id}`, 422, {});
    await checked.json('POST', '/eval-runs', 422, {});
    const asked = { eval_type: 'agent_as_judge', input: 'hi', criteria: 'It is polite.' };
    await checked.json('POST', '/eval-runs', 400, asked);
    await checked.json('POST', '/eval-runs', 404, { ...asked, agent_id: 'nobody' });
    await checked.json('POST', '/eval-runs', 501, { ...asked, agent_id: 'plain' });
    await checked.json('POST', '/eval-runs', 200, {
      ...asked,
      agent_id: 'judged',
      scoring_strategy: 'numeric',
    });
    await checked.json('DELETE', '/eval-runs', 204, { eval_run_ids: [id] });
    await checked.json('GET', `/eval-runs/${id}`, 404);
    await checked.json('GET', '/hooks/executions', 200);
    await checked.json('GET', '/hooks/executions?state=nothing', 422);
    const executions = await checked.json<{ readonly data: readonly { readonly id: string }[] }>(
      'GET',
      '/hooks/executions?limit=1',
      200,
    );
    const ended = `/hooks/executions/${encodeURIComponent(executions.data[0]?.id ?? 'missing')}`;
    await checked.json('POST', `${ended}/retry`, 409);
    await checked.json('DELETE', ended, 409);
    await checked.json('POST', '/hooks/executions/unknown/retry', 404);
    await checked.json('DELETE', '/hooks/executions/unknown', 404);
    await checked.json('POST', '/hooks/executions/retry', 202, { hook: 'judge' });
    await checked.json('POST', '/hooks/executions/retry', 422, { hook: 'judge', from: 'today' });
    await checked.json('GET', '/hooks/runs?state=running', 200);
    await checked.json('GET', '/hooks/runs?state=nothing', 422);
    const runs = await checked.json<{ readonly data: readonly { readonly run_id: string }[] }>(
      'GET',
      '/hooks/runs?state=settled&limit=1',
      200,
    );
    await checked.json('GET', `/hooks/runs/${String(runs.data[0]?.run_id)}`, 200);
    await checked.json('GET', '/hooks/runs/unknown', 404);
    await checked.json('GET', '/hooks/stats', 200);
  });

  it('refuses as described', async () => {
    const locked = await Checked.startWith({ securityKey: 'secret' });
    for (const path of ['/config', '/sessions', '/hooks']) await locked.json('GET', path, 401);
    await locked.run('/agents/plain', 401, {});
    const guarded = await Checked.startWith({ guards: [{ canActivate: () => false }] });
    await guarded.run('/agents/plain', 403, {});
    await guarded.json('GET', '/agents', 403);
  });
});
