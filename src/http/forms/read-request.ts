import { NotFoundException } from '@nestjs/common';
import type { z } from 'zod';

import { hasFields } from '../../protocol/json.values.js';
import { read, type Fields } from '../../protocol/read.js';
import type { databaseQuery } from '../../protocol/requests.js';
import { DATABASE_ID } from '../../protocol/database.js';
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
export function readQuery<S extends typeof databaseQuery>({ query }: FieldRequest, schema: S): z.output<S> {
  const fields = read(schema, fieldsOf(query), ['query']);
  const { db_id: databaseId } = fields;
  if (databaseId !== undefined && databaseId !== DATABASE_ID)
    throw new NotFoundException(`No database found with id '${databaseId}'`);
  return fields;
}

/**
 * Reads a JSON body.
 *
 * @param isOptional - whether the body may be missing; it then has no fields
 * @param ignored - fields of the schema that the client may not send
 * @throws UnprocessableEntityException with one error for each field that is wrong, or if it is not an object
 */
export function readBody<S extends z.ZodObject>(
  request: FieldRequest,
  schema: S,
  { isOptional = false, ignored = [] }: BodyReading = {},
): z.output<S> {
  const given = fieldsOfBody(request);
  if (!given && !isOptional) refuseMissingBody();
  return read(schema, given ?? new Map(), ['body'], ignored);
}

function fieldsOf(query: unknown): Fields {
  return new Map(hasFields(query) ? Object.entries(query) : []);
}

interface BodyReading {
  readonly isOptional?: boolean;
  readonly ignored?: readonly string[];
}
