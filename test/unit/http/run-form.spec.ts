import { HttpException } from '@nestjs/common';
import { describe, expect, it } from '@jest/globals';

import { parseRunForm, type RunForm } from '../../../src/http/forms/run-form.js';
import { textOfFile } from '../../../src/model/file.text.js';
import type { RunFile } from '../../../src/model/run-input.js';

const LIMITS = { maxFileSize: 100, maxFiles: 3 };
const NOTHING_SENT: RunForm = {
  input: { content: 'hi' },
  stream: true,
  background: false,
  streamEvents: true,
  options: {},
};

function parse(
  fields: Readonly<Record<string, unknown>>,
  acceptClientContext = false,
  files: readonly RunFile[] = [],
): RunForm {
  const form = { fields: new Map(Object.entries({ message: 'hi', ...fields })), files };
  return parseRunForm(form, { ...LIMITS, acceptClientContext });
}

/** Status and body of the answer to fields that are refused. */
function refusalOf(
  fields: Readonly<Record<string, unknown>>,
  acceptClientContext = false,
): [number, unknown] {
  try {
    parse(fields, acceptClientContext);
  } catch (error) {
    if (error instanceof HttpException) return [error.getStatus(), error.getResponse()];
    throw error;
  }
  throw new Error('It was accepted.');
}

function problem(name: string, type: string, msg: string, input: unknown): object {
  return { type, loc: ['body', name], msg, input };
}

const BOOLEAN = 'Input should be a valid boolean, unable to interpret input';

