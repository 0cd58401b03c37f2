import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Agent, Hook, hookRef, type PostHookContext } from 'nestjs-agentos';

import { runProgram } from '../../src/cli/program.js';
import { COMMONJS_PROJECT, createProject, filesOf, removeProjects } from '../support/nest-project.js';
import { closeApps, startApp } from '../support/test-app.js';

class SupportHooks {
  @Hook(true)
  notify(_context: PostHookContext): void {
    return undefined;
  }

  @Hook()
  unused(_context: PostHookContext): void {
    return undefined;
  }
}

const agents = [
  new Agent({ id: 'support', engine: () => 'fine', postHooks: [hookRef(SupportHooks, 'notify')] }),
];
let open: string;
let closed: string;
let other: Server;
let elsewhere: string;

beforeAll(async () => {
  open = (await startApp({ agentOs: { agents, http: { prefix: 'os' } }, providers: [SupportHooks] })).url;
  closed = (await startApp({ agentOs: { agents, http: { securityKey: 'key' } }, providers: [SupportHooks] }))
    .url;
  other = createServer((_request, response) => void response.end('<p>A page</p>'));
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
  elsewhere = `http://127.0.0.1:${(other.address() as AddressInfo).port}`;
});
afterAll(async () => {
  other.close();
  removeProjects();
  await closeApps();
});

interface Result {
  readonly code: number;
  readonly output: string;
}

async function run(args: readonly string[], folder = '.', environment = {}): Promise<Result> {
  const lines: string[] = [];
  const code = await runProgram(args, { folder, environment, print: (text) => lines.push(text) });
  return { code, output: lines.join('\n') };
}

describe('nestjs-agentos hooks', () => {
  it('lists the hooks of a running server, with their modes and the reasons', async () => {
    const { code, output } = await run(['hooks', '--url', `${open}/os`]);
    expect(code).toBe(0);
    expect(output.split('\n').map((line) => line.split(/ {2,}/))).toEqual([
      ['HOOK', 'ATTACHED TO', 'PHASE', 'MODE', 'BECAUSE OF', 'SOURCE'],
      ['notify', 'agent support', 'post', 'background', 'its decorator', 'SupportHooks.notify'],
      ['unused', 'nothing', 'SupportHooks.unused'],
    ]);
  });

  it('takes the key of a server from an option or from the environment', async () => {
    expect((await run(['hooks', '--url', closed, '--key', 'key'])).code).toBe(0);
    expect((await run(['hooks', '--url', closed], '.', { OS_SECURITY_KEY: 'key' })).code).toBe(0);
    expect(await run(['hooks', '--url', closed])).toEqual({
      code: 1,
      output: expect.stringContaining('wants a key: --key'),
    });
    expect(await run(['hooks', '--url', closed, '--key', 'wrong'])).toEqual({
      code: 1,
      output: expect.stringContaining('does not accept the key'),
    });
  });

  it.each([
    ['no address', () => 'localhost:3000', 'is no address of a server'],
    ['an address with a password', () => 'http://me:secret@localhost', 'a user name or a password'],
    ['an address without the prefix', () => open, 'If the routes have a prefix, it belongs to --url'],
    ['the address of another server', () => elsewhere, 'Is it another server?'],
    [
      'an address where nothing listens',
      () => 'http://127.0.0.1:1',
      'No answer from http://127.0.0.1:1/hooks: ',
    ],
  ])('says what is wrong with %s', async (_, url, message) => {
    const { code, output } = await run(['hooks', '--url', url()]);
    expect([code, output]).toEqual([1, expect.stringContaining(message)]);
    expect(output).not.toContain('secret');
  });
});

