import type { IncomingMessage } from 'node:http';

import { Busboy } from '@fastify/busboy';
import type { INestApplication } from '@nestjs/common';

import type { Adapter } from './test-app.js';

type Parts = Record<string, unknown>;
type Parsed = (error: Error | null, body?: Parts) => void;

/** Reads a multipart body as plugins for uploads do. */
function readMultipart(request: IncomingMessage, done: Parsed): void {
  const parts: Parts = {};
  const add = (name: string, part: unknown): void => {
    parts[name] = name in parts ? [parts[name], part] : part;
  };
  const parser = new Busboy({ headers: { 'content-type': '', ...request.headers } });
  parser.on('field', add);
  parser.on('file', (name, file, originalname) => {
    let size = 0;
    file.on('data', (chunk: Buffer) => (size += chunk.length));
    file.on('end', () => add(name, { originalname, size }));
  });
  parser.on('finish', () => done(null, parts));
  request.pipe(parser);
}

/** What `@fastify/multipart` leaves with `attachFieldsToBody: true`: circular objects. */
export function describeParts(parts: Parts): Parts {
  const described: Parts = {};
  const describePart = (fieldname: string, part: unknown): unknown => {
    if (Array.isArray(part)) return part.map((item) => describePart(fieldname, item));
    if (typeof part !== 'string') return { type: 'file', fieldname, file: part, fields: described };
    return { type: 'field', fieldname, value: part, fields: described };
  };
  for (const [name, part] of Object.entries(parts)) described[name] = describePart(name, part);
  return described;
}

interface FastifyInstance {
  addContentTypeParser(
    type: string,
    parser: (request: IncomingMessage, payload: IncomingMessage, done: Parsed) => void,
  ): void;
}

/** Has the host parse multipart bodies itself: with a middleware on Express, with a parser of its own on Fastify. */
export function parseMultipart(
  app: INestApplication,
  adapter: Adapter,
  shape = (parts: Parts): Parts => parts,
): void {
  if (adapter === 'express') {
    app.use((request: IncomingMessage & { body?: Parts }, _response: unknown, next: () => void) => {
      if (!request.headers['content-type']?.startsWith('multipart/')) return next();
      readMultipart(request, (_error, parts = {}) => {
        request.body = shape(parts);
        next();
      });
    });
    return;
  }
  const fastify = app.getHttpAdapter().getInstance() as FastifyInstance;
  fastify.addContentTypeParser('multipart/form-data', ({ headers }, payload, done) => {
    readMultipart(Object.assign(payload, { headers }), (error, parts = {}) => done(error, shape(parts)));
  });
}