describe('parseRunForm()', () => {
  it('streams by default, and adds no field that was not sent', () => {
    expect(parse({})).toStrictEqual(NOTHING_SENT);
  });

  it('keeps the message unchanged', () => {
    expect(parse({ message: '  two\nlines ' }).input.content).toBe('  two\nlines ');
  });

  it.each([
    ...['true', 'True', '1', 'yes', 'on', 't', 'y', true, 1].map((value) => [value, true] as const),
    ...['false', 'FALSE', '0', 'no', 'off', 'f', 'n', false, 0].map((value) => [value, false] as const),
    ...['', null, undefined].map((value) => [value, true] as const),
  ])('reads stream=%p as %p', (value, expected) => {
    expect(parse({ stream: value }).stream).toBe(expected);
  });

  it('reads session, user and metadata, as text of a form or values of JSON', () => {
    const expected = { sessionId: 's1', userId: 'u1', metadata: { plan: 'pro', tags: ['a'] } };
    const ids = { session_id: 's1', user_id: 'u1' };
    expect([
      parse({ ...ids, metadata: '{"plan":"pro","tags":["a"]}' }).options,
      parse({ ...ids, metadata: { plan: 'pro', tags: ['a'] } }).options,
    ]).toStrictEqual([expected, expected]);
  });

  it('drops keys of a form that would set a prototype', () => {
    const { metadata } = parse({
      metadata: '{"__proto__":{"isAdmin":true},"a":{"__proto__":{},"b":1},"c":[{"\\u005f_proto__":1}]}',
    }).options;
    expect(JSON.stringify(metadata)).toBe('{"a":{"b":1},"c":[{}]}');
  });

  it('treats empty and null fields as missing, as forms send them', () => {
    const empty = { session_id: '', user_id: null, metadata: '', dependencies: null, session_state: '' };
    expect(parse(empty, true).options).toStrictEqual({});
  });

  it('accepts dependencies and session state only if clients may send them', () => {
    const context = { dependencies: '{"tenant":"acme"}', session_state: { step: 2 } };
    expect([parse(context, true).options, parse(context, false).options]).toStrictEqual([
      { dependencies: { tenant: 'acme' }, sessionState: { step: 2 } },
      {},
    ]);
  });

  it('does not validate client context that it does not accept', () => {
    expect(parse({ dependencies: 'no JSON', session_state: [] }).options).toStrictEqual({});
  });

  it('ignores unknown fields, such as those that would set the run id', () => {
    const unknown = {
      run_id: 'mine',
      agent: 'other',
      model: 'x',
      files: [],
    };
    expect(parse(unknown)).toStrictEqual(NOTHING_SENT);
  });

  it.each<[string, unknown, object]>([
    ['message', '', problem('message', 'missing', 'Field required', '')],
    ['message', null, problem('message', 'missing', 'Field required', null)],
    ['message', undefined, problem('message', 'missing', 'Field required', null)],
    ['message', 5, problem('message', 'string_type', 'Input should be a valid string', 5)],
    ['message', ['a', 'b'], problem('message', 'string_type', 'Input should be a valid string', ['a', 'b'])],
    ['session_id', 7, problem('session_id', 'string_type', 'Input should be a valid string', 7)],
    ['user_id', {}, problem('user_id', 'string_type', 'Input should be a valid string', {})],
    ['stream', 'maybe', problem('stream', 'bool_parsing', BOOLEAN, 'maybe')],
    ['stream', 2, problem('stream', 'bool_parsing', BOOLEAN, 2)],
    ['stream', ['true'], problem('stream', 'bool_parsing', BOOLEAN, ['true'])],
    ['background', 'later', problem('background', 'bool_parsing', BOOLEAN, 'later')],
    ...['{', '[1]', '"text"', 'null', '5', ['a'], 5, true].map((value): [string, unknown, object] => [
      'metadata',
      value,
      problem('metadata', 'json_invalid', 'Input should be a JSON object', value),
    ]),
  ])('answers %s=%j with 422', (name, value, expected) => {
    expect(refusalOf({ [name]: value })).toEqual([422, { detail: [expected] }]);
  });

  it.each([
    ['nested so deep that no copy could be made of it', JSON.parse(`${'['.repeat(101)}${']'.repeat(101)}`)],
    ['with a key that would set a prototype', JSON.parse('{"__proto__":{"isAdmin":true}}')],
  ])('refuses JSON %s, which would lose the run its background hooks', (_what, value: unknown) => {
    const metadata = { value };
    expect(refusalOf({ metadata })).toEqual([
      422,
      { detail: [problem('metadata', 'json_invalid', 'Input should be a JSON object', null)] },
    ]);
  });

  it('quotes only the beginning of a long text, and no other long value', () => {
    const long = 'x'.repeat(1_001);
    expect(refusalOf({ message: [long], stream: long, user_id: { a: 'short' } })).toEqual([
      422,
      {
        detail: [
          problem('message', 'string_type', 'Input should be a valid string', null),
          problem('stream', 'bool_parsing', BOOLEAN, `${long.slice(1)}…`),
          problem('user_id', 'string_type', 'Input should be a valid string', { a: 'short' }),
        ],
      },
    ]);
  });

  it('refuses data that would be longer as JSON than any text may be, without quoting them', () => {
    const images = Array.from({ length: 100 }, () => '\u0001'.repeat(1_000_000));
    const msg = 'Input should be a JSON array of objects';
    expect(refusalOf({ images })).toEqual([422, { detail: [problem('images', 'json_invalid', msg, null)] }]);
  });

  it('checks client context if it accepts it', () => {
    expect(refusalOf({ dependencies: '[]', session_state: 'x' }, true)).toEqual([
      422,
      {
        detail: [
          problem('dependencies', 'json_invalid', 'Input should be a JSON object', '[]'),
          problem('session_state', 'json_invalid', 'Input should be a JSON object', 'x'),
        ],
      },
    ]);
  });

  it('names every wrong field at once', () => {
    const [, body] = refusalOf({ message: '', stream: 'maybe', user_id: 1, background: 'true' });
    expect((body as { detail: { loc: string[] }[] }).detail.map(({ loc }) => loc[1])).toEqual([
      'stream',
      'user_id',
      'message',
    ]);
  });

  it('reads the options background and stream_events', () => {
    const { background, streamEvents } = parse({ background: 'true', stream_events: 'false' });
    expect([background, streamEvents]).toEqual([true, false]);
  });

  it.each(['session_id', 'user_id'])('answers a %s that no store can keep with 422', (name) => {
    const msg = 'Input should be text of up to 255 characters without zero bytes';
    for (const text of ['x'.repeat(256), 'a\0b']) {
      expect(refusalOf({ [name]: text })).toEqual([
        422,
        { detail: [problem(name, 'string_too_long', msg, text)] },
      ]);
    }
    expect(parse({ [name]: 'x'.repeat(255) }).options).not.toEqual({});
  });

  it('answers a single field that comes several times with 422', () => {
    const names = ['message', 'stream', 'background', 'stream_events', 'session_id', 'user_id', 'metadata'];
    const [status, body] = refusalOf(Object.fromEntries(names.map((name) => [name, ['true', 'true']])));
    const { detail } = body as { readonly detail: readonly { readonly loc: readonly string[] }[] };
    expect([status, detail.map(({ loc }) => loc[1])]).toEqual([422, names]);
  });
});

