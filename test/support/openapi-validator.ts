import type { OpenAPIObject } from '@nestjs/swagger';
import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv';
import addFormats from 'ajv-formats';

import { parseFrames } from './http-client.js';

/** An answer of the server. */
export interface SentAnswer {
  readonly method: string;
  /** With what was in the place of the parameters; a query is ignored. */
  readonly path: string;
  readonly status: number;
  readonly contentType: string | null;
  /** The text as it came. */
  readonly text: string;
}

type JsonSchema = Record<string, unknown>;
type PathItem = OpenAPIObject['paths'][string];
type Operation = NonNullable<PathItem['get']>;

interface DescribedOperation {
  readonly method: string;
  readonly path: string;
  readonly operation: Operation;
  /** The paths that it answers. */
  readonly pattern: RegExp;
}

const METHODS = ['get', 'put', 'post', 'delete', 'patch', 'head', 'options'] as const;
const REFERENCE = '#/components/schemas/';

/** Compares answers of a server with its OpenAPI 3.0 document. What the document does not name must not be sent. */
export class OpenApiValidator {
  readonly #schemas: Readonly<Record<string, JsonSchema>>;
  readonly #compiled: CompiledSchemas;
  readonly #operations: readonly DescribedOperation[];

  constructor(readonly document: OpenAPIObject) {
    this.#schemas = (document.components?.schemas ?? {}) as Record<string, JsonSchema>;
    this.#compiled = CompiledSchemas.of(this.#schemas);
    this.#operations = Object.entries(document.paths).flatMap(([path, item]) =>
      METHODS.flatMap((method) => {
        const operation = item[method];
        const pattern = patternOf(path);
        return operation ? [{ method: method.toUpperCase(), path, operation, pattern }] : [];
      }),
    );
  }

  /** What an answer says against the document, for people; nothing if it is as described. */
  problems(answer: SentAnswer): string[] {
    const { method, path, status, contentType, text } = answer;
    const operation = this.#operation(method, path);
    if (!operation) return [`${method} ${path} is not described`];
    const described = (operation.responses[status] ?? operation.responses['default']) as
      { content?: Record<string, { schema?: JsonSchema }> } | undefined;
    if (!described) return [`status ${status} is not described`];
    const type = contentType?.split(';')[0]?.trim() ?? '';
    if (!described.content) return text === '' ? [] : [`a body (${type}) is not described`];
    const schema = described.content[type]?.schema;
    if (!schema) return [`a body of the type "${type}" is not described`];
    if (type === 'text/event-stream') return this.#streamProblems(schema, text);
    const body = parse(text);
    return body === undefined ? [`the body is no JSON: ${text}`] : this.schemaProblems(schema, body);
  }

  /** The same for an answer of `fetch()`, whose body it reads. */
  async responseProblems(method: string, response: Response): Promise<string[]> {
    return this.problems({
      method,
      path: new URL(response.url).pathname,
      status: response.status,
      contentType: response.headers.get('content-type'),
      text: await response.text(),
    });
  }

  /** What the payloads of events say against the document, for the stream of a route. */
  eventProblems(method: string, path: string, events: readonly unknown[]): string[] {
    const content = (this.#operation(method, path)?.responses['200'] as { content?: JsonSchema } | undefined)
      ?.content;
    const { schema } = (content?.['text/event-stream'] ?? {}) as { schema?: JsonSchema };
    if (!schema) return [`${method} ${path} is described without a stream`];
    return events.flatMap((event) => this.#eventProblems(schema, event));
  }

  /** What a value says against a schema of the document. */
  schemaProblems(schema: JsonSchema, value: unknown): string[] {
    const validate = this.#compiled.validator(schema);
    return validate(value) ? [] : (validate.errors ?? []).map(toText);
  }

  /** What is wrong with the document itself. */
  documentProblems(): string[] {
    const names = new Set(Object.keys(this.#schemas));
    const references = [...JSON.stringify(this.document).matchAll(/"\$ref":"([^"]*)"/g)];
    const dangling = references
      .map(([, target = '']) => target)
      .filter((target) => !target.startsWith(REFERENCE) || !names.has(target.slice(REFERENCE.length)));
    const ids = this.operations().map(({ operation }) => operation.operationId);
    const repeated = ids.filter((id, index) => id !== undefined && ids.indexOf(id) !== index);
    return [
      ...dangling.map((target) => `${target} leads nowhere`),
      ...repeated.map((id) => `the operation id ${id} is not unique`),
      ...(dangling.length > 0 ? [] : this.#uncompilable()),
    ];
  }

  /** Every operation with its place. */
  operations(): readonly DescribedOperation[] {
    return this.#operations;
  }

  #uncompilable(): string[] {
    const inline = this.operations().flatMap(({ operation }) => schemasIn(operation));
    const named = Object.keys(this.#schemas).map((name) => ({ $ref: REFERENCE + name }));
    return [...named, ...inline].flatMap((schema) => {
      try {
        this.#compiled.validator(schema);
        return [];
      } catch (error) {
        return [`${JSON.stringify(schema)}: ${(error as Error).message}`];
      }
    });
  }

  #operation(method: string, sent: string): Operation | undefined {
    const [path = ''] = sent.split('?');
    const fitting = this.#operations.filter(
      (described) => described.method === method.toUpperCase() && described.pattern.test(path),
    );
    // A path without parameters is the more exact one.
    return (fitting.find((described) => described.path === path) ?? fitting[0])?.operation;
  }

  #streamProblems(schema: JsonSchema, text: string): string[] {
    return parseFrames(text).flatMap(({ event, data }) => [
      ...(data['event'] === event ? [] : [`the frame ${event} says that it is ${String(data['event'])}`]),
      ...this.#eventProblems(schema, data),
    ]);
  }

  #eventProblems(schema: JsonSchema, event: unknown): string[] {
    const { mapping } = (this.#resolve(schema)['discriminator'] ?? {}) as {
      mapping?: Record<string, string>;
    };
    const name = String((event as { event?: unknown }).event);
    const $ref = mapping?.[name];
    if ($ref === undefined) return [`the event ${name} is not described`];
    return this.schemaProblems({ $ref }, event).map((problem) => `${name}: ${problem}`);
  }

  #resolve(schema: JsonSchema): JsonSchema {
    const reference = schema['$ref'];
    return typeof reference === 'string' ? (this.#schemas[reference.slice(REFERENCE.length)] ?? {}) : schema;
  }
}

