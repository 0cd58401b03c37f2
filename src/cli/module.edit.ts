import type ts from 'typescript';

import { appendTo, insertInto, lineBreakOf, listOf, type Insertion } from './list.insertion.js';
import type { SourceFile, TypeScript } from './nest.project.js';

/** A class that a module is to import. */
export interface ImportedModule {
  readonly name: string;
  /** Its file relative to the module's, without an ending: `./agents/agents.module`. */
  readonly file: string;
}

/** The way in which a file writes its imports. */
export interface ImportStyle {
  readonly quote: '"' | "'";
  /** What relative paths end with. */
  readonly ending: '' | '.js' | '.ts';
}

/** A file is not of the form that is expected. The message completes the sentence "The file cannot be changed: …". */
export class NotUnderstoodError extends Error {
  override readonly name = 'NotUnderstoodError';
}

/** A file with a class that has the decorator `@Module()`. */
export class ModuleFile {
  readonly #typescript: TypeScript;
  readonly #source: ts.SourceFile;
  readonly #imports: readonly ts.ImportDeclaration[];
  readonly #isEsm: boolean;

  /**
   * @param isEsm - whether a file of this project is an ES module, for a file without relative imports
   * @throws NotUnderstoodError if the compiler finds an error of syntax
   */
  constructor(typescript: TypeScript, { path, text }: SourceFile, isEsm: boolean) {
    this.#typescript = typescript;
    this.#source = parse(typescript, path, text);
    this.#imports = this.#source.statements.filter(typescript.isImportDeclaration);
    this.#isEsm = isEsm;
  }

