import type ts from 'typescript';

import { appendTo, insertInto, listOf } from './list.insertion.js';
import type { NestProject, TypeScript } from './nest.project.js';

/** What Jest must compile in a CommonJS project: it cannot `require()` ES modules before Node 24.9. */
const PATTERN = '/node_modules/(?!(\\.pnpm|nestjs-agentos)/)';
/** The setting, as documentation shows it. */
export const JEST_SETTING = `"transformIgnorePatterns": [${JSON.stringify(PATTERN)}]`;

/** A configuration of Jest in a project. */
export interface JestSettings {
  /** The file, relative to the project. */
  readonly path: string;
  /** The text of the file with the setting; undefined if it cannot be added without a decision of the user. */
  readonly changed: string | undefined;
}

/** The configurations of Jest of a project that do not let it load this package yet. */
export function unreadySettings(project: NestProject, typescript: TypeScript): JestSettings[] {
  if (project.isEsm || !project.hasDependency('jest')) return [];
  const files = [
    { path: 'package.json', keys: ['jest'] },
    { path: 'test/jest-e2e.json', keys: [] },
  ];
  const inJson = files.flatMap(({ path, keys }): JestSettings[] => {
    const text = project.read(path);
    if (text === undefined) return [];
    const source = typescript.parseJsonText(path, text);
    const settings = objectAt(typescript, source, keys);
    if (!settings || settings.getText(source).includes('nestjs-agentos')) return [];
    return [{ path, changed: withSetting(typescript, source, settings) }];
  });
  const programs = ['js', 'ts', 'mjs', 'cjs', 'mts', 'cts', 'json']
    .map((ending) => `jest.config.${ending}`)
    .filter((path) => project.read(path)?.includes('nestjs-agentos') === false)
    .map((path) => ({ path, changed: undefined }));
  return [...inJson, ...programs];
}

function withSetting(
  typescript: TypeScript,
  source: ts.JsonSourceFile,
  settings: ts.ObjectLiteralExpression,
): string | undefined {
  const isOwn = propertyOf(typescript, settings, 'transformIgnorePatterns') !== undefined;
  if (isOwn || !compilesJavaScript(typescript, settings)) return undefined;
  return insertInto(source.text, appendTo(typescript, listOf(settings, source), JEST_SETTING, source));
}

/** Whether a transform of these settings is for JavaScript files, too. */
function compilesJavaScript(typescript: TypeScript, settings: ts.ObjectLiteralExpression): boolean {
  const transform = propertyOf(typescript, settings, 'transform')?.initializer;
  if (!transform || !typescript.isObjectLiteralExpression(transform)) return false;
  return transform.properties.some(({ name }) => {
    if (!name || !typescript.isStringLiteral(name)) return false;
    try {
      return new RegExp(name.text).test('/node_modules/nestjs-agentos/dist/src/index.js');
    } catch {
      // Jest reports a pattern that is none.
      return false;
    }
  });
}

function objectAt(
  typescript: TypeScript,
  source: ts.JsonSourceFile,
  keys: readonly string[],
): ts.ObjectLiteralExpression | undefined {
  let found: ts.Expression | undefined = source.statements[0]?.expression;
  for (const key of keys)
    found =
      found && typescript.isObjectLiteralExpression(found)
        ? propertyOf(typescript, found, key)?.initializer
        : undefined;
  return found && typescript.isObjectLiteralExpression(found) ? found : undefined;
}

function propertyOf(
  typescript: TypeScript,
  { properties }: ts.ObjectLiteralExpression,
  key: string,
): ts.PropertyAssignment | undefined {
  return properties
    .filter(typescript.isPropertyAssignment)
    .find(({ name }) => typescript.isStringLiteral(name) && name.text === key);
}
