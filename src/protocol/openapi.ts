import { z } from 'zod';

import { runRequest } from './requests.js';
import type { Answer, RouteBody } from './routes.js';
import { NAMED_SCHEMAS } from './schema.js';

/** A schema as a document contains it. */
export type DocumentSchema = z.core.JSONSchema.BaseSchema;

/** Schemas by their names in a document. */
export type DocumentSchemas = Readonly<Record<string, DocumentSchema>>;

/** The place of named schemas in a document. */
const REFERENCE = '#/components/schemas/';

/** The schemas by target: converting all of them takes a few hundred milliseconds. */
const converted = new Map<string, DocumentSchemas>();

/**
 * Every named schema of the protocol by its name in a document; a copy, which the document may change.
 *
 * @param version - of OpenAPI: since 3.1, schemas are JSON schemas, in which null is a type
 * @param files - the file limits of a run, which hosts may choose
 */
export function documentSchemas(version: string, files: UploadLimits): DocumentSchemas {
  const settings = settingsFor(version);
  const schemas = converted.get(settings.target) ?? convert(settings);
  converted.set(settings.target, schemas);
  const copy = structuredClone(schemas);
  limitFiles(copy, files);
  return copy;
}

interface UploadLimits {
  readonly maxFiles: number;
  readonly maxFileSize: number;
}

function limitFiles(schemas: DocumentSchemas, { maxFiles, maxFileSize }: UploadLimits): void {
  const request = schemas[NAMED_SCHEMAS.get(runRequest)?.id ?? ''];
  const files = request?.properties?.['files'];
  if (typeof files !== 'object') return;
  files.maxItems = maxFiles;
  files.description = `${files.description} At most ${maxFiles}, those of the other fields included, of at most ${maxFileSize} bytes each.`;
}

function convert(settings: ReturnType<typeof settingsFor>): DocumentSchemas {
  const { schemas } = z.toJSONSchema(NAMED_SCHEMAS, {
    ...settings,
    override: (context) => {
      tidy(context);
      // Client generators treat a field with a default as required, so the descriptions name the defaults.
      delete context.jsonSchema.default;
    },
    uri: (name) => REFERENCE + name,
  });
  const named = Object.entries(schemas).map(([name, schema]): [string, DocumentSchema] => {
    const { $id: _id, $schema: _dialect, ...described } = schema;
    return [name, described];
  });
  return Object.fromEntries(named);
}

/** A parameter of a path or a query. */
export interface Parameter {
  readonly name: string;
  readonly in: 'path' | 'query';
  readonly required: boolean;
  readonly description: string;
  readonly schema: DocumentSchema;
}

/** The descriptions of path parameters, by name. */
const PATH_PARAMETERS: Readonly<Record<string, string>> = {
  id: 'component',
  run_id: 'run',
  session_id: 'session',
  thread_id: 'thread, which is that of its session',
  eval_run_id: 'evaluation',
};

/** The parameters of a path of a document, such as `/agents/{id}`. */
export function pathParametersOf(path: string): Parameter[] {
  return [...path.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => {
    const owner = PATH_PARAMETERS[name];
    const description = owner === undefined ? '' : `Id of the ${owner}.`;
    return { name, in: 'path', required: true, description, schema: { type: 'string' } };
  });
}

/** The parameters of a query. */
export function queryParametersOf(query: z.ZodObject): Parameter[] {
  const { properties = {}, required = [] } = z.toJSONSchema(query, settingsFor('3.0'));
  return Object.entries(properties).map(([name, property]) => {
    const { description = '', ...schema } = property as z.core.JSONSchema.BaseSchema;
    return { name, in: 'query', required: required.includes(name), description, schema };
  });
}

/** The body of a request. */
export function bodyOf({ schema, isForm = false, isOptional = false }: RouteBody): object {
  const required = !isOptional;
  const content = { schema: schemaOf(schema) };
  if (!isForm) return { required, content: { 'application/json': content } };
  // Only the description mentions the other media types of the fields: decision 27 has the reason.
  const description = 'The same fields are taken urlencoded and as JSON.';
  return { description, required, content: { 'multipart/form-data': content } };
}

/** An answer of a route. */
export function answerOf({ description, headers, json, events }: Answer): object {
  const content = {
    ...(json && { 'application/json': { schema: schemaOf(json) } }),
    ...(events && { 'text/event-stream': { schema: schemaOf(events) } }),
  };
  const shown = Object.entries(headers ?? {}).map(
    ([name, header]) => [name, { ...header, schema: schemaOf(header.schema) }] as const,
  );
  return {
    description,
    ...(headers && { headers: Object.fromEntries(shown) }),
    ...((json ?? events) && { content }),
  };
}

/** A schema at its place in a document: a named one is a reference. */
function schemaOf(schema: z.core.$ZodType): DocumentSchema {
  const { id } = NAMED_SCHEMAS.get(schema) ?? {};
  if (id !== undefined) return { $ref: REFERENCE + id };
  if (schema instanceof z.ZodArray) return { type: 'array', items: schemaOf(schema.element) };
  if (schema instanceof z.ZodUnion) return { anyOf: schema.options.map(schemaOf) };
  const { $schema: _dialect, ...described } = z.toJSONSchema(schema, settingsFor('3.0'));
  return described;
}

type Settings = NonNullable<Parameters<typeof z.toJSONSchema>[1]>;

/** The document describes responses and requests as they are sent: `input`. */
function settingsFor(version: string): Pick<Settings, 'io' | 'override' | 'unrepresentable'> & {
  readonly target: 'draft-2020-12' | 'openapi-3.0';
} {
  const target = /^3\.[1-9]/.test(version) ? 'draft-2020-12' : 'openapi-3.0';
  // A field with a check of our own describes itself in its metadata.
  return { target, io: 'input', override: tidy, unrepresentable: 'any' };
}

type Override = NonNullable<Settings['override']>;

/** Removes keywords that tell readers of the document nothing, and adds the discriminators of events. */
const tidy: Override = ({ zodSchema, jsonSchema }) => {
  // Zod leaves it out where a field accepts values in other ways, too.
  if (zodSchema instanceof z.ZodDefault) jsonSchema.default = zodSchema.def.defaultValue;
  if (jsonSchema.minimum === Number.MIN_SAFE_INTEGER) delete jsonSchema.minimum;
  if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum;
  const [reference, ...others] = jsonSchema.allOf ?? [];
  if (reference?.$ref && others.length === 0 && Object.keys(jsonSchema).length === 1) {
    delete jsonSchema.allOf;
    jsonSchema.$ref = reference.$ref;
  }
  const { def } = zodSchema._zod;
  if (def.type === 'record') {
    delete jsonSchema.propertyNames;
    if (def.valueType._zod.def.type === 'unknown') jsonSchema.additionalProperties = true;
  }
  if (def.type === 'union') {
    const names = def.options.flatMap(eventOf);
    if (names.length === def.options.length) toEventUnion(jsonSchema, names);
  }
};

/** The name of the event that a schema describes, if it describes one. */
function eventOf(schema: z.core.SomeType): string[] {
  const { propValues } = schema._zod;
  return [...(propValues?.['event'] ?? [])].map(String);
}

/** Generated clients choose the schema of an event by its name. */
function toEventUnion(schema: z.core.JSONSchema.BaseSchema, names: readonly string[]): void {
  const options = schema.anyOf ?? [];
  const mapping = Object.fromEntries(names.map((name, index) => [name, options[index]?.$ref]));
  delete schema.anyOf;
  Object.assign(schema, { oneOf: options, discriminator: { propertyName: 'event', mapping } });
}
