import type { UnprocessableEntityException } from '@nestjs/common';

import { decodeText } from '../../model/text.decoding.js';
import { hasFields, parseJson } from '../../protocol/json.values.js';
import { MISSING, RequestProblems, type Fields } from '../../protocol/read.js';

/** A request of Express or Fastify, with the parts of its body that the host has read. */
export interface BodyRequest {
  readonly headers?: Readonly<Record<string, string | readonly string[] | undefined>>;
  /** The result of a parser, or the bytes. */
  readonly body?: unknown;
  /** The bytes, where Nest's `rawBody` or the platform keeps them. */
  readonly rawBody?: unknown;
}

/** The fields that a parser has read from a body; undefined if it was not parsed. */
export function parsedFieldsOf({ body }: BodyRequest): Readonly<Record<string, unknown>> | undefined {
  return hasFields(body) && !isBytes(body) && !isStream(body) ? body : undefined;
}

/** The bytes of a body that the host has read but not parsed. */
export function rawBytesOf({ body, rawBody }: BodyRequest): Buffer | undefined {
  const isUnparsed =
    body === undefined || body === null || (hasFields(body) && Object.keys(body).length === 0);
  const raw = isBytes(body) || typeof body === 'string' ? body : isUnparsed ? rawBody : undefined;
  if (typeof raw === 'string') return Buffer.from(raw);
  return isBytes(raw) ? Buffer.from(raw.buffer, raw.byteOffset, raw.byteLength) : undefined;
}

/**
 * The fields of a JSON or urlencoded body, whether the host has parsed it or kept its bytes.
 *
 * @returns undefined if there is no body
 * @throws UnprocessableEntityException if it is not an object
 */
export function fieldsOfBody(request: BodyRequest): Fields | undefined {
  const type = contentTypeOf(request);
  const bytes = rawBytesOf(request);
  if (bytes && bytes.length > 0) {
    const text = decodeText(bytes, /charset\s*=\s*"?([\w.:-]+)/i.exec(type)?.[1]);
    if (/^application\/x-www-form-urlencoded/i.test(type)) return fieldsOfForm(text);
    if (/^application\/(?:[^;]*\+)?json/i.test(type)) return fieldsOfValue(parseJson(text), text);
    return undefined;
  }
  const parsed = parsedFieldsOf(request);
  // Express sets an empty object if there is no body.
  if (parsed && request.headers?.['content-length'] === '0') return undefined;
  if (parsed) return new Map(Object.entries(parsed));
  const { body } = request;
  return body === undefined || bytes || isStream(body) ? undefined : fieldsOfValue(body, body);
}

export function contentTypeOf({ headers }: BodyRequest): string {
  return String(headers?.['content-type'] ?? '');
}

/** @throws UnprocessableEntityException always: a body is required */
export function refuseMissingBody(): never {
  throw refusal(MISSING.type, MISSING.msg, null);
}

function fieldsOfValue(value: unknown, shown: unknown): Fields {
  if (!hasFields(value)) throw refusal('model_attributes_type', 'Input should be a JSON object', shown);
  return new Map(Object.entries(value));
}

/** A repeated field becomes a list, as in the other kinds of forms. */
function fieldsOfForm(text: string): Fields {
  const form = new URLSearchParams(text);
  return new Map(
    [...new Set(form.keys())].map((name) => {
      const values = form.getAll(name);
      return [name, values.length === 1 ? values[0] : values];
    }),
  );
}

function refusal(type: string, msg: string, input: unknown): UnprocessableEntityException {
  const problems = new RequestProblems();
  problems.add({ type, loc: ['body'], msg, input });
  return problems.toException();
}

function isBytes(value: unknown): value is Uint8Array {
  return value instanceof Uint8Array;
}

/** Parsers that pass everything through set the request itself as body. */
function isStream(value: unknown): boolean {
  return hasFields(value) && typeof value['pipe'] === 'function';
}
