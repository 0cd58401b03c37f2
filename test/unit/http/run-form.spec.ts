import { HttpException } from '@nestjs/common';
import { describe, expect, it } from '@jest/globals';

import { parseRunForm } from '../../../src/http/run-form.js';

function parse(
  fields: Readonly<Record<string, unknown>>,
  acceptClientContext = false,
): ReturnType<typeof parseRunForm> {
  return parseRunForm(new Map(Object.entries({ message: 'hi', ...fields })), acceptClientContext);
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
  it('streams unless told otherwise, and adds nothing that was not sent', () => {
    expect(parse({})).toStrictEqual({ message: 'hi', stream: true, options: {} });
  });

  it('keeps the message as it is', () => {
    expect(parse({ message: '  two\nlines ' }).message).toBe('  two\nlines ');
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

  it('drops keys of a form that would set a prototype when somebody assigns them', () => {
    const { metadata } = parse({
      metadata: '{"__proto__":{"isAdmin":true},"a":{"__proto__":{},"b":1}}',
    }).options;
    expect(JSON.stringify(metadata)).toBe('{"a":{"b":1}}');
  });

  it('takes empty and null fields for none, as forms send them', () => {
    const empty = { session_id: '', user_id: null, metadata: '', dependencies: null, session_state: '' };
    expect(parse(empty, true).options).toStrictEqual({});
  });

  it('takes dependencies and session state only if clients may send them', () => {
    const context = { dependencies: '{"tenant":"acme"}', session_state: { step: 2 } };
    expect([parse(context, true).options, parse(context, false).options]).toStrictEqual([
      { dependencies: { tenant: 'acme' }, sessionState: { step: 2 } },
      {},
    ]);
  });

  it('does not even look at client context that it does not take', () => {
    expect(parse({ dependencies: 'no JSON', session_state: [] }).options).toStrictEqual({});
  });

  it('ignores fields that it does not know, such as those that would set the run id', () => {
    const unknown = {
      run_id: 'mine',
      agent: 'other',
      model: 'x',
      files: [],
    };
    expect(parse(unknown)).toStrictEqual({ message: 'hi', stream: true, options: {} });
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
  ])('answers 422 to %s=%j', (name, value, expected) => {
    expect(refusalOf({ [name]: value })).toEqual([422, { detail: [expected] }]);
  });

  it.each([
    ['nested so deep that no copy could be made of it', JSON.parse(`${'['.repeat(101)}${']'.repeat(101)}`)],
    ['with a key that would set a prototype', JSON.parse('{"__proto__":{"isAdmin":true}}')],
  ])('refuses JSON %s, which would cost the run its background hooks', (_what, value: unknown) => {
    const metadata = { value };
    expect(refusalOf({ metadata })).toEqual([
      422,
      { detail: [problem('metadata', 'json_invalid', 'Input should be a JSON object', metadata)] },
    ]);
  });

  it('checks client context once it takes it', () => {
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
      'message',
      'stream',
      'user_id',
    ]);
  });

  it('answers 501 to runs in the background', () => {
    expect(refusalOf({ background: 'true' })[0]).toBe(501);
    expect(parse({ background: 'false' }).message).toBe('hi');
  });
});