/** Schemas of a document with the validators made of them. Making them takes long, and many documents have the same. */
class CompiledSchemas {
  static readonly #known = new Map<string, CompiledSchemas>();

  static of(schemas: Readonly<Record<string, JsonSchema>>): CompiledSchemas {
    const key = JSON.stringify(schemas);
    const compiled = this.#known.get(key) ?? new CompiledSchemas(schemas);
    this.#known.set(key, compiled);
    return compiled;
  }

  // Code that is not inlined or optimised is made in a fraction of the time, and validates the same.
  readonly #ajv = new Ajv({
    strict: true,
    strictTypes: false,
    allErrors: true,
    inlineRefs: false,
    code: { optimize: false },
  });
  readonly #validators = new Map<string, ValidateFunction>();

  private constructor(schemas: Readonly<Record<string, JsonSchema>>) {
    (addFormats as unknown as (ajv: Ajv) => void)(this.#ajv);
    for (const [name, schema] of Object.entries(schemas))
      this.#ajv.addSchema(toClosed(schema) as JsonSchema, name);
  }

  validator(schema: JsonSchema): ValidateFunction {
    const key = JSON.stringify(schema);
    const validator = this.#validators.get(key) ?? this.#ajv.compile(toClosed(schema) as JsonSchema);
    this.#validators.set(key, validator);
    return validator;
  }
}

/** The schema as Ajv takes it, with objects that have no other fields than those that are named. */
function toClosed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(toClosed);
  if (typeof value !== 'object' || value === null) return value;
  const { discriminator: _told, example: _shown, ...schema } = value as JsonSchema;
  const closed = Object.fromEntries(
    Object.entries(schema).map(([key, inner]) => {
      if (key === '$ref') return [key, String(inner).replace(REFERENCE, '')];
      return key === 'properties' ? [key, closeEach(inner as JsonSchema)] : [key, toClosed(inner)];
    }),
  );
  const isOpen = schema['properties'] === undefined || schema['additionalProperties'] !== undefined;
  return isOpen ? closed : { ...closed, additionalProperties: false };
}

/** Names of properties are no keywords. */
function closeEach(properties: JsonSchema): JsonSchema {
  return Object.fromEntries(Object.entries(properties).map(([name, schema]) => [name, toClosed(schema)]));
}

/** The schemas that stand in an operation itself. */
function schemasIn(value: unknown): JsonSchema[] {
  if (Array.isArray(value)) return value.flatMap(schemasIn);
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) =>
    key === 'schema' ? [inner as JsonSchema] : schemasIn(inner),
  );
}

function patternOf(path: string): RegExp {
  return new RegExp(`^${path.replace(/[.+*?^$()[\]\\]/g, '\\$&').replace(/\{[^}]+\}/g, '[^/]+')}/?$`);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

function toText({ instancePath, message, params }: ErrorObject): string {
  const { additionalProperty } = params as { additionalProperty?: string };
  const which = additionalProperty === undefined ? '' : ` (${additionalProperty})`;
  return `${instancePath === '' ? 'the body' : instancePath} ${message}${which}`;
}