  get style(): ImportStyle {
    const specifiers = this.#imports.map(({ moduleSpecifier }) => moduleSpecifier);
    const quotes = specifiers.map((specifier) => this.#source.text[specifier.getStart(this.#source)]);
    return { quote: quotes[0] === '"' ? '"' : "'", ending: this.#ending(specifiers) };
  }

  /**
   * The text of the file with another module among the imports of its class.
   *
   * @throws NotUnderstoodError if the compiler's tree of the file is not of a known form
   */
  withImported(imported: ImportedModule): string {
    const { text } = this.#source;
    if (new RegExp(`\\b${imported.name}\\b`).test(text))
      throw new NotUnderstoodError(`it uses the name ${imported.name} already`);
    const changed = insertInto(text, [
      this.#importStatement(imported),
      ...this.#inMetadata(imported.name, this.#metadata()),
    ]);
    // The result is checked like the original: a wrong edit must never be written.
    parse(this.#typescript, this.#source.fileName, changed);
    return changed;
  }

  #ending(specifiers: readonly ts.Expression[]): ImportStyle['ending'] {
    const relative = specifiers.flatMap((specifier) =>
      this.#typescript.isStringLiteral(specifier) && specifier.text.startsWith('.') ? [specifier.text] : [],
    );
    if (relative.length === 0) return this.#isEsm ? '.js' : '';
    if (relative.some((path) => path.endsWith('.js'))) return '.js';
    return relative.some((path) => path.endsWith('.ts')) ? '.ts' : '';
  }

  #importStatement({ name, file }: ImportedModule): Insertion {
    const last = this.#imports.at(-1);
    if (!last) throw new NotUnderstoodError('it has no import statement');
    const { text } = this.#source;
    const { quote, ending } = this.style;
    const semicolon = last.getText(this.#source).endsWith(';') ? ';' : '';
    const statement = `import { ${name} } from ${quote}${file}${ending}${quote}${semicolon}`;
    const comments = this.#typescript.getTrailingCommentRanges(text, last.end) ?? [];
    return { at: comments.at(-1)?.end ?? last.end, text: `${lineBreakOf(text)}${statement}` };
  }

  /** The argument of the decorator. */
  #metadata(): ts.ObjectLiteralExpression {
    const typescript = this.#typescript;
    const classes = this.#source.statements.filter(typescript.isClassDeclaration).flatMap((declaration) => {
      const decorators = typescript.getDecorators(declaration) ?? [];
      const calls = decorators.flatMap(({ expression }) =>
        typescript.isCallExpression(expression) && this.#isModule(expression.expression) ? [expression] : [],
      );
      return calls.map((call) => ({ name: declaration.name?.text, call }));
    });
    const chosen = classes.length === 1 ? classes[0] : classes.find(({ name }) => name === 'AppModule');
    if (!chosen)
      throw new NotUnderstoodError(
        classes.length === 0
          ? 'no class in it has the decorator @Module() of @nestjs/common'
          : 'several classes in it have the decorator @Module(), and none of them is AppModule',
      );
    const [argument] = chosen.call.arguments;
    const metadata = argument && this.#unwrap(argument);
    if (!metadata || !typescript.isObjectLiteralExpression(metadata))
      throw new NotUnderstoodError('the argument of @Module() is not an object literal');
    return metadata;
  }

  #inMetadata(name: string, metadata: ts.ObjectLiteralExpression): Insertion[] {
    const typescript = this.#typescript;
    const { properties } = metadata;
    const index = properties.findIndex((property) => this.#nameOf(property) === 'imports');
    if (properties.slice(index + 1).some(typescript.isSpreadAssignment))
      throw new NotUnderstoodError('@Module() spreads an object, which may have imports');
    const property = properties[index];
    if (!property)
      return appendTo(typescript, listOf(metadata, this.#source), `imports: [${name}]`, this.#source);
    if (typescript.isShorthandPropertyAssignment(property))
      return [{ at: property.end, text: `: [...${property.name.text}, ${name}]` }];
    if (!typescript.isPropertyAssignment(property))
      throw new NotUnderstoodError('the imports of @Module() are computed');

    const value = this.#unwrap(property.initializer);
    if (typescript.isArrayLiteralExpression(value))
      return appendTo(typescript, listOf(value, this.#source), name, this.#source);
    const { initializer } = property;
    return [
      { at: initializer.getStart(this.#source), text: '[...(' },
      { at: initializer.end, text: `), ${name}]` },
    ];
  }

  /** Whether this is `Module`, or another name of it, of `@nestjs/common`. */
  #isModule(callee: ts.Expression): boolean {
    const typescript = this.#typescript;
    for (const { importClause, moduleSpecifier } of this.#imports) {
      const bindings = importClause?.namedBindings;
      if (!bindings || !typescript.isStringLiteral(moduleSpecifier)) continue;
      if (moduleSpecifier.text !== '@nestjs/common') continue;
      if (typescript.isNamespaceImport(bindings)) {
        if (callee.getText(this.#source) === `${bindings.name.text}.Module`) return true;
      } else {
        const specifier = bindings.elements.find(
          ({ name, propertyName }) => (propertyName ?? name).text === 'Module',
        );
        if (typescript.isIdentifier(callee) && specifier?.name.text === callee.text) return true;
      }
    }
    return false;
  }

  #nameOf({ name }: ts.ObjectLiteralElementLike): string | undefined {
    if (!name) return undefined;
    return this.#typescript.isIdentifier(name) || this.#typescript.isStringLiteral(name)
      ? name.text
      : undefined;
  }

  /** Without parentheses and assertions of types. */
  #unwrap(expression: ts.Expression): ts.Expression {
    const typescript = this.#typescript;
    return typescript.isParenthesizedExpression(expression) ||
      typescript.isAsExpression(expression) ||
      typescript.isSatisfiesExpression(expression)
      ? this.#unwrap(expression.expression)
      : expression;
  }
}

function parse(typescript: TypeScript, path: string, text: string): ts.SourceFile {
  const { diagnostics = [] } = typescript.transpileModule(text, {
    fileName: path,
    reportDiagnostics: true,
    compilerOptions: {
      target: typescript.ScriptTarget.ESNext,
      module: typescript.ModuleKind.ESNext,
      experimentalDecorators: true,
    },
  });
  const [problem] = diagnostics;
  if (problem)
    throw new NotUnderstoodError(
      `the compiler says "${typescript.flattenDiagnosticMessageText(problem.messageText, ' ')}"`,
    );
  // With parents: nodes are asked for their texts.
  return typescript.createSourceFile(path, text, typescript.ScriptTarget.ESNext, true);
}
