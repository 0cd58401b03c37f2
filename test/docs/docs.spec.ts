import { once } from 'node:events';
import { existsSync } from 'node:fs';
import type { Server } from 'node:http';

import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { HttpException, Logger, type INestApplication, type Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Test } from '@nestjs/testing';
import * as library from 'nestjs-agentos';
import * as executor from 'nestjs-agentos/executor';

import { examples } from '../../sample-app/examples.js';
import { ALL_ROUTES } from '../../src/protocol/routes.js';
import { resolveOptions } from '../../src/resolve-options.js';
import { defineHookOf } from '../../src/hooks/hook.definition.js';
import {
  brokenLinks,
  codeBlocks,
  filesIn,
  namesIn,
  readDocument,
  tableUnder,
  trimLines,
} from '../support/documents.js';
import { runJson } from '../support/http-client.js';
import { declaredRoutes } from '../support/protocol-routes.js';
import { compileSnippets, snippetsOf, withoutImports } from '../support/snippets.js';

const README = readDocument('README.md');
const PAGES = ['README.md', 'docs/guarantees.md', ...filesIn('docs/guide', '.md')];
const OPTIONS = readDocument('docs/guide/options.md');
const OTHERS = [
  'ARCHITECTURE.md',
  'CONTRIBUTING.md',
  'CHANGELOG.md',
  'bench/README.md',
  ...filesIn('docs/decisions', '.md'),
];
const PROGRAMS = [
  ...filesIn('docs/examples', '.ts'),
  ...filesIn('test/docs', '.ts'),
  ...['test/docs/ask-agent.js', 'test/docs/support.test.mjs'],
];

describe('The pages of the documentation', () => {
  it('show only code that stands in a program which is compiled or run by a test', () => {
    const programs = PROGRAMS.map((path) => trimLines(readDocument(path)));
    const stands = (code: string) => programs.some((program) => program.includes(trimLines(code)));
    const snippets = PAGES.flatMap(snippetsOf).map((snippet) => ({
      ...snippet,
      body: withoutImports(snippet),
    }));
    const scripts = PAGES.flatMap((page) =>
      codeBlocks(readDocument(page), 'js').map((code) => ({ page, code, body: code })),
    );
    expect([...snippets, ...scripts].filter(({ body }) => !stands(body))).toEqual([]);
  });

  it('show TypeScript that compiles unchanged, each snippet with the imports that it needs', () => {
    expect(compileSnippets(PAGES.flatMap(snippetsOf))).toEqual([]);
  }, 180_000);

  it('name only files and headings that exist', () => {
    const broken = [...PAGES, ...OTHERS].flatMap((page) => brokenLinks(page).map((link) => ({ page, link })));
    expect(broken).toEqual([]);
  });

  it('show every picture of the dashboard', () => {
    const guide = readDocument('docs/guide/dashboard.md');
    const missing = filesIn('docs/images', '.png').filter(
      (path) => !guide.includes(path.slice('docs'.length)),
    );
    expect(missing).toEqual([]);
  });

  it('show only curl lines that the sample application prints', () => {
    const lines = PAGES.flatMap((page) => codeBlocks(readDocument(page), 'sh')).join('\n');
    const shown = lines.split('\n').filter((line) => line.startsWith('curl'));
    expect(shown.length).toBeGreaterThan(0);
    expect(examples(7777).map(({ curl }) => curl)).toEqual(expect.arrayContaining(shown));
  });
});

describe('The program in the README', () => {
  let app: INestApplication;

  beforeAll(async () => {
    Logger.overrideLogger(false);
    process.env['PORT'] = '0';
    const create = jest.spyOn(NestFactory, 'create');
    await import('../../docs/examples/quick-start.js');
    app = (await create.mock.results[0]?.value) as INestApplication;
    const server = app.getHttpServer() as Server;
    if (!server.listening) await once(server, 'listening');
  });

  afterAll(() => app.close());

  it('is docs/examples/quick-start.ts', () => {
    expect(codeBlocks(README, 'ts')[0]).toBe(readDocument('docs/examples/quick-start.ts'));
  });

  it('answers, and rejects an input that its guardrail rejects', async () => {
    const { port } = app.getHttpServer().address() as { port: number };
    const ask = (message: string) => runJson(`http://localhost:${port}`, '/os/agents/support', message);
    expect(await ask('Hi')).toMatchObject({ status: 200, body: { content: 'You asked: Hi' } });
    expect(await ask('My password: secret')).toMatchObject({
      status: 400,
      body: { detail: 'Please do not send passwords.' },
    });
  });
});

