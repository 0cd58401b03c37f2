import { NotFoundException } from '@nestjs/common';

import type { PlainRecord } from '../../model/run-context.js';
import { DATABASE_ID } from '../wire/database.js';
import { FieldReader } from './field.reader.js';
import { hasFields } from './json.values.js';
import { fieldsOfBody, refuseMissingBody, type BodyRequest } from './request.body.js';

/** A request of Express or Fastify, with what its adapter has read. */
export interface FieldRequest extends BodyRequest {
  readonly query?: unknown;
}

/**
 * Reads what the query of a request says, and which database it means: there is one.
 *
 * @throws UnprocessableEntityException with one problem for each field that is wrong
 * @throws NotFoundException if another database is meant
 */
export function readQuery<T>({ query }: FieldRequest, read: (reader: FieldReader) => T): T {
  const reader = new FieldReader(fieldsOf(query), 'query');
  const databaseId = shortText(reader, 'db_id');
  // Clients may name the table that they were told of; there is no choice.
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
 * @param isOptional - whether there may be none, which has no fields
 * @throws UnprocessableEntityException with one problem for each field that is wrong, or if it is no object
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

/** The longest id or name that is kept. */
export const MAX_LENGTH = 255;

/** Whether anything can have this id: databases take no zero bytes, and cannot tell unpaired surrogates apart. */
export function isId(text: string): boolean {
  return isKept(text) && text.isWellFormed();
}

function isKept(text: string): boolean {
  return text !== '' && text.length <= MAX_LENGTH && !text.includes('\0');
}

/** The text of a field, such that it can be an id or a name. */
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

/** A name that must be there. */
export function requiredName(reader: FieldReader, name: string): string {
  const text = reader.requiredText(name);
  return text === '' ? text : (shortText(reader, name) ?? text);
}

/** A JSON object whose keys can be kept. */
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
