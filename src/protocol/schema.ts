import { z } from 'zod';

import { isRecord } from '../data/is-record.js';
import { toJsonValue } from '../data/to-json-value.js';

/** The prefix of all our schema names in a document, so that they cannot clash with the host's. */
export const SCHEMA_PREFIX = 'AgentOs';

/** Every schema that has a name of its own in the OpenAPI document. */
export const NAMED_SCHEMAS = z.registry<{ readonly id: string }>();

/** Gives a schema its name and its description in the OpenAPI document, where others refer to it by the name. */
export function named<T extends z.ZodType>(name: string, description: string, schema: T): T {
  const described = schema.describe(description);
  NAMED_SCHEMAS.add(described, { id: SCHEMA_PREFIX + name });
  return described;
}

/** A time as ISO text. */
export function isoTime(description = 'ISO 8601.'): z.ZodString {
  return z.string().meta({ description, format: 'date-time' });
}

/** A time in whole seconds since 1970. */
export function epochSeconds(): z.ZodInt {
  return z.int().describe('Epoch seconds.');
}

/** An object with any keys. Its values are JSON. */
export function jsonObject(description = 'Any JSON object.'): z.ZodRecord<z.ZodString, z.ZodUnknown> {
  return z.record(z.string(), z.unknown()).describe(description);
}

/** A list that is always empty on this server: clients expect the key. */
export function emptyList(): z.ZodArray<z.ZodUnknown> {
  return z.array(z.unknown()).max(0).describe('Always empty.');
}

/** The value of fields that are not known: null, or undefined where they are left out. */
export type Unknown = null | undefined;

/** The data of a run as a JSON object; empty if it is an instance of a class or cannot be read. */
export function toJsonObject(data: object): Record<string, unknown> {
  const json = toJsonValue(data);
  return isRecord(json) ? json : {};
}

/**
 * The time as in records of hooks and runs.
 *
 * @param milliseconds - epoch milliseconds
 */
export function toIsoTime(milliseconds: number): string {
  return new Date(milliseconds).toISOString();
}

/**
 * The time in whole seconds, as in sessions, their runs and evaluations.
 *
 * @param milliseconds - epoch milliseconds
 */
export function toIsoSeconds(milliseconds: number): string {
  return toIsoTime(milliseconds).replace(/\.\d+Z$/, 'Z');
}