describe('The programs of the guide', () => {
  const programs = filesIn('docs/examples', '.ts').filter((path) => !path.endsWith('quick-start.ts'));

  const apps: INestApplication[] = [];

  beforeAll(() => {
    process.env['HOOKS_FOLDER'] = 'memory://';
  });

  afterEach(() => Promise.all(apps.splice(0).map((app) => app.close())));

  async function createApp(module: Type): Promise<INestApplication> {
    const testing = await Test.createTestingModule({ imports: [module] }).compile();
    const app = testing.createNestApplication<INestApplication>({ logger: false });
    apps.push(app);
    return app;
  }

  it.each(programs)('start without an error: %s', async (path) => {
    for (const module of await modulesOf(path)) await (await createApp(module)).init();
  });

  it('docs/examples/http-and-security.ts answers as its page says', async () => {
    const modules = await modulesOf('docs/examples/http-and-security.ts');
    const app = await createApp(modules.find(({ name }) => name === 'AppModule') as Type);
    await app.listen(0, 'localhost');
    const { port } = app.getHttpServer().address() as { port: number };
    const send = async (path: string, body?: URLSearchParams, token?: string) => {
      const headers = { connection: 'close', ...(token === undefined ? {} : { 'x-token': token }) };
      const response = await fetch(`http://localhost:${port}${path}`, {
        headers,
        ...(body ? { method: 'POST', body } : {}),
      });
      return [response.status, await response.text()];
    };
    const form = new URLSearchParams({ message: 'Hi', stream: 'false', user_id: 'somebody else' });

    expect(await send('/ask', new URLSearchParams({ question: 'Hi' }))).toEqual([
      201,
      '{"answer":"You asked: Hi"}',
    ]);
    expect(await send('/ask/stream')).toEqual([
      200,
      expect.stringContaining('data: {"content":"You asked: Hello"}'),
    ]);
    expect(await send('/os/agents/support/runs', form)).toEqual([403, '{"detail":"Forbidden"}']);
    expect(await send('/os/agents/support/runs', form, 'me')).toEqual([
      200,
      expect.stringContaining('"user_id":"user-of-me"'),
    ]);
  });
});

