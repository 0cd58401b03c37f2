import { describe, expect, it } from '@jest/globals';
import ts from 'typescript';

import { ModuleFile } from '../../../src/cli/module.edit.js';

const HEAD = "import { Module } from '@nestjs/common';";
const IMPORT = "import { AgentsModule } from './agents/agents.module';";
const AGENTS = { name: 'AgentsModule', file: './agents/agents.module' };

function change(text: string, isEsm = false): string {
  return new ModuleFile(ts, { path: 'src/app.module.ts', text }, isEsm).withImported(AGENTS);
}

/** The decorator after the change, of a file that has only a class with this decorator. */
function changeMetadata(metadata: string): string {
  const changed = change(`${HEAD}\n\n@Module(${metadata})\nexport class AppModule {}\n`);
  const [, result] = /@Module\((.*)\)\nexport/s.exec(changed) ?? [];
  expect(changed).toBe(`${HEAD}\n${IMPORT}\n\n@Module(${result ?? ''})\nexport class AppModule {}\n`);
  return result ?? '';
}

describe('A change of app.module.ts', () => {
  it.each([
    ['an empty list', '{ imports: [], providers: [] }', '{ imports: [AgentsModule], providers: [] }'],
    ['one module', '{ imports: [A] }', '{ imports: [A, AgentsModule] }'],
    ['one module and a trailing comma', '{ imports: [A,] }', '{ imports: [A, AgentsModule] }'],
    ['a spread list', '{ imports: [...shared] }', '{ imports: [...shared, AgentsModule] }'],
    [
      'a line for each module',
      '{\n  imports: [\n    A,\n    B,\n  ],\n}',
      '{\n  imports: [\n    A,\n    B,\n    AgentsModule,\n  ],\n}',
    ],
    [
      'a line for each module, without a trailing comma',
      '{\n\timports: [\n\t\tA,\n\t\tB\n\t]\n}',
      '{\n\timports: [\n\t\tA,\n\t\tB,\n\t\tAgentsModule\n\t]\n}',
    ],
    [
      'comments behind the modules',
      '{\n  imports: [\n    A, // first\n    B, // last\n  ],\n}',
      '{\n  imports: [\n    A, // first\n    B, // last\n    AgentsModule,\n  ],\n}',
    ],
    [
      'a comment behind the last module, which has no comma',
      '{\n  imports: [\n    A, // first\n    B // last, with a comma\n  ],\n}',
      '{\n  imports: [\n    A, // first\n    B, // last, with a comma\n    AgentsModule\n  ],\n}',
    ],
    [
      'a comment of the line behind a list on one line',
      '{\n  imports: [A // only\n  ],\n}',
      '{\n  imports: [A, AgentsModule // only\n  ],\n}',
    ],
    [
      'only a comment in the list',
      '{\n  imports: [\n    // none yet\n  ],\n}',
      '{\n  imports: [AgentsModule\n    // none yet\n  ],\n}',
    ],
    [
      'a configuration that is read later',
      '{\n  imports: [\n    ConfigModule.forRoot({ isGlobal: true }),\n    TypeOrmModule.forRootAsync({\n      useFactory: async () => [1, 2],\n    }),\n  ],\n}',
      '{\n  imports: [\n    ConfigModule.forRoot({ isGlobal: true }),\n    TypeOrmModule.forRootAsync({\n      useFactory: async () => [1, 2],\n    }),\n    AgentsModule,\n  ],\n}',
    ],
    ['a list with a type', '{ imports: [A] as Imports }', '{ imports: [A, AgentsModule] as Imports }'],
    ['a name in quotes', "{ 'imports': [A] }", "{ 'imports': [A, AgentsModule] }"],
    ['a list with a name', '{ imports: modules }', '{ imports: [...(modules), AgentsModule] }'],
    [
      'a choice of lists',
      '{ imports: isTest ? [A] : [B] }',
      '{ imports: [...(isTest ? [A] : [B]), AgentsModule] }',
    ],
    ['a list of the same name', '{ imports }', '{ imports: [...imports, AgentsModule] }'],
    ['no list', '{ providers: [A] }', '{ providers: [A], imports: [AgentsModule] }'],
    [
      'no list, on several lines',
      '{\n  // all of them\n  providers: [A],\n}',
      '{\n  // all of them\n  providers: [A],\n  imports: [AgentsModule],\n}',
    ],
    ['nothing', '{}', '{ imports: [AgentsModule] }'],
    [
      'a spread object before the list',
      '{ ...shared, imports: [A] }',
      '{ ...shared, imports: [A, AgentsModule] }',
    ],
  ])('adds a module to %s', (_, metadata, expected) => {
    expect(changeMetadata(metadata)).toBe(expected);
  });

  it('keeps the line breaks of Windows, double quotes, a mark at the start and a comment behind the imports', () => {
    const text = [
      '\uFEFFimport { Module } from "@nestjs/common";',
      'import { A } from "./a"; // A, of course',
      '',
      '@Module({',
      '  imports: [',
      '    A, // first',
      '  ],',
      '})',
      'export class AppModule {}',
    ];
    const expected = text.toSpliced(6, 0, '    AgentsModule,');
    expected.splice(2, 0, 'import { AgentsModule } from "./agents/agents.module";');
    expect(change(text.join('\r\n'))).toBe(expected.join('\r\n'));
  });

  it('writes no semicolon where the file has none', () => {
    const text =
      "import { Module } from '@nestjs/common'\n\n@Module({ imports: [] })\nexport class AppModule {}\n";
    expect(change(text)).toContain("\nimport { AgentsModule } from './agents/agents.module'\n\n");
  });

  it.each([
    ['./a.js', false, './agents/agents.module.js'],
    ['./a.ts', false, './agents/agents.module.ts'],
    ['./a', true, './agents/agents.module'],
    ['@scope/a.js', true, './agents/agents.module.js'],
    ['@scope/a', false, './agents/agents.module'],
  ])('ends its path like that of the import "%s"', (path, isEsm, expected) => {
    const text = `${HEAD}\nimport { A } from '${path}';\n@Module({ imports: [A] })\nexport class AppModule {}\n`;
    expect(change(text, isEsm)).toContain(` from '${expected}';`);
  });

  it('finds the decorator under another name, and AppModule among several modules', () => {
    const renamed = "import { Module as Part } from '@nestjs/common';\n@Part({})\nclass Main {}\n";
    expect(change(renamed)).toContain('@Part({ imports: [AgentsModule] })');
    const space = "import * as nest from '@nestjs/common';\n@nest.Module({})\nclass Main {}\n";
    expect(change(space)).toContain('@nest.Module({ imports: [AgentsModule] })');
    const several = `${HEAD}\n@Module({})\nclass Other {}\n@Module({ imports: [Other] })\nexport class AppModule {}\n`;
    expect(change(several)).toContain('[Other, AgentsModule]');
  });

  it.each([
    [
      'a class without the decorator',
      `${HEAD}\nexport class AppModule {}`,
      'no class in it has the decorator',
    ],
    [
      'a decorator of another package',
      "import { Module } from 'elsewhere';\n@Module({})\nclass A {}",
      'no class in it',
    ],
    [
      'several modules',
      `${HEAD}\n@Module({})\nclass A {}\n@Module({})\nclass B {}`,
      'several classes in it have the decorator',
    ],
    ['an argument that has a name', `${HEAD}\n@Module(metadata)\nclass A {}`, 'is not an object literal'],
    ['no argument', `${HEAD}\n@Module()\nclass A {}`, 'is not an object literal'],
    ['a spread object', `${HEAD}\n@Module({ ...shared })\nclass A {}`, 'spreads an object'],
    [
      'a spread object behind the list',
      `${HEAD}\n@Module({ imports: [], ...shared })\nclass A {}`,
      'spreads an object',
    ],
    ['a getter', `${HEAD}\n@Module({ get imports() { return [] } })\nclass A {}`, 'are computed'],
    [
      'another AgentsModule',
      `${HEAD}\nimport { AgentsModule } from './x';\n@Module({})\nclass A {}`,
      'the name AgentsModule',
    ],
    ['an error of syntax', `${HEAD}\n@Module({ imports: [ })\nclass A {}`, 'the compiler says'],
  ])('refuses a file with %s', (_, text, reason) => {
    expect(() => change(text)).toThrow(reason);
  });
});
