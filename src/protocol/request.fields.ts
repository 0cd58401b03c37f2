import { z } from 'zod';

import { isRecord } from '../data/is-record.js';
import type { PlainRecord } from '../model/run-context.js';
import { hasFewValues, isArray, isShallow, MAX_VALUES, parseJson } from './json.values.js';

/** Maximum length of an id or a name. */
const MAX_LENGTH = 255;

const SHORT = `Input should be text of up to ${MAX_LENGTH} characters without zero bytes`;

const TRUE = ['true', '1', 'yes', 'on', 't', 'y'];
const FALSE = ['false', '0', 'no', 'off', 'f', 'n'];

/** Whether a text is possible as an id: databases accept no zero bytes, and cannot tell unpaired surrogates apart. */
export function isId(text: string): boolean {
  return isKept(text) && text.isWellFormed();
}

function isKept(text: string): boolean {
  return text !== '' && text.length <= MAX_LENGTH && !text.includes('\0');
}

/*
 * The types of fields. Each accepts the values of JSON and the texts of forms and queries, and has its own messages.
 */

/** A field whose values may be written in other ways, too. */
type Lax<T extends z.ZodType> = z.ZodPreprocess<T>;

/** A text of any length. */
export function text(): z.ZodString {
  return z.string({ error: 'Input should be a valid string' });
}

/** An id or a name. */
export function id(): z.ZodString {
  return text()
    .max(MAX_LENGTH, { abort: true, error: SHORT })
    .refine(isKept, { abort: true, error: SHORT, params: { type: 'string_too_long' } })
    .refine(isId, {
      error: 'Input should be text without unpaired surrogates',
      params: { type: 'string_unicode' },
    });
}

/** A time in ISO 8601. */
export function time(): z.ZodString {
  return text()
    .refine(isTime, {
      error: 'Input should be a time in ISO 8601, such as 2026-01-31T12:00:00Z',
      params: { type: 'datetime_parsing' },
    })
    .meta({ format: 'date-time' });
}

/** Whether a text is a time in ISO 8601 with its zone. */
export function isTime(text: string): boolean {
  return ISO_TIME.test(text) && !Number.isNaN(Date.parse(text));
}

const ISO_TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:\d\d)$/;

/** A day in ISO 8601. */
export function day(): z.ZodString {
  return text()
    .refine((given) => /^\d{4}-\d\d-\d\d$/.test(given) && !Number.isNaN(Date.parse(given)), {
      error: 'Input should be a day in ISO 8601, such as 2026-01-31',
      params: { type: 'date_parsing' },
    })
    .meta({ format: 'date' });
}

/** True or false. */
export function flag(): Lax<z.ZodBoolean> {
  const error = 'Input should be a valid boolean, unable to interpret input';
  return lax(booleanOf, z.boolean({ error }));
}

function booleanOf(given: unknown): unknown {
  if (typeof given !== 'string' && typeof given !== 'number') return given;
  const word = String(given).toLowerCase();
  return TRUE.includes(word) || (FALSE.includes(word) ? false : null);
}

/** A whole number within limits, which are inclusive. */
export function wholeNumber(minimum: number, maximum = Number.MAX_SAFE_INTEGER): Lax<z.ZodInt> {
  const error = `Input should be a whole number from ${minimum} to ${maximum}`;
  const number = z.int({ error: 'Input should be a valid integer' });
  return lax(integerOf, number.min(minimum, { error }).max(maximum, { error }));
}

function integerOf(given: unknown): unknown {
  const number = typeof given === 'string' && /^[+-]?\d+$/.test(given) ? Number(given) : given;
  return Number.isSafeInteger(number) ? number : null;
}

/** One of these texts. */
export function choice<const T extends string>(known: readonly T[]): z.ZodEnum<{ [K in T]: K }> {
  return z.enum(known, { error: `Input should be one of ${known.join(', ')}` });
}

/** One of the keys of a table. */
export function keyOf<K extends string>(table: Readonly<Record<K, unknown>>): z.ZodEnum<{ [N in K]: N }> {
  return choice(Object.keys(table) as K[]);
}

/** The same texts in any case of letters; the schema has them in upper case. */
export function inAnyCase<T extends z.ZodType<string>>(schema: T): Lax<T> {
  return lax((given) => (isText(given) ? given.toUpperCase() : given), schema);
}

