import { NotFoundException } from '@nestjs/common';

import type { PlainRecord } from '../../model/run-context.js';
import { DATABASE_ID } from '../wire/database.js';
import { FieldReader } from './field.reader.js';
import { hasFields } from './json.values.js';
import { fieldsOfBody, refuseMissingBody, type BodyRequest } from './request.body.js';

/** A request of Express or Fastify, with the query and body that its adapter has read. */
export interface FieldRequest extends BodyRequest {
  readonly query?: unknown;
}

/**
 * Reads the query of a request, and checks the database that it names: there is only one.
 *
 * @throws UnprocessableEntityException with one error for each field that is wrong
 * @throws NotFoundException if the query names another database
 */
export function readQuery<T>({ query }: FieldRequest, read: (reader: FieldReader) => T): T {
  const reader = new FieldReader(fieldsOf(query), 'query');
  const databaseId = shortText(reader, 'db_id');
  // Clients may send the table name that they were given; it has no effect.
  shortText(reader, 'table');
  const fields = read(reader);
  reader.finish();
  if (databaseId !== undefined && databaseId !== DATABASE_ID)
    throw new NotFoundException(`No database found with id '${databaseId}'`);
  return fields;
}

/**
 * Reads a JSON body.
 *
 * @param isOptional - whether the body may be missing; it then has no fields
 * @throws UnprocessableEntityException with one error for each field that is wrong, or if it is not an object
 */
export function readBody<T>(
  request: FieldRequest,
  read: (reader: FieldReader) => T,
  { isOptional = false }: { readonly isOptional?: boolean } = {},
): T {
  const given = fieldsOfBody(request);
  if (!given && !isOptional) refuseMissingBody();
  const reader = new FieldReader(given ?? new Map());
  const fields = read(reader);
  reader.finish();
  return fields;
}

/** Maximum length of an id or a name. */
export const MAX_LENGTH = 255;

/** Whether a text is possible as an id: databases accept no zero bytes, and cannot tell unpaired surrogates apart. */
export function isId(text: string): boolean {
  return isKept(text) && text.isWellFormed();
}

function isKept(text: string): boolean {
  return text !== '' && text.length <= MAX_LENGTH && !text.includes('\0');
}

/** The text of a field that is valid as an id or a name. */
export function shortText(reader: FieldReader, name: string): string | undefined {
  const text = reader.text(name);
  if (text === undefined || isId(text)) return text;
  if (isKept(text)) {
    reader.refuse(name, 'string_unicode', 'Input should be text without unpaired surrogates', text);
  } else {
    const msg = `Input should be text of up to ${MAX_LENGTH} characters without zero bytes`;
    reader.refuse(name, 'string_too_long', msg, text);
  }
  return undefined;
}

/** A required name. */
export function requiredName(reader: FieldReader, name: string): string {
  const text = reader.requiredText(name);
  return text === '' ? text : (shortText(reader, name) ?? text);
}

/** A JSON object whose keys can be stored. */
export function keptRecord(reader: FieldReader, name: string): PlainRecord | undefined {
  const record = reader.record(name);
  if (record === undefined || Object.keys(record).every((key) => key === '' || isKept(key))) return record;
  const msg = `Input should have keys of up to ${MAX_LENGTH} characters without zero bytes`;
  reader.refuse(name, 'value_error', msg, record);
  return undefined;
}

function fieldsOf(value: unknown): ReadonlyMap<string, unknown> {
  return new Map(hasFields(value) ? Object.entries(value) : []);
}
