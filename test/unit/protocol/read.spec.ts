import { afterEach, describe, expect, it } from '@jest/globals';
import { UnprocessableEntityException } from '@nestjs/common';
import { z } from 'zod';

import { read, RequestProblems } from '../../../src/protocol/read.js';
import {
  choices,
  flag,
  id,
  keptObject,
  text,
  texts,
  wholeNumber,
} from '../../../src/protocol/request.fields.js';

const SCHEMA = z.object({
  name: id(),
  active: flag().default(true),
  size: wholeNumber(1, 10).default(5),
  ids: texts().optional(),
  kinds: choices(['one', 'two']).optional(),
  state: keptObject().optional(),
});

const fieldsOf = (fields: object): ReadonlyMap<string, unknown> => new Map(Object.entries(fields));

/** The errors of fields that are refused. */
function problemsOf(fields: object, ignored: readonly string[] = []): readonly object[] {
  try {
    read(SCHEMA, fieldsOf({ name: 'a', ...fields }), ['body'], ignored);
  } catch (error) {
    if (error instanceof UnprocessableEntityException)
      return (error.getResponse() as { readonly detail: readonly object[] }).detail;
    throw error;
  }
  return [];
}

afterEach(() => {
  z.config({ ...z.locales.en(), customError: undefined });
});

describe('read()', () => {
  it('fills in defaults, and leaves out fields that are missing, empty or not in the schema', () => {
    const fields = { name: 'a', size: '', ids: null, other: 1, constructor: 2 };
    expect(read(SCHEMA, fieldsOf(fields), ['body'])).toStrictEqual({ name: 'a', active: true, size: 5 });
  });

  it('reads texts of forms as the values that JSON would have', () => {
    const fields = { name: 'a', active: 'no', size: '+7', state: '{"a":1}' };
    expect(read(SCHEMA, fieldsOf(fields), ['body'])).toStrictEqual({
      name: 'a',
      active: false,
      size: 7,
      state: { a: 1 },
    });
  });

  it('reports one error for each wrong field, with its place and the value that was sent', () => {
    expect(
      problemsOf({ name: '', active: 'maybe', size: '11', ids: [], kinds: ['three'], state: '[]' }),
    ).toEqual([
      { type: 'missing', loc: ['body', 'name'], msg: 'Field required', input: '' },
      {
        type: 'bool_parsing',
        loc: ['body', 'active'],
        msg: 'Input should be a valid boolean, unable to interpret input',
        input: 'maybe',
      },
      {
        type: 'value_error',
        loc: ['body', 'size'],
        msg: 'Input should be a whole number from 1 to 10',
        input: '11',
      },
      {
        type: 'list_type',
        loc: ['body', 'ids'],
        msg: 'Input should be a list of strings that is not empty',
        input: [],
      },
      {
        type: 'list_type',
        loc: ['body', 'kinds'],
        msg: 'Input should be a list that is not empty, of one, two',
        input: ['three'],
      },
      { type: 'json_invalid', loc: ['body', 'state'], msg: 'Input should be a JSON object', input: '[]' },
    ]);
  });

  it.each([
    ['1.5', 'int_parsing'],
    ['1e1', 'int_parsing'],
    ['0x1', 'int_parsing'],
    [1e300, 'int_parsing'],
    [Number.NaN, 'int_parsing'],
    [true, 'int_parsing'],
    [['1'], 'int_parsing'],
    [0, 'value_error'],
  ])('refuses %p as a whole number', (size, type) => {
    expect(problemsOf({ size })).toMatchObject([{ type, loc: ['body', 'size'] }]);
  });

  it.each([
    ['x'.repeat(256), 'string_too_long'],
    [`${'x'.repeat(300)}\0`, 'string_too_long'],
    ['a\0b', 'string_too_long'],
    ['a\ud800', 'string_unicode'],
    [7, 'string_type'],
  ])('reports one error for an id that no store can keep', (name, type) => {
    expect(problemsOf({ name })).toMatchObject([{ type, loc: ['body', 'name'] }]);
  });

  it('refuses keys of an object that no store can keep', () => {
    const msg = 'Input should have keys of up to 255 characters without zero bytes';
    for (const key of ['a\0', 'x'.repeat(256)])
      expect(problemsOf({ state: { [key]: 1 } })).toMatchObject([{ type: 'value_error', msg }]);
  });

  it('does not validate a field that the client may not send', () => {
    expect(problemsOf({ state: 'no JSON' }, ['state'])).toEqual([]);
  });

  it('has one short error for a list with very many wrong items', () => {
    const problems = problemsOf({ ids: Array.from({ length: 100_000 }, () => 1) });
    expect(problems).toMatchObject([{ loc: ['body', 'ids'], input: null }]);
  });

  it('has the same messages in a host that has set another language for zod', () => {
    const wrong = { name: 7, active: 'x', size: 'x', ids: 1, kinds: 1, state: 1 };
    const problems = problemsOf(wrong);
    z.config({ ...z.locales.de(), customError: () => 'Falsch.' });
    expect(problemsOf(wrong)).toEqual(problems);
    expect(problems).toHaveLength(6);
  });
});

describe('RequestProblems', () => {
  it('keep the first hundred errors', () => {
    const problems = new RequestProblems();
    const schema = z.object({ name: text() });
    for (let index = 0; index < 200; index++)
      expect(problems.read(schema, fieldsOf({ name: index }), ['body', 'list', index])).toBeUndefined();
    const { detail } = problems.toException().getResponse() as { readonly detail: readonly object[] };
    expect(detail).toHaveLength(100);
    expect(detail.at(-1)).toMatchObject({ loc: ['body', 'list', 99, 'name'], input: 99 });
  });

  it('refuses an object with more than 100,000 values at any depth, as JSON and as text', () => {
    const stateOf = (count: number): object => ({ list: Array.from({ length: count - 1 }, () => ({})) });
    const problem = {
      type: 'value_error',
      loc: ['body', 'state'],
      msg: 'Input should have at most 100,000 values',
      input: null,
    };
    const state = stateOf(100_001);
    expect(problemsOf({ state })).toEqual([problem]);
    const [{ input, ...asText } = {} as Record<string, unknown>] = problemsOf({
      state: JSON.stringify(state),
    }) as Record<string, unknown>[];
    expect([asText, String(input).length]).toEqual([
      { type: problem.type, loc: problem.loc, msg: problem.msg },
      1_001,
    ]);
    expect(problemsOf({ state: stateOf(100_000) })).toEqual([]);
  });
});
