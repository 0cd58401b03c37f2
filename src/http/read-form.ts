import type { IncomingMessage } from 'node:http';

import { BadRequestException, PayloadTooLargeException } from '@nestjs/common';
import busboy from 'busboy';

/** The fields of a request's form: text if it came as a form, any JSON value if it came as JSON. */
export type FormFields = ReadonlyMap<string, unknown>;

/** A request of Express or Fastify. */
export interface FormRequest {
  readonly headers: IncomingMessage['headers'];
  readonly body?: unknown;
  /** Node's own request, under Fastify. */
  readonly raw?: IncomingMessage;
}

const LIMITS = { fields: 100, fieldNameSize: 200, fieldSize: 1024 * 1024, parts: 100 };

/**
 * Reads a JSON, urlencoded or multipart body. The host's adapter has parsed the first two, and perhaps the last.
 *
 * @throws BadRequestException if the body is malformed or brings files
 * @throws PayloadTooLargeException if a field is too large or there are too many
 */
export async function readForm(request: FormRequest): Promise<FormFields> {
  const isMultipart = /^multipart\/form-data/i.test(request.headers['content-type'] ?? '');
  if (isMultipart && !isRecord(request.body)) {
    return readMultipart(request.raw ?? (request as unknown as IncomingMessage));
  }
  if (!isRecord(request.body)) return new Map();
  const fields = Object.entries(request.body);
  return new Map(isMultipart ? fields.map(([name, part]) => [name, valueOfPart(name, part)]) : fields);
}

/** A host's parser leaves the text of a field, or an object that describes it, as `@fastify/multipart` can. */
function valueOfPart(name: string, part: unknown): unknown {
  if (Array.isArray(part)) return part.map((item) => valueOfPart(name, item));
  if (!isRecord(part)) return part;
  if (part['type'] === 'file') throw unwantedFile(name);
  return part['value'];
}

function unwantedFile(name: string): BadRequestException {
  return new BadRequestException(`The form field "${name}" is a file. File uploads are not supported.`);
}

function readMultipart(request: IncomingMessage): Promise<FormFields> {
  return new Promise((resolve, reject) => {
    const fields = new Map<string, unknown>();
    const parser = createParser(request);
    const fail = (error: Error): void => {
      request.unpipe(parser);
      request.resume();
      reject(error);
    };
    parser.on('field', (name, value, { valueTruncated, nameTruncated }) => {
      if (valueTruncated || nameTruncated)
        fail(new PayloadTooLargeException(`The form field "${name}" is too large.`));
      else fields.set(name, value);
    });
    parser.on('file', (name, file) => {
      file.resume();
      fail(unwantedFile(name));
    });
    for (const limit of ['fieldsLimit', 'partsLimit'] as const) {
      parser.on(limit, () => fail(new PayloadTooLargeException('The form has too many fields.')));
    }
    parser.on('error', (cause) => fail(malformed(cause)));
    parser.on('close', () => resolve(fields));
    request.on('error', (cause) => fail(malformed(cause)));
    request.on('aborted', () => fail(malformed(new Error('The client left.'))));
    request.pipe(parser);
  });
}

function createParser({ headers }: IncomingMessage): busboy.Busboy {
  try {
    return busboy({ headers, limits: LIMITS });
  } catch (cause) {
    throw malformed(cause);
  }
}

function malformed(cause: unknown): BadRequestException {
  return new BadRequestException('The multipart body is malformed.', { cause });
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !Buffer.isBuffer(value);
}
