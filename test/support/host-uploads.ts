import type { IncomingMessage } from 'node:http';
import { buffer } from 'node:stream/consumers';

import { Busboy } from '@fastify/busboy';
import type { INestApplication } from '@nestjs/common';

import type { Adapter } from './test-app.js';

/** A file, as a parser of the host has read it. */
export interface ReadFile {
  readonly field: string;
  readonly name: string;
  readonly type: string;
  readonly content: Buffer;
}

/** What a parser leaves on a request. */
export interface ParsedRequest {
  readonly body: object;
  readonly file?: unknown;
  readonly files?: unknown;
}

/** What a parser makes of a form with these texts and files. */
export type ParserStyle = (
  texts: Readonly<Record<string, string>>,
  files: readonly ReadFile[],
) => ParsedRequest;

/** Has the host read multipart bodies before anybody else can. */
export function readUploads(app: INestApplication, adapter: Adapter, style: ParserStyle): void {
  if (adapter === 'express') {
    app.use(async (request: IncomingMessage, _response: unknown, next: () => void) => {
      if (isMultipart(request)) Object.assign(request, await read(request, style));
      next();
    });
    return;
  }
  const fastify = app.getHttpAdapter().getInstance() as FastifyInstance;
  fastify.addContentTypeParser('multipart/form-data', async (request, payload) => {
    const { body, ...others } = await read(Object.assign(payload, { headers: request.headers }), style);
    Object.assign(request, others);
    return body;
  });
}

interface FastifyInstance {
  addContentTypeParser(
    type: string,
    parser: (request: { headers: IncomingMessage['headers'] }, payload: IncomingMessage) => Promise<object>,
  ): void;
}

function isMultipart({ headers }: IncomingMessage): boolean {
  return headers['content-type']?.startsWith('multipart/') === true;
}

function read(request: IncomingMessage, style: ParserStyle): Promise<ParsedRequest> {
  return new Promise((resolve, reject) => {
    const texts: Record<string, string> = {};
    const files: Promise<ReadFile>[] = [];
    const parser = new Busboy({ headers: { 'content-type': '', ...request.headers } });
    parser.on('field', (name, value) => (texts[name] = value));
    parser.on('file', (field, stream, name = '', _encoding, type) => {
      files.push(buffer(stream).then((content) => ({ field, name, type, content })));
    });
    parser.on('error', reject);
    parser.on('finish', () => {
      void Promise.all(files).then((all) => resolve(style(texts, all)));
    });
    request.pipe(parser);
  });
}
