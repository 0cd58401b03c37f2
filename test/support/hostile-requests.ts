import { request as send } from 'node:http';

import type { OpenAPIObject } from '@nestjs/swagger';
import fc from 'fast-check';

/** A request as it goes over the wire. */
export interface HostileRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

/** What came back; the status is 0 if the server closed the connection without an answer. */
export interface RawResponse {
  readonly status: number;
  readonly contentType: string | null;
  readonly text: string;
}

/** Values that programs stumble over, as texts. */
const TEXTS = [
  ...['', ' ', '0', '-1', '1e309', 'NaN', '9007199254740993', 'true', 'null', 'undefined', '[]', '{}', '"'],
  ...['__proto__', 'constructor', 'toString', 'hasOwnProperty', 'prototype'],
  ...[
    '../../etc/passwd',
    '..\\..\\windows',
    '/etc/passwd',
    'file:///etc/passwd',
    '%2e%2e%2f',
    '%00',
    '%',
    '%zz',
  ],
  ...["' OR 1=1 --", '"; DROP TABLE agent_os_sessions; --', '${7*7}', '{{7*7}}', '<script>alert(1)</script>'],
  ...['\0', '\ud800', '\u202e', '👋'.repeat(50), 'é\u0301', '\r\nX-Injected: yes', 'x'.repeat(300)],
  ...['{"__proto__":{"polluted":true}}', '{"constructor":{"prototype":{"polluted":true}}}', '{"a":'],
  ...['['.repeat(2_000), '{"a":'.repeat(2_000), `${'['.repeat(500)}${']'.repeat(500)}`, 'x'.repeat(100_000)],
];

const VALUES: readonly unknown[] = [
  ...TEXTS,
  ...[
    0,
    -1,
    1.5,
    1e21,
    Number.MAX_SAFE_INTEGER,
    true,
    false,
    null,
    [],
    {},
    [[]],
    [null],
    [{}],
    { a: { b: [1] } },
  ],
  ...[['a', 'b'], { length: 5 }, { toString: 1 }, { valueOf: null }, { then: 'x' }, Array(1_000).fill('x')],
  JSON.parse('{"__proto__":{"polluted":true}}'),
];

const TYPES = [
  'application/json',
  'application/x-www-form-urlencoded',
  'multipart/form-data; boundary=b0undary',
  'multipart/form-data',
  'text/plain',
  'application/json; charset=utf-16',
  'application/octet-stream',
  'application/JSON;;;',
  '',
];

type Operation = { readonly parameters?: readonly unknown[]; readonly requestBody?: unknown };

/**
 * Requests of every kind to an operation: its fields and parameters with values that are wrong, missing, huge, nested,
 * repeated or encoded otherwise than they say.
 *
 * @param ids - that exist, so that not every request ends at a 404
 */
export function hostileRequests(
  document: OpenAPIObject,
  method: string,
  path: string,
  operation: Operation,
  ids: readonly string[],
): fc.Arbitrary<HostileRequest> {
  const parameters = (operation.parameters ?? []) as { readonly in: string; readonly name: string }[];
  const names = parameters.filter((parameter) => parameter.in === 'query').map(({ name }) => name);
  return fc
    .record({
      method: fc.constant(method),
      path: fc
        .tuple(pathOf(path, ids), queryOf(names))
        .map(([filled, query]) => (query === '' ? filled : `${filled}?${query}`)),
      ...bodyOf(fieldsOf(document, operation), method),
    })
    .map(({ method: verb, path: target, body }) => ({ method: verb, path: target, ...body }));
}

function pathOf(path: string, ids: readonly string[]): fc.Arbitrary<string> {
  const segment = fc.oneof(
    { weight: 3, arbitrary: fc.constantFrom(...ids) },
    { weight: 2, arbitrary: fc.constantFrom(...TEXTS.filter((text) => text.length < 2_000)).map(encode) },
    {
      weight: 1,
      arbitrary: fc.constantFrom('..', '.', '%2e%2e', '..%2f..%2fetc', '%', '%c0%af', '%00', '*'),
    },
  );
  const count = path.split('{').length - 1;
  return fc.array(segment, { minLength: count, maxLength: count }).map((segments) => {
    let next = 0;
    return path.replace(/\{\w+\}/g, () => segments[next++] || 'x');
  });
}

