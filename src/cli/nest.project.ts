import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, relative, sep } from 'node:path';

import type ts from 'typescript';
import { z } from 'zod';

import { codeOf, CommandError } from './terminal.js';

/** The compiler of a project. */
export type TypeScript = typeof ts;

const Manifest = z.object({
  type: z.string().optional(),
  dependencies: z.record(z.string(), z.string()).default({}),
  devDependencies: z.record(z.string(), z.string()).default({}),
});

const NestCli = z.object({ sourceRoot: z.string().default('src') });

/** A file of a project. */
export interface SourceFile {
  /** Relative to the project, with slashes. */
  readonly path: string;
  readonly text: string;
}

/** A project with NestJS, as its files describe it. */
export class NestProject {
  readonly folder: string;
  /** The folder of the sources, relative to that of the project. */
  readonly sourceRoot: string;
  readonly #manifest: z.output<typeof Manifest>;

  /** @throws CommandError if the folder is none of a NestJS project */
  constructor(folder: string) {
    this.folder = folder;
    const manifest = this.read('package.json');
    if (manifest === undefined)
      throw new CommandError(
        `There is no package.json in ${folder}. Call the command in the folder of a project.`,
      );
    this.#manifest = parse(Manifest, 'package.json', manifest);
    if (!this.hasDependency('@nestjs/core'))
      throw new CommandError(
        `package.json in ${folder} does not name @nestjs/core: it is no NestJS project.`,
      );
    this.sourceRoot = parse(NestCli, 'nest-cli.json', this.read('nest-cli.json') ?? '{}').sourceRoot;
  }

  /** Whether `.js` and `.ts` files are ES modules. */
  get isEsm(): boolean {
    return this.#manifest.type === 'module';
  }

  hasDependency(name: string): boolean {
    const { dependencies, devDependencies } = this.#manifest;
    return Object.hasOwn(dependencies, name) || Object.hasOwn(devDependencies, name);
  }

  has(path: string): boolean {
    return existsSync(join(this.folder, path));
  }

  /** The text of a file; undefined if there is none. */
  read(path: string): string | undefined {
    return this.has(path) ? readFileSync(join(this.folder, path), 'utf8') : undefined;
  }

  /** The TypeScript files of the application, without its tests. */
  sources(): SourceFile[] {
    const root = join(this.folder, this.sourceRoot);
    if (!existsSync(root)) return [];
    return readdirSync(root, { recursive: true, encoding: 'utf8', withFileTypes: true })
      .filter((entry) => entry.isFile() && /(?<!\.d|spec|test)\.[cm]?ts$/.test(entry.name))
      .map((entry) => join(entry.parentPath, entry.name))
      .filter((path) => !path.split(sep).includes('node_modules'))
      .sort()
      .map((path) => ({
        path: relative(this.folder, path).split(sep).join('/'),
        text: readFileSync(path, 'utf8'),
      }));
  }

  /** @returns undefined if it is not installed, or has no programming interface */
  loadTypeScript(): TypeScript | undefined {
    try {
      const found = createRequire(join(this.folder, 'package.json'))('typescript') as Partial<TypeScript>;
      return isCompiler(found) ? found : undefined;
    } catch (error) {
      if (codeOf(error) === 'MODULE_NOT_FOUND') return undefined;
      throw error;
    }
  }
}

/** The package `typescript` of version 7 exports its version only. */
function isCompiler(found: Partial<TypeScript>): found is TypeScript {
  return typeof found.createSourceFile === 'function';
}

function parse<T>(schema: z.ZodType<T>, path: string, text: string): T {
  let content: unknown;
  try {
    content = JSON.parse(text);
  } catch (error) {
    throw new CommandError(`${path} is no JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
  const { data, error } = schema.safeParse(content);
  if (error) throw new CommandError(`${path} cannot be read: ${z.prettifyError(error)}`);
  return data;
}