describe('nestjs-agentos doctor', () => {
  /** The packages of this repository, so that of nestjs-agentos is missing. */
  function projectWith(files: Readonly<Record<string, string>>): string {
    return createProject({ ...COMMONJS_PROJECT, ...files });
  }

  it('finds nothing wrong in a project after init, and in its server', async () => {
    const folder = projectWith({});
    await run(['init'], folder);
    const { output } = await run(['doctor', '--url', `${open}/os`], folder);
    // The packages of this repository do not have the repository itself.
    expect(output.match(/^wrong .*$/gm)).toEqual([
      'wrong  nestjs-agentos is not installed: npm install nestjs-agentos',
    ]);
    expect(output).toMatch(/^ok {5}adapter: @nestjs\/platform-express 1[12]\./m);
    expect(output).toMatch(/^ok {5}src\/agents\/agents\.module\.ts calls AgentOsModule\.forRoot\(\)$/m);
    expect(output).toMatch(/^ok {5}routes: 0 hooks inline, 1 in the background$/m);
  });

  it.each([
    [
      'settings of TypeScript without metadata of decorators',
      {
        'tsconfig.json': COMMONJS_PROJECT['tsconfig.json'].replace(
          '"emitDecoratorMetadata": true',
          '"strict": true',
        ),
      },
      '"emitDecoratorMetadata" must be true',
    ],
    [
      'a kind of module that cannot require ES modules',
      { 'tsconfig.json': COMMONJS_PROJECT['tsconfig.json'].replace('nodenext', 'node16') },
      'take "nodenext"',
    ],
    ['a broken tsconfig.json', { 'tsconfig.json': '{ "extends": 1 }' }, 'must be true'],
    ['settings of Jest that cannot load ES modules', {}, 'package.json: Jest cannot load nestjs-agentos'],
    ['no nestjs-agentos', {}, 'nestjs-agentos is not installed'],
  ])('finds %s', async (_, files, message) => {
    const folder = projectWith(files);
    const before = filesOf(folder);
    const { code, output } = await run(['doctor'], folder);
    expect([code, output]).toEqual([1, expect.stringContaining(message)]);
    expect(output).toMatch(/\nWrong: \d+\.$/);
    expect(filesOf(folder)).toEqual(before);
  });

  it('finds packages that are missing, too old, of another Nest, or installed twice', async () => {
    const manifest = (name: string, version: string) => JSON.stringify({ name, version });
    const packages = {
      'node_modules/@nestjs/core/package.json': manifest('@nestjs/core', '10.4.0'),
      'node_modules/@nestjs/common/package.json': manifest('@nestjs/common', '11.1.0'),
      'node_modules/@nestjs/platform-express/package.json': manifest('@nestjs/platform-express', '11.0.0'),
      'node_modules/rxjs/package.json': manifest('rxjs', '7.8.0'),
      'node_modules/nestjs-agentos/package.json': JSON.stringify({
        ...JSON.parse(manifest('nestjs-agentos', '0.1.0')),
        engines: { node: '>=99.0.0' },
        peerDependencies: { '@nestjs/core': '^11.0.0', 'drizzle-orm': '^0.45.0' },
      }),
      'node_modules/nestjs-agentos/node_modules/@nestjs/common/package.json': manifest(
        '@nestjs/common',
        '11.0.0',
      ),
      'node_modules/drizzle-orm/package.json': manifest('drizzle-orm', '0.30.0'),
      'src/store.ts':
        "import { SqlSessionStore } from 'nestjs-agentos/sql';\nimport { aiSdk } from 'nestjs-agentos/ai-sdk';\n",
    };
    const folder = createProject({ ...COMMONJS_PROJECT, ...packages }, false);
    const { output } = await run(['doctor'], folder);
    const found = output
      .match(/^wrong .*$/gm)
      ?.map((line) => line.replaceAll(folder, '').replace(/^wrong +/, ''));
    expect(found).toEqual([
      expect.stringMatching(/^Node .*: nestjs-agentos needs >=99\.0\.0$/),
      '@nestjs/core 10.4.0: nestjs-agentos needs ^11.0.0',
      'reflect-metadata is not installed: npm install reflect-metadata',
      expect.stringMatching(/^@nestjs\/common is installed twice: /),
      '@nestjs/platform-express 11.0.0 is for another version of Nest than @nestjs/core 10.4.0',
      'ai is not installed: npm install ai',
      'drizzle-orm 0.30.0: nestjs-agentos needs ^0.45.0',
      'nestjs-agentos/sql needs one of: pg, @electric-sql/pglite',
    ]);
  });

  it('says of a server that does not answer what is wrong', async () => {
    const { code, output } = await run(['doctor', '--url', elsewhere], projectWith({}));
    expect([code, output]).toEqual([
      1,
      expect.stringMatching(/^wrong {2}routes: .*Is it another server\?$/m),
    ]);
  });
});
