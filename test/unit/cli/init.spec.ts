import { afterAll, describe, expect, it } from '@jest/globals';
import ts from 'typescript';

import { runProgram } from '../../../src/cli/program.js';
import {
  APP_MODULE,
  COMMONJS_PROJECT,
  createProject,
  filesOf,
  removeProjects,
} from '../../support/nest-project.js';

afterAll(removeProjects);

const ADDED = [
  'src/agents/agents.module.ts',
  'src/agents/support.agent.spec.ts',
  'src/agents/support.agent.ts',
  'src/agents/support.hooks.ts',
];
const ESM_PROJECT = {
  'package.json': JSON.stringify({
    type: 'module',
    dependencies: { '@nestjs/core': '^12.0.0', '@nestjs/platform-express': '^12.0.0' },
    devDependencies: { vitest: '^4.0.0' },
  }),
  'src/app.module.ts': APP_MODULE.replace('./app.controller', './app.controller.js'),
};

async function run(folder: string, ...args: string[]): Promise<{ code: number; output: string }> {
  const lines: string[] = [];
  const code = await runProgram(args, { folder, environment: {}, print: (text) => lines.push(text) });
  return { code, output: lines.join('\n') };
}

/** What the command says of a project that it does not change. */
async function refusalOf(files: Readonly<Record<string, string>>): Promise<string> {
  const folder = createProject(files);
  const { code, output } = await run(folder, 'init');
  expect(code).toBe(1);
  expect(filesOf(folder)).toEqual(files);
  return output;
}

