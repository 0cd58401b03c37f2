import { SCHEMA_PREFIX } from '../protocol/schema.js';
import type { Schema } from './open-api.types.js';

/** The schema with this name. */
export function ref(name: string): Schema {
  return { $ref: `#/components/schemas/${SCHEMA_PREFIX}${name}` };
}

/** A list of items with this schema. */
export function listOf(items: Schema): Schema {
  return { type: 'array', items };
}

/** An object without known fields. */
export function object(description: string): Schema {
  return { type: 'object', description, properties: {} };
}

/** Text. */
export function text(): Schema {
  return { type: 'string' };
}

/** A whole number. */
export function integer(): Schema {
  return { type: 'integer' };
}
