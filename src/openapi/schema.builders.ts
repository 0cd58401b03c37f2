import { SCHEMA_PREFIX } from '../protocol/schema.js';
import type { Schema, Schemas } from './open-api.types.js';

/** The fields of an object: those that are always present, and the others. */
export interface Fields {
  readonly required?: Schemas;
  readonly optional?: Schemas;
}

/** An object with these fields. */
export function object(description: string, ...parts: readonly Fields[]): Schema {
  const { required = {}, optional = {} } = mergeFields(...parts);
  const names = Object.keys(required);
  return {
    type: 'object',
    description,
    properties: { ...required, ...optional },
    ...(names.length > 0 ? { required: names } : {}),
  };
}

/** The fields of all parts; a later part overrides an earlier one. */
export function mergeFields(...parts: readonly Fields[]): Fields {
  let required: Schemas = {};
  let optional: Schemas = {};
  for (const part of parts) {
    required = { ...without(required, part.optional), ...part.required };
    optional = { ...without(optional, part.required), ...part.optional };
  }
  return { required, optional };
}

/** The same fields, all of them optional. */
export function allOptional({ required = {}, optional = {} }: Fields): Fields {
  return { optional: { ...required, ...optional } };
}

/** The schema with this name. */
export function ref(name: string): Schema {
  return { $ref: `#/components/schemas/${SCHEMA_PREFIX}${name}` };
}

/** A list of items with this schema. */
export function listOf(items: Schema, description?: string): Schema {
  return { type: 'array', items, ...(description === undefined ? {} : { description }) };
}

/** A list that is always empty on this server. */
export function emptyList(): Schema {
  return { type: 'array', items: {}, maxItems: 0, description: 'Always empty.' };
}

/** The same schema, or null. Only a schema with a type can be nullable. */
export function nullable(schema: Schema): Schema {
  return { ...schema, nullable: true };
}

/** One of several objects, distinguished by their field `event`. */
export function eventUnion(description: string, names: readonly string[]): Schema {
  const entries = names.map((name) => [name, ref(eventSchemaName(name)).$ref ?? ''] as const);
  return {
    description,
    oneOf: entries.map(([, $ref]) => ({ $ref })),
    discriminator: { propertyName: 'event', mapping: Object.fromEntries(entries) },
  };
}

/** The schema name of an event: `CatchUpEvent` for `catch_up`. */
export function eventSchemaName(event: string): string {
  const words = event.split('_').map((word) => `${word[0]?.toUpperCase()}${word.slice(1)}`);
  return `${words.join('')}Event`;
}

/** Text. */
export function text(description?: string): Schema {
  return described({ type: 'string' }, description);
}

/** One of these texts. */
export function oneOfTexts(values: readonly string[], description?: string): Schema {
  return described({ type: 'string', enum: values }, description);
}

/** A whole number. */
export function integer(description?: string): Schema {
  return described({ type: 'integer' }, description);
}

/** Any number. */
export function number(description?: string): Schema {
  return described({ type: 'number' }, description);
}

/** True or false. */
export function flag(description?: string): Schema {
  return described({ type: 'boolean' }, description);
}

/** A time as text, such as `2026-11-22T10:11:26Z`. */
export function time(description?: string): Schema {
  return described({ type: 'string', format: 'date-time' }, description);
}

/** An object with any fields. */
export function record(description?: string): Schema {
  return described({ type: 'object', additionalProperties: true }, description);
}

/** Any JSON value. */
export function anything(description: string): Schema {
  return { description };
}

function described(schema: Schema, description: string | undefined): Schema {
  return description === undefined ? schema : { ...schema, description };
}

function without(schemas: Schemas, names: Schemas = {}): Schemas {
  return Object.fromEntries(Object.entries(schemas).filter(([name]) => !(name in names)));
}