describe('The tables of the documentation', () => {
  it('list every error with its class and status', () => {
    const listed = tableUnder(readDocument('docs/guide/errors.md'), '## Codes').map(
      ([code, errorClass, status]) => [...[...namesIn(code), ...namesIn(errorClass)], status],
    );
    const inStreams = [...filesIn('src/http', '.ts'), ...filesIn('src/protocol', '.ts')].flatMap((path) => [
      ...readDocument(path).matchAll(/(?:error_type|errorType): '(\w+)'/g),
    ]);
    expect(listed.sort()).toEqual(
      [...errorsOfTheLibrary(), ...inStreams.map(([, code]) => [code, '–'])].sort(),
    );
  });

  it("list the module's options with their defaults", () => {
    const options = tableUnder(OPTIONS, '## The module');
    const wiring = tableUnder(OPTIONS, '## The wiring of the module');
    const known = [
      ...knownOptions(() => resolveOptions({ wrong: true } as never, {})).filter(
        (name) => name !== 'telemetry',
      ),
      ...knownOptions(() => resolveOptions({ telemetry: { wrong: true } as never }, {})).map(
        (name) => `telemetry.${name}`,
      ),
      ...knownOptions(() => resolveOptions({}, { http: { wrong: true } as never })).map(
        (name) => `http.${name}`,
      ),
      ...['isGlobal', 'interceptor', 'role'],
    ];
    expect([...options, ...wiring].flatMap(([names]) => namesIn(names)).sort()).toEqual(known.sort());

    const { http: _, telemetry, ...others } = resolveOptions({}, {});
    const defaults = [
      ...Object.entries(others),
      ...Object.entries(telemetry).map(([name, value]) => [`telemetry.${name}`, value] as const),
    ];
    const shown = new Map(options.flatMap(([names, value]) => namesIn(names).map((name) => [name, value])));
    expect(defaults.map(([name]) => [name, shown.get(name)])).toEqual(
      defaults.map(([name, value]) => [name, `\`${JSON.stringify(value).replaceAll('"', "'")}\``]),
    );
  });

  it.each(['Hook', 'Guardrail'] as const)('list the options of @%s', (decorator) => {
    const listed = tableUnder(OPTIONS, `## ${decorator}s`).flatMap(([name]) => namesIn(name));
    expect(listed).toEqual(
      knownOptions(() => defineHookOf({ decorator, options: { wrong: true } }, 'Hooks.method', 'method')),
    );
  });

  it('list every route', () => {
    const listed = tableUnder(readDocument('docs/guide/http-and-security.md'), '## Routes');
    const known = declaredRoutes().map(({ method, path }) => [method, path]);
    expect(listed.map(([method, path]) => [...namesIn(method), ...namesIn(path)]).sort()).toEqual(
      known.sort(),
    );
  });

  it('say of every route of agno that is not served why it is not', () => {
    const agno = readDocument('test/fixtures/agno-3.1-routes.txt').trim().split('\n').map(withoutNames);
    const served = ALL_ROUTES.map(({ method, path }) => withoutNames(`${method} /${path}`));
    const rows = tableUnder(readDocument('docs/guide/protocol.md'), '## Routes that are not served');
    const named = rows.flatMap(([routes]) => namesIn(routes)).map(withoutNames);
    const isNamed = (route: string, name: string): boolean => {
      const [, path = ''] = route.split(' ');
      return name.endsWith('…') ? path.startsWith(name.slice(0, -1)) : path === name;
    };
    const missing = agno.filter((route) => !served.includes(route));
    expect(missing.filter((route) => !named.some((name) => isNamed(route, name)))).toEqual([]);
    expect(named.filter((name) => !missing.some((route) => isNamed(route, name)))).toEqual([]);
    expect(served.filter((route) => named.some((name) => isNamed(route, name)))).toEqual([]);
    expect(rows.filter(([, reason]) => !reason)).toEqual([]);
  });

  it('list the folders of src/ in the order that the lint rule enforces', () => {
    const config = readDocument('eslint.config.js');
    const [, layers = ''] = /const LAYERS = \[(.*?)\];/s.exec(config) ?? [];
    const [, top = ''] = /const TOP = \[(.*?)\];/s.exec(config) ?? [];
    const namesOf = (list: string) => [...list.matchAll(/'([^']+)'/g)].map(([, name]) => name);
    const folders = [...namesOf(layers), ...namesOf(top)].filter((name) => name === 'root' || isFolder(name));
    const listed = tableUnder(readDocument('ARCHITECTURE.md'), '## Folders and imports');
    expect(listed.flatMap(([name]) => namesIn(name))).toEqual(folders);
  });
});

/** A route or path without the names of its parameters. */
function withoutNames(route: string): string {
  return route.replace(/:\w+|\{\w+\}/g, ':x');
}

/** The modules that a program exports. */
async function modulesOf(path: string): Promise<Type[]> {
  const exported = (await import(`../../${path.replace(/\.ts$/, '.js')}`)) as Record<string, Type>;
  const modules = Object.values(exported).filter((value) => Reflect.hasMetadata('imports', value));
  if (modules.length === 0) throw new Error(`${path} exports no module.`);
  return modules;
}

function isFolder(name = ''): boolean {
  return existsSync(new URL(`../../src/${name}`, import.meta.url));
}

const ABSTRACT_ERRORS = ['AgentRunError', 'CheckError'];
/** Errors whose status is not their own. */
const STATUS: Readonly<Record<string, string>> = {
  RunHttpError: 'its own',
  StepFailedError: "500, or its cause's",
};

/** Code, class and status of every error class that is exported. */
function errorsOfTheLibrary(): (string | undefined)[][] {
  const classes = Object.entries({ ...library, ...executor } as Record<string, unknown>).filter(
    ([name, value]) =>
      typeof value === 'function' && value.prototype instanceof Error && !ABSTRACT_ERRORS.includes(name),
  );
  return classes.map(([name, errorClass]) => {
    const original = new HttpException('text', 418);
    const error = Reflect.construct(errorClass as Type<Error & { readonly code: string }>, [
      name === 'RunHttpError' ? original : 'text',
      'text',
    ]);
    const status = error instanceof HttpException ? String(error.getStatus()) : '–';
    return [error.code, name, STATUS[name] ?? status];
  });
}

/** The options that an error message about a wrong one lists. */
function knownOptions(useWrongOption: () => unknown): string[] {
  try {
    useWrongOption();
  } catch (error) {
    const [, names = ''] = /Known options: (.*)\.$/.exec((error as Error).message) ?? [];
    return names.split(', ');
  }
  throw new Error('Expected the wrong option to be refused.');
}
