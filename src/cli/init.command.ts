import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';

import { AGENTS_MODULE, initFiles, type NewFile } from './init.files.js';
import { findPackage } from './installed.package.js';
import { JEST_SETTING, unreadySettings, type JestSettings } from './jest.settings.js';
import { ModuleFile, NotUnderstoodError, type ImportStyle } from './module.edit.js';
import { NestProject, type SourceFile, type TypeScript } from './nest.project.js';
import { DEFAULT_URL } from './server.client.js';
import { CommandError, type Command, type Terminal } from './terminal.js';

const HELP = `nestjs-agentos init

Adds AgentOS to the project in this folder, which is one of NestJS 11 or 12: a module, an agent, a hook and its test in
src/agents/, and the module among the imports of src/app.module.ts. It overwrites no file, and prints what it has changed.
A project that it does not understand is left as it is.`;

/** Adds the module, an agent, a hook and its test to a project. */
export const init: Command = {
  summary: 'add an agent, a hook and its test to the project in this folder',
  help: HELP,
  run(args, terminal) {
    parseArgs({ args: [...args], options: {} });
    const project = new NestProject(terminal.folder);
    const present = project.sources().find(({ text }) => /\bAgentOsModule\s*\.\s*forRoot/.test(text));
    if (present) {
      terminal.print(
        `AgentOS is there already: ${present.path} calls AgentOsModule.forRoot(). Nothing was changed.`,
      );
      return Promise.resolve(0);
    }
    const plan = planOf(project);
    // Everything that can fail for the sake of the project's contents has been done by now.
    for (const { path, text } of plan.added) write(project, path, text, 'wx');
    for (const { path, changed } of plan.settings)
      if (changed !== undefined) write(project, path, changed, 'w');
    write(project, plan.module.path, plan.module.text, 'w');
    report(project, plan, terminal);
    return Promise.resolve(0);
  },
};

/** What is going to be written. */
interface Plan {
  readonly added: readonly NewFile[];
  readonly settings: readonly JestSettings[];
  readonly module: SourceFile;
}

function planOf(project: NestProject): Plan {
  const typescript = project.loadTypeScript();
  if (!typescript)
    throw new CommandError(
      'The project has no TypeScript with a compiler API (versions 5 and 6 have one), which is needed to change ' +
        'src/app.module.ts. Nothing was changed.',
    );
  const path = `${project.sourceRoot}/app.module.ts`;
  const text = project.read(path);
  if (text === undefined) throw new CommandError(`There is no ${path}. Nothing was changed.`);
  const { style, changed } = editModule(typescript, project, { path, text });
  const added = newFiles(project, style);
  const taken = added.filter((file) => project.has(file.path));
  if (taken.length > 0)
    throw new CommandError(
      `${taken.map((file) => file.path).join(', ')} would be overwritten. Nothing was changed: rename what is there.`,
    );
  return { added, settings: unreadySettings(project, typescript), module: { path, text: changed } };
}

function editModule(
  typescript: TypeScript,
  project: NestProject,
  file: SourceFile,
): { readonly style: ImportStyle; readonly changed: string } {
  try {
    const module = new ModuleFile(typescript, file, project.isEsm);
    return { style: module.style, changed: module.withImported(AGENTS_MODULE) };
  } catch (error) {
    if (!(error instanceof NotUnderstoodError)) throw error;
    throw new CommandError(
      `${file.path} cannot be changed: ${error.message}. Nothing was changed. ` +
        'The README of nestjs-agentos shows a module to add by hand.',
    );
  }
}

function newFiles(project: NestProject, style: ImportStyle): NewFile[] {
  const runner = project.hasDependency('vitest')
    ? 'vitest'
    : project.hasDependency('jest')
      ? 'jest'
      : undefined;
  const isFastify =
    project.hasDependency('@nestjs/platform-fastify') && !project.hasDependency('@nestjs/platform-express');
  return initFiles({ style, runner, isFastify }).map(({ path, text }) => ({
    path: `${project.sourceRoot}/${path}`,
    text,
  }));
}

/** @param flag - `wx`: fails if the file is there */
function write(project: NestProject, path: string, text: string, flag: 'w' | 'wx'): void {
  const target = join(project.folder, path);
  mkdirSync(dirname(target), { recursive: true });
  writeFileSync(target, text, { flag });
}

function report(project: NestProject, { added, settings, module }: Plan, terminal: Terminal): void {
  const isChanged = ({ changed }: JestSettings): boolean => changed !== undefined;
  for (const { path } of added) terminal.print(`added    ${path}`);
  terminal.print(`changed  ${module.path}: ${AGENTS_MODULE.name} is among the imports`);
  for (const { path } of settings.filter(isChanged))
    terminal.print(`changed  ${path}: Jest compiles nestjs-agentos, which consists of ES modules`);
  for (const { path } of settings.filter((setting) => !isChanged(setting)))
    terminal.print(
      `to do    ${path}: Jest must compile the JavaScript of nestjs-agentos, which consists of ES modules:\n` +
        `           ${JEST_SETTING}`,
    );
  if (!added.some(({ path }) => path.endsWith('.spec.ts')))
    terminal.print('not added: a test, because package.json names neither jest nor vitest');

  const isInstalled = findPackage('nestjs-agentos', project.folder) !== undefined;
  const steps = [
    ...(isInstalled ? [] : ['npm install nestjs-agentos']),
    'npm test',
    'npm run start',
    `curl -F "message=Where is my parcel?" -F "stream=false" ${DEFAULT_URL}/agents/support/runs`,
    'npx nestjs-agentos hooks',
  ];
  terminal.print(`\nNext:\n${steps.map((step) => `  ${step}`).join('\n')}`);
  terminal.print(
    `\n${DEFAULT_URL}/dashboard shows what runs inline and what runs after the response. Write ` +
      'app.enableShutdownHooks() into main.ts:\nthen hooks that wait run before the process ends.',
  );
}
