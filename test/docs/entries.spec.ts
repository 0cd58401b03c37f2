import { join } from 'node:path';

import { beforeAll, describe, expect, it } from '@jest/globals';
import ts from 'typescript';

import { namesIn, readDocument, tableUnder } from '../support/documents.js';

interface Manifest {
  readonly exports: Readonly<Record<string, string | { readonly types: string; readonly default: string }>>;
  readonly typesVersions: { readonly '*': Readonly<Record<string, readonly string[]>> };
}

const ROOT = join(import.meta.dirname, '../..');
const MANIFEST = JSON.parse(readDocument('package.json')) as Manifest;
/** The entries of the package, such as `.` and `./stores`. */
const ENTRIES = Object.keys(MANIFEST.exports).filter((entry) => entry !== './package.json');

/** Names that two entries have: with a model of the AI SDK in place of an engine, the function is the same one. */
const TWICE = ['agentAsJudge', 'modelGuardrail'];

/**
 * Types that exported declarations name and no entry exports: applications get such objects only from the library, or
 * write them without a name.
 */
const UNNAMED = [
  'AgentOsConfigurableModule AgentOsRuntime ManagedHookExecutionsOptions ResolvedAgentOsOptions StoreCalls',
  'AgentRunErrorOptions ComponentRun RunComponent HookMethodContext HookMethodName',
  'SecurityRequirements StepContext StepIdentity Exchange ExchangeRequest TestAgentOsParts TestClientParts',
].flatMap((names) => names.split(' '));

const sourceOf = (entry: string): string => join(ROOT, 'src', entry, 'index.ts');

describe('The entries of the package', () => {
  const names = new Map<string, readonly string[]>();
  /** Types of this package that exported declarations name and no entry exports. */
  const hidden = new Set<string>();

  beforeAll(() => {
    const { config } = ts.readConfigFile(join(ROOT, 'tsconfig.json'), (path) => ts.sys.readFile(path)) as {
      config: object;
    };
    const { options } = ts.parseJsonConfigFileContent(config, ts.sys, ROOT);
    const program = ts.createProgram(ENTRIES.map(sourceOf), options);
    const checker = program.getTypeChecker();
    const exported = new Set<ts.Symbol>();
    for (const entry of ENTRIES) {
      const source = program.getSourceFile(sourceOf(entry));
      const module = source && checker.getSymbolAtLocation(source);
      const symbols = module ? checker.getExportsOfModule(module) : [];
      for (const symbol of symbols) exported.add(original(symbol, checker));
      names.set(
        entry,
        symbols.map(({ name }) => name),
      );
    }
    for (const type of [...exported].flatMap((symbol) => namedTypes(symbol, checker)))
      if (!exported.has(type)) hidden.add(type.name);
  }, 120_000);

  it('export at most 100 names from the root, those that first programs need', () => {
    const root = names.get('.') ?? [];
    expect(root.length).toBeGreaterThan(80);
    expect(root.length).toBeLessThanOrEqual(100);
  });

  it('stand in a table of the guide', () => {
    const listed = tableUnder(readDocument('docs/guide/options.md'), '## The entries of the package');
    expect(listed.flatMap(([name]) => namesIn(name)).sort()).toEqual(
      ENTRIES.map((entry) => join('nestjs-agentos', entry)).sort(),
    );
  });

  it('export each name once', () => {
    const all = [...names.values()].flat();
    expect(all.filter((name, index) => all.indexOf(name) !== index).sort()).toEqual(TWICE);
  });

  it('are also found by TypeScript with the module resolution of Node 10', () => {
    const expected = ENTRIES.filter((entry) => entry !== '.').map((entry) => [
      entry.slice(2),
      [(MANIFEST.exports[entry] as { types: string }).types],
    ]);
    expect(MANIFEST.typesVersions['*']).toEqual(Object.fromEntries(expected));
  });

  it('export every type that an exported declaration names and that applications write', () => {
    expect([...hidden].sort()).toEqual(UNNAMED.toSorted());
  });
});

function original(symbol: ts.Symbol, checker: ts.TypeChecker): ts.Symbol {
  return symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;
}

/** The types of this package that the public part of a declaration names. */
function namedTypes(symbol: ts.Symbol, checker: ts.TypeChecker): ts.Symbol[] {
  const found = new Set<ts.Symbol>();
  const visit = (node: ts.Node): void => {
    if (ts.isBlock(node) || isPrivate(node)) return;
    const name = ts.isTypeReferenceNode(node)
      ? node.typeName
      : ts.isExpressionWithTypeArguments(node)
        ? node.expression
        : undefined;
    const type = name && checker.getSymbolAtLocation(name);
    if (type) found.add(original(type, checker));
    ts.forEachChild(node, visit);
  };
  for (const declaration of symbol.declarations ?? []) visit(declaration);
  return [...found].filter(
    (type) =>
      !(type.flags & ts.SymbolFlags.TypeParameter) &&
      type.declarations?.some((declaration) =>
        declaration.getSourceFile().fileName.startsWith(join(ROOT, 'src')),
      ),
  );
}

/** Whether declaration files leave the types of a node out. */
function isPrivate(node: ts.Node): boolean {
  if (ts.isClassElement(node) && node.name && ts.isPrivateIdentifier(node.name)) return true;
  const modifiers = ts.canHaveModifiers(node) ? ts.getModifiers(node) : undefined;
  return Boolean(
    modifiers?.some(
      ({ kind }) => kind === ts.SyntaxKind.PrivateKeyword || kind === ts.SyntaxKind.ProtectedKeyword,
    ),
  );
}