/** Keys of a table, in any case of letters: one, or several in a field that is repeated. */
export function keysOf<K extends string>(
  table: Readonly<Record<K, unknown>>,
): Lax<z.ZodArray<z.ZodEnum<{ [N in K]: N }>>> {
  const known = Object.keys(table) as K[];
  const error = `Input should be some of ${known.join(', ')}`;
  const toList = (given: unknown): unknown => {
    const items = (isArray(given) ? given : [given]).map((item) =>
      isText(item) ? item.toUpperCase() : item,
    );
    return items.every((item) => known.some((one) => one === item)) ? items : null;
  };
  return lax(toList, z.array(choice(known), { error }).min(1));
}

/** A list of texts that is not empty. */
export function texts(): Lax<z.ZodArray<z.ZodString>> {
  const error = 'Input should be a list of strings that is not empty';
  return listOf(isText, z.array(z.string(), { error }).min(1));
}

/** A list of some of these texts that is not empty. */
export function choices<const T extends string>(
  known: readonly T[],
): Lax<z.ZodArray<z.ZodEnum<{ [K in T]: K }>>> {
  const error = `Input should be a list that is not empty, of ${known.join(', ')}`;
  return listOf((item) => known.some((one) => one === item), z.array(z.enum(known), { error }).min(1));
}

/** One error stands for all wrong items: there may be very many. */
function listOf<T extends z.ZodType>(isItem: (item: unknown) => boolean, list: T): Lax<T> {
  return lax((given) => (isArray(given) && given.length > 0 && given.every(isItem) ? given : null), list);
}

function isText(value: unknown): value is string {
  return typeof value === 'string';
}

/** A JSON object, also as text. */
export function jsonObject(): Lax<z.ZodCustom<PlainRecord>> {
  return lax(jsonOf, boundedObject()).meta(OBJECT_SCHEMA);
}

/** A JSON object whose keys can be stored. */
export function keptObject(): Lax<z.ZodCustom<PlainRecord>> {
  const isKeptRecord = (value: PlainRecord): boolean =>
    Object.keys(value).every((key) => key === '' || isKept(key));
  const error = `Input should have keys of up to ${MAX_LENGTH} characters without zero bytes`;
  return lax(jsonOf, boundedObject().refine(isKeptRecord, { error })).meta(OBJECT_SCHEMA);
}

function boundedObject(): z.ZodCustom<PlainRecord> {
  const error = `Input should have at most ${MAX_VALUES.toLocaleString('en')} values`;
  return z
    .custom<PlainRecord>(isShallowRecord, { ...JSON_OBJECT, abort: true })
    .refine(hasFewValues, { error, abort: true });
}

/** The message for a field that is no list of JSON objects. */
export const NOT_OBJECTS = 'Input should be a JSON array of objects';

/** A JSON array of objects, also as text. */
export function jsonObjects(): Lax<z.ZodCustom<readonly PlainRecord[]>> {
  const isList = (value: unknown): boolean => isArray(value) && value.every(isRecord) && isShallow(value);
  const params = { type: 'json_invalid' };
  return lax(jsonOf, z.custom<readonly PlainRecord[]>(isList, { error: NOT_OBJECTS, params }));
}

/** A JSON array of few objects, also as text. */
export function fewObjects(): Lax<z.ZodCustom<readonly PlainRecord[]>> {
  const isList = (value: unknown): boolean =>
    isArray(value) && value.every(isRecord) && isShallow(value) && hasFewValues(value);
  const error = `Input should be a JSON array of objects with at most ${MAX_VALUES.toLocaleString('en')} values`;
  return lax(jsonOf, z.custom<readonly PlainRecord[]>(isList, { error, params: { type: 'json_invalid' } }));
}

/** A field of uploaded files. Text in its place is refused: it would be lost silently. */
export function uploads(): z.ZodCustom<readonly []> {
  const error = 'Input should be uploaded files; input_files takes their content';
  const isNothing = (value: unknown): boolean => isArray(value) && value.length === 0;
  return z
    .custom<readonly []>(isNothing, { error })
    .meta({ type: 'array', items: { type: 'string', format: 'binary' } });
}

const JSON_OBJECT = { error: 'Input should be a JSON object', params: { type: 'json_invalid' } };
const OBJECT_SCHEMA = { type: 'object', additionalProperties: true } as const;

function jsonOf(given: unknown): unknown {
  return isText(given) ? parseJson(given) : given;
}

function isShallowRecord(value: unknown): boolean {
  return isRecord(value) && isShallow(value);
}

/**
 * A field whose values may be written in other ways, too.
 *
 * @param convert - makes the value that the schema accepts; null if it cannot
 */
function lax<T extends z.ZodType>(convert: (given: unknown) => unknown, schema: T): Lax<T> {
  return z.preprocess((given) => (given === undefined ? undefined : convert(given)), schema);
}
