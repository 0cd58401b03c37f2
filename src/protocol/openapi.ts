import { z } from 'zod';

import { NAMED_SCHEMAS } from './schema.js';

/** A schema as a document contains it. */
export type DocumentSchema = Readonly<Record<string, unknown>>;

/** Schemas by their names in a document. */
export type DocumentSchemas = Readonly<Record<string, DocumentSchema>>;

/** The place of named schemas in a document. */
const REFERENCE = '#/components/schemas/';

/**
 * Every named schema of the protocol by its name in a document.
 *
 * @param version - of OpenAPI: since 3.1, schemas are JSON schemas, in which null is a type
 */
export function documentSchemas(version: string): DocumentSchemas {
  const { schemas } = z.toJSONSchema(NAMED_SCHEMAS, {
    ...settingsFor(version),
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

/** The parameters of a query. */
export function parametersOf(query: z.ZodObject): Parameter[] {
  const { properties = {}, required = [] } = z.toJSONSchema(query, settingsFor('3.0'));
  return Object.entries(properties).map(([name, property]) => {
    const { description = '', ...schema } = property as z.core.JSONSchema.BaseSchema;
    return { name, in: 'query', required: required.includes(name), description, schema };
  });
}

type Settings = NonNullable<Parameters<typeof z.toJSONSchema>[1]>;

/** Of answers and of requests the documents show what is sent: `input`. */
function settingsFor(version: string): Pick<Settings, 'target' | 'io' | 'override' | 'unrepresentable'> {
  const target = /^3\.[1-9]/.test(version) ? 'draft-2020-12' : 'openapi-3.0';
  // A field with a check of our own says in its metadata what it is.
  return { target, io: 'input', override: tidy, unrepresentable: 'any' };
}

type Override = NonNullable<Settings['override']>;

/** Removes what says nothing to readers of the document, and adds the discriminators of unions. */
const tidy: Override = ({ zodSchema, jsonSchema }) => {
  // Zod leaves it out where a field accepts values in other ways, too.
  if (zodSchema instanceof z.ZodDefault) jsonSchema.default = zodSchema.def.defaultValue;
  if (jsonSchema.minimum === Number.MIN_SAFE_INTEGER) delete jsonSchema.minimum;
  if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum;
  if (zodSchema instanceof z.ZodRecord && zodSchema.valueType instanceof z.ZodUnknown) {
    delete jsonSchema.propertyNames;
    jsonSchema.additionalProperties = true;
  }
};
