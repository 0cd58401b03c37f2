import { NotFoundException } from '@nestjs/common';
import type { z } from 'zod';

import { DATABASE_ID } from '../../protocol/database.js';
import { hasFields } from '../../protocol/json.values.js';
import { read, type Fields } from '../../protocol/read.js';
import type { databaseQuery } from '../../protocol/requests.js';
import type { RouteBody } from '../../protocol/routes.js';
import { fieldsOfBody, refuseMissingBody, type BodyRequest } from './request.body.js';

/** A request of Express or Fastify, with the query and body that its adapter has read. */
export interface FieldRequest extends BodyRequest {
  readonly query?: unknown;
}

/**
 * Reads the query of a request as its route describes it, and checks the database that it names: there is only one.
 *
 * @throws UnprocessableEntityException with one error for each field that is wrong
 * @throws NotFoundException if the query names another database
 */
export function readQuery<S extends typeof databaseQuery>(
  { query }: FieldRequest,
  route: { readonly query: S },
): z.output<S> {
  const fields = read(route.query, fieldsOf(query), ['query']);
  const { db_id: databaseId } = fields;
  if (databaseId !== undefined && databaseId !== DATABASE_ID)
    throw new NotFoundException(`No database found with id '${databaseId}'`);
  return fields;
}

/**
 * Reads a JSON body as its route describes it.
 *
 * @param ignored - fields of the schema that the client may not send
 * @throws UnprocessableEntityException with one error for each field that is wrong, or if it is not an object
 */
export function readBody<S extends z.ZodObject>(
  request: FieldRequest,
  { body }: { readonly body: RouteBody & { readonly schema: S } },
  ignored: readonly string[] = [],
): z.output<S> {
  const given = fieldsOfBody(request);
  if (!given && !body.isOptional) refuseMissingBody();
  return read(body.schema, given ?? new Map(), ['body'], ignored);
}

function fieldsOf(query: unknown): Fields {
  return new Map(hasFields(query) ? Object.entries(query) : []);
}
