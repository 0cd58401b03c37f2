import { describe, expect, it } from '@jest/globals';
import { AgentOsConfigurationError } from 'nestjs-agentos';
import { z } from 'zod';

import { checkOptions } from '../../../src/options/check.options.js';
import {
  arrayOf,
  flag,
  functionOf,
  id,
  instanceOf,
  milliseconds,
  oneOf,
  optionsOf,
  text,
  valueWith,
  wholeNumber,
} from '../../../src/options/option.schemas.js';

class Engine {}

interface Options {
  readonly id: string;
  readonly name?: string;
  readonly count?: number;
  readonly timeout?: number;
  readonly isOpen?: boolean;
  readonly mode?: 'one' | 'two' | 'three';
  readonly items?: readonly object[];
  readonly call?: () => void;
  readonly engine?: Engine;
  readonly even?: number;
  readonly nested?: { readonly limits?: { readonly size: number }; readonly names?: readonly string[] };
}

const SCHEMA = optionsOf<Options>()({
  id: id(),
  name: text().optional(),
  count: wholeNumber(1).default(3),
  timeout: milliseconds(0).optional(),
  isOpen: flag().optional(),
  mode: oneOf('one', 'two', 'three').default('one'),
  items: arrayOf<object>().default([]),
  call: functionOf<() => void>().optional(),
  engine: instanceOf(Engine).optional(),
  even: valueWith<number>((value) =>
    Number(value) % 2 === 0 ? undefined : 'take an even number.',
  ).optional(),
  nested: z
    .strictObject({
      limits: z.strictObject({ size: wholeNumber(0) }).optional(),
      names: z.array(text()).describe('an array of names').readonly().optional(),
    })
    .describe('{ limits?, names? }')
    .optional(),
});

const check = (options: unknown): ReturnType<typeof checkOptions<typeof SCHEMA>> =>
  checkOptions('Thing "a"', SCHEMA, options);

describe('checkOptions()', () => {
  it('adds defaults in place of options that are missing or undefined, and leaves the given object unchanged', () => {
    const given = Object.freeze({ id: 'a', count: undefined });
    expect(check(given)).toStrictEqual({ id: 'a', count: 3, mode: 'one', items: [] });
    expect(given).toStrictEqual({ id: 'a', count: undefined });
  });

  it('passes on the values themselves, not copies', () => {
    const [items, call, engine] = [[{}], (): void => undefined, new Engine()];
    const checked = check({ id: 'a', items, call, engine });
    expect([checked.items === items, checked.call === call, checked.engine === engine]).toEqual([
      true,
      true,
      true,
    ]);
  });

  it.each<[unknown, string]>([
    [undefined, 'expected an object of options, got undefined.'],
    [[], 'expected an object of options, got an empty array.'],
    ['a', 'expected an object of options, got "a".'],
    [{}, 'expected id to be letters, digits, ".", "_" and "-", with a letter or digit first, got undefined.'],
    [{ id: 'a', name: ' ' }, 'expected name to be a text that is not empty, got " ".'],
    [{ id: 'a', count: 0 }, 'expected count to be a whole number from 1 on, got 0 (number).'],
    [{ id: 'a', count: '5' }, 'expected count to be a whole number from 1 on, got "5".'],
    [{ id: 'a', count: NaN }, 'expected count to be a whole number from 1 on, got NaN (number).'],
    [
      { id: 'a', timeout: 2 ** 31 },
      'expected timeout to be a number of milliseconds from 0 to 2147483647, got 2147483648 (number).',
    ],
    [
      { id: 'a', timeout: Infinity },
      'expected timeout to be a number of milliseconds from 0 to 2147483647, got Infinity (number).',
    ],
    [{ id: 'a', isOpen: 'yes' }, 'expected isOpen to be true or false, got "yes".'],
    [{ id: 'a', mode: 'four' }, 'expected mode to be "one", "two" or "three", got "four".'],
    [{ id: 'a', items: {} }, 'expected items to be an array, got an object.'],
    [{ id: 'a', call: null }, 'expected call to be a function, got null.'],
    [{ id: 'a', engine: Engine }, 'expected engine to be an instance of an Engine, got a function.'],
    [{ id: 'a', even: 3 }, 'take an even number.'],
    [{ id: 'a', nested: 3 }, 'expected nested to be { limits?, names? }, got 3 (number).'],
    [
      { id: 'a', nested: { limits: { size: -1 } } },
      'expected nested.limits.size to be a whole number from 0 on, got -1 (number).',
    ],
    [
      { id: 'a', nested: { names: ['x', ''] } },
      'expected nested.names[1] to be a text that is not empty, got "".',
    ],
    [{ id: 'a', nested: { names: 'x' } }, 'expected nested.names to be an array of names, got "x".'],
    [{ id: 'a', nested: { limit: 1 } }, 'unknown option "limit" in nested. Known options: limits, names.'],
  ])('names for %j the wrong option and the reason', (options, problem) => {
    expect(() => check(options)).toThrow(new AgentOsConfigurationError(`Thing "a": ${problem}`));
  });

  it('names an unknown option first, since a misspelled name explains why another one is missing', () => {
    expect(() => check({ Id: 'a' })).toThrow(
      'Thing "a": unknown option "Id". Known options: id, name, count, timeout, isOpen, mode, items, call, engine, even, nested.',
    );
  });

  it('adds a hint to the message about an unknown option alone', () => {
    const schema = z.strictObject({ size: wholeNumber(1) });
    const of = (options: object) => () => checkOptions('Thing', schema, options, 'Look elsewhere.');
    expect(of({ sise: 1 })).toThrow('Thing: unknown option "sise". Known options: size. Look elsewhere.');
    expect(of({ size: 0 })).toThrow('Thing: expected size to be a whole number from 1 on, got 0 (number).');
  });
});