describe('Files that a client describes', () => {
  const PNG = Buffer.from('a picture').toString('base64');
  const anId = expect.stringMatching(/^[0-9a-f-]{36}$/);
  const filesOf = (fields: object, acceptClientContext = false): unknown =>
    parse({ ...fields }, acceptClientContext).input.files;

  it('are read from JSON in a form and from a JSON body', () => {
    const image = { id: 'p1', content: PNG, mime_type: 'image/png', filename: 'a.png', detail: 'high' };
    const expected = [{ id: 'p1', kind: 'image', name: 'a.png', mediaType: 'image/png', content: PNG }];
    expect(filesOf({ images: [image] })).toEqual(expected);
    expect(filesOf({ images: JSON.stringify([image]) })).toEqual(expected);
  });

  it('come from all four fields, after those that were uploaded', () => {
    const upload: RunFile = { id: 'u', kind: 'file', mediaType: 'text/plain', content: PNG };
    const fields = {
      images: [{ content: PNG, format: 'png' }],
      audio: [{ content: PNG, format: 'wav' }],
    };
    expect(parse(fields, false, [upload]).input.files).toEqual([
      upload,
      { id: anId, kind: 'image', mediaType: 'image/png', content: PNG },
      { id: anId, kind: 'audio', mediaType: 'audio/wav', content: PNG },
    ]);
    const others = {
      videos: [{ content: PNG, filename: '../clip.mp4' }],
      input_files: [{ content: PNG, name: 'C:\\docs\\report.pdf', url: null, filepath: null }],
    };
    expect(filesOf(others)).toEqual([
      { id: anId, kind: 'video', mediaType: 'video/mp4', name: 'clip.mp4', content: PNG },
      { id: anId, kind: 'file', mediaType: 'application/pdf', name: 'report.pdf', content: PNG },
    ]);
  });

  it('may be images whose type the model detects', () => {
    expect(filesOf({ images: [{ content: PNG }] })).toEqual([{ id: anId, kind: 'image', content: PNG }]);
  });

  it.each(['', '[]', null])('may be absent: %j', (images) => {
    expect(parse({ images, files: images === null ? null : '' })).toStrictEqual(NOTHING_SENT);
  });

  it.each([
    ['hello, world', 'hello, world'],
    ['test', 'test'],
    [Buffer.from('täglich').toString('base64'), 'täglich'],
  ])('may be plain or encoded texts: %j', (content, expected) => {
    const [file] = filesOf({ input_files: [{ content, mime_type: 'text/plain' }] }) as RunFile[];
    expect(Buffer.from(file?.content ?? '', 'base64').toString()).toBe(expected);
  });

  it.each<[string, Buffer, string]>([
    ['UTF-16', Buffer.from('\ufeffName;Preis', 'utf16le'), 'Name;Preis'],
    ['Windows-1252', Buffer.from('Stra\xdfe;5 \x80', 'latin1'), 'Straße;5 €'],
    [
      'Windows-1252 without padding',
      Buffer.from('Name;Stra\xdfe und Ort;5 \x80!', 'latin1'),
      'Name;Straße und Ort;5 €!',
    ],
  ])('may be encoded texts in %s', (_encoding, bytes, text) => {
    const content = bytes.toString('base64');
    const [file] = filesOf({ input_files: [{ content, filename: 'a.csv' }] }) as RunFile[];
    expect(file && textOfFile(file)).toBe(text);
  });

  it('have the type of their names and bytes where a system is known to send another one', () => {
    const text = Buffer.from('Ann,5').toString('base64');
    const png = Buffer.from('\x89PNG\r\n', 'latin1').toString('base64');
    const typesOf = (field: string, ...items: readonly object[]): unknown[] =>
      (filesOf({ [field]: items }) as RunFile[]).map(({ kind, mediaType }) => [kind, mediaType]);
    expect(typesOf('images', { content: png })).toEqual([['image', 'image/png']]);
    expect(
      typesOf(
        'input_files',
        { content: 'Ann,5', filename: 'prices.csv', mime_type: 'application/vnd.ms-excel' },
        { content: text, mime_type: 'application/vnd.ms-excel' },
        { content: PNG, filename: 'r.pdf', mime_type: 'application/x-download' },
      ),
    ).toEqual([
      ['file', 'text/csv'],
      ['file', 'text/plain'],
      ['file', 'application/pdf'],
    ]);
    expect(
      typesOf(
        'input_files',
        { content: png, mime_type: 'application/octet-stream' },
        { content: 'From: a@example.com', filename: 'a.eml', mime_type: 'message/rfc822' },
      ),
    ).toEqual([
      ['image', 'image/png'],
      ['file', 'message/rfc822'],
    ]);
  });

  it.each(['https://example.com/a/photo.png?size=2', 'http://example.com/a/photo.png'])(
    'may be URLs (%s) only if clients may send context',
    (url) => {
      expect(filesOf({ images: [{ url }] }, true)).toEqual([
        { id: anId, kind: 'image', mediaType: 'image/png', url },
      ]);
      expect(refusalOf({ images: [{ url }] })).toEqual([
        422,
        {
          detail: [
            {
              type: 'value_error',
              loc: ['body', 'images', 0, 'url'],
              msg: 'URLs are only accepted with the option http.acceptClientContext: send the content',
              input: url,
            },
          ],
        },
      ]);
    },
  );

  it.each<[string, object, string, string]>([
    ['whose content is not base64', { content: 'a b!', format: 'png' }, 'content', 'Input should be base64'],
    ['whose base64 is cut off', { content: 'abcde', format: 'png' }, 'content', 'Input should be base64'],
    [
      'whose base64 stands for nothing',
      { content: '====', format: 'png' },
      'content',
      'Input should be base64',
    ],
    [
      'whose content is no text',
      { content: [1], format: 'png' },
      'content',
      'Input should be a valid string',
    ],
    ['without content', { format: 'png' }, 'content', 'Field required'],
    [
      'on the disk of the server',
      { filepath: '/etc/passwd' },
      'filepath',
      "The server's own files are not read: send the content",
    ],
    [
      'with two sources',
      { content: PNG, url: 'https://example.com/a.png' },
      'url',
      'Input should have content or a url, not both',
    ],
    ...['file:///etc/passwd', 'data:image/png;base64,AAAA', 'ftp://example.com/a.png', 'a.png'].map(
      (url): [string, object, string, string] => [
        `at ${url}`,
        { url },
        'url',
        'Input should be an http or https URL of up to 2048 characters',
      ],
    ),
    [
      'of another kind',
      { content: PNG, mime_type: 'application/pdf' },
      'mime_type',
      'Input should say a type of image, by mime_type, format or filename',
    ],
    ['whose id is no text', { id: 7, content: PNG }, 'id', 'Input should be a valid string'],
  ])('are refused %s: 422', (_what, image, field, msg) => {
    const [status, body] = refusalOf({ images: [{ content: PNG }, image] }, true);
    const problems = (body as { readonly detail: readonly object[] }).detail;
    expect([status, problems.find((found) => (found as { msg: string }).msg === msg)]).toEqual([
      422,
      expect.objectContaining({ loc: ['body', 'images', 1, field], msg }),
    ]);
  });

  it.each([{ content: PNG }, { content: PNG, filename: 'a.exe' }, { content: PNG, mime_type: 'font/woff' }])(
    'are refused if their use is unclear: %j',
    (file) => {
      const [status, body] = refusalOf({ input_files: [file] });
      expect([status, body]).toMatchObject([
        422,
        { detail: [{ loc: ['body', 'input_files', 0, 'mime_type'] }] },
      ]);
    },
  );

  it.each<[string, unknown]>([
    ['not a list', { content: PNG }],
    ['not a list of objects', [PNG]],
    ['no JSON', '[{'],
    ['several fields', ['[]', '[]']],
  ])('are refused if they are %s', (_what, images) => {
    expect(refusalOf({ images })).toEqual([
      422,
      { detail: [problem('images', 'json_invalid', 'Input should be a JSON array of objects', images)] },
    ]);
  });

  it('are refused as a text in the field of uploads, where they would be lost', () => {
    const msg = 'Input should be uploaded files; input_files takes their content';
    expect(refusalOf({ files: 'hello' })).toEqual([
      422,
      { detail: [problem('files', 'value_error', msg, 'hello')] },
    ]);
  });

  it('have the limits of uploads in size and number, together with them', () => {
    const sized = (bytes: number): object => ({
      content: Buffer.alloc(bytes).toString('base64'),
      filename: 'a.png',
    });
    expect(filesOf({ images: [sized(98), sized(99), sized(100)] })).toHaveLength(3);
    expect(refusalOf({ images: [sized(101)] })).toEqual([
      413,
      expect.objectContaining({ message: 'The file "a.png" is larger than 100 bytes.' }),
    ]);
    const upload: RunFile = { id: 'u', kind: 'image', content: PNG };
    const tooMany = (): RunForm => parse({ images: [sized(1), sized(1)] }, false, [upload, upload]);
    expect(tooMany).toThrow('The request has more than 3 files.');
  });
});