describe('nestjs-agentos init', () => {
  it('adds a module, an agent, a hook and its test to a CommonJS project, and says so', async () => {
    const folder = createProject(COMMONJS_PROJECT);
    const { code, output } = await run(folder, 'init');
    expect(code).toBe(0);
    const files = filesOf(folder);
    expect(Object.keys(files)).toEqual([...Object.keys(COMMONJS_PROJECT), ...ADDED].sort());
    expect(files['src/app.module.ts']).toBe(
      APP_MODULE.replace('imports: []', 'imports: [AgentsModule]').replace(
        "./app.controller';\n",
        "./app.controller';\nimport { AgentsModule } from './agents/agents.module';\n",
      ),
    );
    expect(files['src/agents/support.agent.spec.ts']).not.toContain('vitest');
    for (const path of [...ADDED, 'src/app.module.ts', 'package.json', 'test/jest-e2e.json'])
      expect(output).toContain(path);
  });

  it('lets Jest compile this package, and changes nothing else in its settings', async () => {
    const folder = createProject(COMMONJS_PROJECT);
    await run(folder, 'init');
    const files = filesOf(folder);
    const setting = '"transformIgnorePatterns": ["/node_modules/(?!(\\\\.pnpm|nestjs-agentos)/)"]';
    expect(files['package.json']).toBe(
      COMMONJS_PROJECT['package.json'].replace('"node"\n', `"node",\n    ${setting}\n`),
    );
    expect(files['test/jest-e2e.json']).toBe(
      COMMONJS_PROJECT['test/jest-e2e.json'].replace('"ts-jest" }\n', `"ts-jest" },\n  ${setting}\n`),
    );
    const pattern = new RegExp(
      (JSON.parse(files['package.json'] ?? '') as { jest: { transformIgnorePatterns: [string] } }).jest
        .transformIgnorePatterns[0],
    );
    expect(pattern.test('/app/node_modules/nestjs-agentos/dist/src/index.js')).toBe(false);
    expect(pattern.test('/app/node_modules/rxjs/index.js')).toBe(true);
  });

  it('writes ES modules and a test of vitest into a project that has these', async () => {
    const folder = createProject(ESM_PROJECT);
    const { output } = await run(folder, 'init');
    const files = filesOf(folder);
    expect(files['src/app.module.ts']).toContain("from './agents/agents.module.js';");
    expect(files['src/agents/agents.module.ts']).toContain("from './support.agent.js';");
    expect(files['src/agents/support.agent.spec.ts']).toContain("from 'vitest';");
    expect(files['package.json']).toBe(ESM_PROJECT['package.json']);
    // The packages of the project do not have it.
    expect(output).toContain('npm install nestjs-agentos');
  });

  it('writes a test with the adapter of Fastify if it is the only one', async () => {
    const folder = createProject({
      ...ESM_PROJECT,
      'package.json': ESM_PROJECT['package.json'].replace('platform-express', 'platform-fastify'),
    });
    await run(folder, 'init');
    expect(filesOf(folder)['src/agents/support.agent.spec.ts']).toContain('adapter: new FastifyAdapter()');
  });

  it('finds the sources where nest-cli.json says that they are', async () => {
    const folder = createProject({
      'package.json': ESM_PROJECT['package.json'],
      'nest-cli.json': '{ "sourceRoot": "apps/shop/src" }',
      'apps/shop/src/app.module.ts': APP_MODULE,
    });
    expect((await run(folder, 'init')).code).toBe(0);
    expect(Object.keys(filesOf(folder))).toContain('apps/shop/src/agents/agents.module.ts');
  });

  it('says that it is there when it is called again, and changes nothing', async () => {
    const folder = createProject(COMMONJS_PROJECT);
    await run(folder, 'init');
    const files = filesOf(folder);
    const { code, output } = await run(folder, 'init');
    expect([code, output]).toEqual([0, expect.stringContaining('AgentOS is there already')]);
    expect(filesOf(folder)).toEqual(files);
  });

  it('overwrites no file', async () => {
    const files = { ...COMMONJS_PROJECT, 'src/agents/support.agent.ts': 'export {};\n' };
    expect(await refusalOf(files)).toContain('src/agents/support.agent.ts would be overwritten');
  });

  it('leaves settings of Jest to the user if they have such a pattern, or are a program', async () => {
    const own = COMMONJS_PROJECT['package.json'].replace(
      '"rootDir"',
      '"transformIgnorePatterns": [], "rootDir"',
    );
    const files = { ...COMMONJS_PROJECT, 'package.json': own, 'jest.config.js': 'module.exports = {};\n' };
    const folder = createProject(files);
    const { output } = await run(folder, 'init');
    expect(output).toMatch(/to do +package\.json: /);
    expect(output).toMatch(/to do +jest\.config\.js: /);
    expect(filesOf(folder)).toMatchObject({ 'package.json': own, 'jest.config.js': files['jest.config.js'] });
  });

  it.each([
    ['has no package.json', {}, 'There is no package.json'],
    ['is none of Nest', { 'package.json': '{}' }, 'it is no NestJS project'],
    ['has a broken package.json', { 'package.json': '{' }, 'package.json is no JSON'],
    [
      'has no app.module.ts',
      { 'package.json': ESM_PROJECT['package.json'] },
      'There is no src/app.module.ts',
    ],
    [
      'has a module of an unknown form',
      { ...ESM_PROJECT, 'src/app.module.ts': APP_MODULE.replace(/@Module\(.*\)/s, '@Module(metadata)') },
      'src/app.module.ts cannot be changed: the argument of @Module() is not an object literal',
    ],
  ])('leaves a project as it is that %s', async (_, files, message) => {
    expect(await refusalOf(files)).toContain(message);
  });

  it('leaves a project without TypeScript as it is', async () => {
    const folder = createProject(COMMONJS_PROJECT, false);
    expect(await run(folder, 'init')).toEqual({ code: 1, output: expect.stringContaining('no TypeScript') });
    expect(filesOf(folder)).toEqual(COMMONJS_PROJECT);
  });

  it.each([COMMONJS_PROJECT, ESM_PROJECT])('writes programs without an error of syntax', async (project) => {
    const folder = createProject(project);
    await run(folder, 'init');
    for (const [path, text] of Object.entries(filesOf(folder)).filter(([name]) => name.endsWith('.ts')))
      expect([path, ts.transpileModule(text, { reportDiagnostics: true }).diagnostics]).toEqual([path, []]);
  });
});

describe('The program nestjs-agentos', () => {
  it('prints its commands, the help of each, and its version', async () => {
    expect(await run('.', '--help')).toEqual({
      code: 0,
      output: expect.stringMatching(/init[^]*hooks[^]*doctor/),
    });
    for (const command of ['init', 'hooks', 'doctor'])
      expect(await run('.', command, '--help')).toEqual({
        code: 0,
        output: expect.stringContaining(`nestjs-agentos ${command}`),
      });
    expect(await run('.', '--version')).toEqual({ code: 0, output: expect.stringMatching(/^\d+\.\d+\.\d+/) });
  });

  it.each([[[]], [['unknown']], [['hooks', '--unknown']], [['init', 'folder']], [['constructor']]])(
    'ends with the exit code 1 for the arguments %j',
    async (args) => {
      expect((await run('.', ...args)).code).toBe(1);
    },
  );
});
