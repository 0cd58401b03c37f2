import { basename, join, sep } from 'node:path';

import ts from 'typescript';

import { codeBlocks, readDocument } from './documents.js';

const ROOT = join(import.meta.dirname, '../..');

/** A TypeScript block of a page, as a reader would copy it. */
export interface Snippet {
  readonly page: string;
  readonly code: string;
}

/** The TypeScript blocks of a page, in their order. */
export function snippetsOf(page: string): Snippet[] {
  return codeBlocks(readDocument(page), 'ts').map((code) => ({ page, code }));
}

/** A snippet without its imports: that part of it stands in a program. */
export function withoutImports({ code }: Snippet): string {
  const imports = parse('snippet.ts', code).statements.filter(ts.isImportDeclaration);
  return imports.reduceRight((rest, { pos, end }) => rest.slice(0, pos) + rest.slice(end), code);
}

/**
 * What the compiler says of snippets that are copied into files of their own, in one compilation. A snippet sees what
 * others on its page declare, but not what they import: it shows the imports that it needs, and no others.
 */
export function compileSnippets(snippets: readonly Snippet[]): string[] {
  const files = new Map<string, string>();
  for (const page of new Set(snippets.map((snippet) => snippet.page))) {
    const onPage = snippets.filter((snippet) => snippet.page === page);
    for (const [path, text] of filesOf(page, onPage)) files.set(path, text);
  }
  const options = compilerOptions();
  const host = ts.createCompilerHost(options);
  const inMemory = (path: string): string | undefined => files.get(path.split('/').join(sep));
  const program = ts.createProgram([...files.keys()], options, {
    ...host,
    fileExists: (path) => inMemory(path) !== undefined || host.fileExists(path),
    readFile: (path) => inMemory(path) ?? host.readFile(path),
    getSourceFile: (path, version, ...rest) => {
      const text = inMemory(path);
      return text === undefined
        ? host.getSourceFile(path, version, ...rest)
        : ts.createSourceFile(path, text, version);
    },
  });
  const sources = [...files.keys()].flatMap((path) => program.getSourceFile(path) ?? []);
  return sources
    .flatMap((source) => [
      ...program.getSyntacticDiagnostics(source),
      ...program.getSemanticDiagnostics(source),
    ])
    .map(messageOf);
}

/** One file for each snippet, beside its page: `docs/guide/hooks.md.1.ts` imports what others on the page declare. */
function filesOf(page: string, snippets: readonly Snippet[]): [path: string, text: string][] {
  const sources = snippets.map(({ code }, index) => parse(join(ROOT, `${page}.${index + 1}.ts`), code));
  const declared = sources.map(declarationsOf);
  return sources.map((source, index) => {
    const own = new Set([...(declared[index] ?? []).map(({ name }) => name), ...importsOf(source)]);
    const borrowed = [...identifiersOf(source)].flatMap((name) => {
      if (own.has(name)) return [];
      // The nearest one above, else the first one below: a page may show a function after its use.
      const isIn = (declarations: readonly Declaration[]) => declarations.some((one) => one.name === name);
      const above = declared.slice(0, index).findLastIndex(isIn);
      const place = above >= 0 ? above : declared.findIndex(isIn);
      const isType = declared[place]?.some((one) => one.name === name && one.isType);
      const file = `./${basename(page)}.${place + 1}.js`;
      return place < 0 ? [] : [`import { ${isType ? 'type ' : ''}${name} } from '${file}'; `];
    });
    // In the line of the first statement: the compiler's line numbers are those of the snippet.
    return [source.fileName, `${borrowed.join('')}${exportAll(source)}\nexport {};\n`];
  });
}

/** The same code with every declaration exported, for the snippets below. */
function exportAll(source: ts.SourceFile): string {
  const places = declarationsOf(source).flatMap(({ exportAt }) => exportAt ?? []);
  return [...new Set(places)].reduceRight(
    (code, place) => `${code.slice(0, place)} export ${code.slice(place)}`,
    source.text,
  );
}

interface Declaration {
  readonly name: string;
  readonly isType: boolean;
  /** Where `export` is missing. */
  readonly exportAt: number | undefined;
}

function declarationsOf(source: ts.SourceFile): Declaration[] {
  return source.statements.flatMap((statement) => {
    const names = ts.isVariableStatement(statement)
      ? statement.declarationList.declarations.map(({ name }) => name)
      : isNamed(statement)
        ? [statement.name]
        : [];
    const modifiers = ts.canHaveModifiers(statement) ? (ts.getModifiers(statement) ?? []) : [];
    const isExported = modifiers.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword);
    const decorators = ts.canHaveDecorators(statement) ? (ts.getDecorators(statement) ?? []) : [];
    const exportAt = isExported ? undefined : (decorators.at(-1)?.end ?? statement.getStart(source));
    const isType = ts.isInterfaceDeclaration(statement) || ts.isTypeAliasDeclaration(statement);
    return names.flatMap((name) => (name ? [{ name: name.getText(source), isType, exportAt }] : []));
  });
}

function isNamed(statement: ts.Statement): statement is ts.Statement & { readonly name?: ts.Identifier } {
  return (
    ts.isClassDeclaration(statement) ||
    ts.isFunctionDeclaration(statement) ||
    ts.isInterfaceDeclaration(statement) ||
    ts.isTypeAliasDeclaration(statement)
  );
}

function importsOf(source: ts.SourceFile): string[] {
  return source.statements.filter(ts.isImportDeclaration).flatMap(({ importClause }) => {
    const named = importClause?.namedBindings;
    const names = named && ts.isNamedImports(named) ? named.elements.map(({ name }) => name) : [named?.name];
    return [importClause?.name, ...names].flatMap((name) => name?.text ?? []);
  });
}

/** Names that are used: not those of properties. */
function identifiersOf(node: ts.Node): Set<string> {
  const found = new Set<string>();
  const visit = (child: ts.Node): void => {
    if (ts.isIdentifier(child) && !isNameOfProperty(child)) found.add(child.text);
    ts.forEachChild(child, visit);
  };
  visit(node);
  return found;
}

function isNameOfProperty({ parent, text }: ts.Identifier): boolean {
  const isProperty =
    ts.isPropertyAccessExpression(parent) || ts.isPropertyAssignment(parent) || ts.isClassElement(parent);
  return isProperty && parent.name !== undefined && parent.name.getText() === text;
}

function parse(path: string, code: string): ts.SourceFile {
  return ts.createSourceFile(path, code, ts.ScriptTarget.Latest, true);
}

/** Those of the repository; besides, an import that is not needed is an error. */
function compilerOptions(): ts.CompilerOptions {
  const { config } = ts.readConfigFile(join(ROOT, 'tsconfig.json'), (path) => ts.sys.readFile(path)) as {
    readonly config: object;
  };
  const { options } = ts.parseJsonConfigFileContent({ ...config, files: [], include: [] }, ts.sys, ROOT);
  return {
    ...options,
    noEmit: true,
    noUnusedLocals: true,
    declaration: false,
    sourceMap: false,
    inlineSources: false,
  };
}

function messageOf({ file, start = 0, messageText }: ts.Diagnostic): string {
  const text = ts.flattenDiagnosticMessageText(messageText, ' ');
  if (!file) return text;
  const { line } = ts.getLineAndCharacterOfPosition(file, start);
  return `${file.fileName.slice(ROOT.length + 1)}, line ${line + 1}: ${text}`;
}