function queryOf(names: readonly string[]): fc.Arbitrary<string> {
  if (names.length === 0) return fc.constantFrom('', 'x=1', 'a[b]=1&a[__proto__][c]=1', '%');
  const pair = fc
    .tuple(
      fc.constantFrom(...names, 'unknown'),
      fc.constantFrom(...TEXTS.filter((text) => text.length < 2_000)),
    )
    .chain(([name, value]) =>
      fc.constantFrom(
        `${name}=${encode(value)}`,
        `${name}[]=${encode(value)}`,
        `${name}[a]=1`,
        `${name}=%`,
        name,
      ),
    );
  return fc.array(pair, { maxLength: 4 }).map((pairs) => pairs.join('&'));
}

/** The names of the fields of a body, whatever form it comes in. */
function fieldsOf(document: OpenAPIObject, { requestBody }: Operation): string[] {
  const schemas = document.components?.schemas ?? {};
  const names = new Set<string>();
  const visit = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return;
    for (const [key, inner] of Object.entries(value)) {
      if (key === '$ref') visit(schemas[String(inner).split('/').at(-1) ?? '']);
      else if (key === 'properties') Object.keys(inner as object).forEach((name) => names.add(name));
      else visit(inner);
    }
  };
  visit(requestBody);
  return [...names];
}

interface Body {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

function bodyOf(fields: readonly string[], method: string): { readonly body: fc.Arbitrary<Body> } {
  if (method === 'GET') return { body: fc.constant({ headers: {}, body: Buffer.alloc(0) }) };
  const known = fields.length > 0 ? fields : ['x'];
  const record = fc
    .array(fc.tuple(fc.constantFrom(...known, '__proto__', 'constructor'), fc.constantFrom(...VALUES)), {
      maxLength: 6,
    })
    // A message, more often than not, so that something runs.
    .chain((entries) =>
      fc.boolean().map((hasMessage) => (hasMessage ? [...entries, ['message', 'hi'] as const] : entries)),
    );
  const written = fc
    .tuple(record, fc.constantFrom(asJson, asForm, asMultipart))
    .map(([entries, write]) => write(entries));
  const garbage = fc.record({
    headers: fc
      .constantFrom(...TYPES)
      .map((type): Record<string, string> => (type === '' ? {} : { 'content-type': type })),
    body: fc.oneof(
      fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
      fc.constantFrom(...VALUES).map((value) => Buffer.from(String(JSON.stringify(value)))),
    ),
  });
  return { body: fc.oneof({ weight: 4, arbitrary: written }, { weight: 1, arbitrary: garbage }) };
}

type Entries = readonly (readonly [string, unknown])[];

function asJson(entries: Entries): Body {
  const members = entries.map(
    ([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value) ?? 'null'}`,
  );
  return { headers: { 'content-type': 'application/json' }, body: Buffer.from(`{${members.join(',')}}`) };
}

function asForm(entries: Entries): Body {
  const pairs = entries.map(([name, value]) => `${encode(name)}=${encode(textOf(value))}`);
  return {
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: Buffer.from(pairs.join('&')),
  };
}

function asMultipart(entries: Entries): Body {
  const parts = entries.map(([name, value]) => {
    const isFile = name === 'files';
    const more = isFile ? '; filename="../../a.png"\r\nContent-Type: image/png' : '';
    return `--b0undary\r\nContent-Disposition: form-data; name="${name}"${more}\r\n\r\n${textOf(value)}\r\n`;
  });
  return {
    headers: { 'content-type': 'multipart/form-data; boundary=b0undary' },
    body: Buffer.from(`${parts.join('')}--b0undary--\r\n`),
  };
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? '');
}

/** Half a character has no encoding. */
function encode(text: string): string {
  return encodeURIComponent(Buffer.from(text).toString());
}

/** Sends a request exactly as it is: `fetch()` would tidy its path. */
export function sendHostile(
  port: number,
  { method, path, headers, body }: HostileRequest,
): Promise<RawResponse> {
  return new Promise((resolve, reject) => {
    const length = { 'content-length': String(body.length) };
    const outgoing = send({
      port,
      host: '127.0.0.1',
      method,
      path,
      headers: { ...headers, ...length },
      agent: false,
    });
    outgoing.on('response', (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () =>
        resolve({
          status: response.statusCode ?? 0,
          contentType: response.headers['content-type'] ?? null,
          text: Buffer.concat(chunks).toString(),
        }),
      );
    });
    outgoing.on('error', (error: NodeJS.ErrnoException) =>
      error.code === 'ECONNRESET' ? resolve({ status: 0, contentType: null, text: '' }) : reject(error),
    );
    outgoing.end(body);
  });
}
