import { inspect } from 'node:util';

import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import { fromExactJson, toExactJson } from '../../../src/data/exact-json.js';
import { anyPlainData } from '../../support/plain-data.js';

/** Tells undefined from missing, -0 from 0, one order of keys from another and one typed array from another. */
function show(value: unknown): string {
  return inspect(value, { depth: Infinity, maxArrayLength: Infinity, maxStringLength: Infinity });
}

const JSONB_REFUSES = /(?<!\\)(?:\\\\)*\\u(?:0000|d[89a-f])/;

/** What a `jsonb` column makes of JSON: other orders of keys, and of two keys that are the same the last. */
function throughJsonb(json: string): string {
  if (JSONB_REFUSES.test(json)) throw new Error(`jsonb refuses ${json}`);
  const sorted = (value: unknown): unknown => {
    if (typeof value !== 'object' || value === null) return value;
    if (Array.isArray(value)) return value.map(sorted);
    const entries = Object.entries(value).map(([key, item]) => [key, sorted(item)] as const);
    const size = (key: string): number => Buffer.byteLength(key);
    entries.sort(
      ([left], [right]) => size(left) - size(right) || Buffer.compare(Buffer.from(left), Buffer.from(right)),
    );
    return Object.fromEntries(entries);
  };
  return JSON.stringify(sorted(JSON.parse(json)));
}

function keep(value: unknown): unknown {
  const { json, meta } = toExactJson(value);
  return fromExactJson({ json: throughJsonb(json), meta });
}

describe('Exact JSON', () => {
  it('returns any plain data unchanged, after the changes that jsonb makes', () => {
    fc.assert(
      fc.property(anyPlainData, (value) => {
        expect(show(keep(value))).toBe(show(value));
      }),
      { numRuns: 300 },
    );
  });

  it.each<readonly [name: string, value: unknown]>([
    ['texts with zero bytes', ['a\0b', '\\u0000', '\\\0', '\u0001']],
    ['texts with halves of characters', ['\ud800', 'x\udfffy', '\udc00\ud800', '👋', '\\ud800']],
    ['keys that a text of JSON cannot have in jsonb', { 'a\0': 1, 'a\ufffd': 2, '\ud800': { '\0': [3] } }],
    ['the key __proto__', JSON.parse('{"b":1,"__proto__":{"isAdmin":true},"a":{"__proto__":null}}')],
    ['keys of objects', { constructor: 1, prototype: 2, toJSON: 3, hasOwnProperty: 4 }],
    ['the order of keys', { zebra: 1, b: { y: 1, x: 2 }, apple: [{ two: 2, one: 1 }], 10: 1, 9: 2 }],
    ['what is undefined', { a: undefined, b: [undefined, { c: undefined }], d: 1 }],
    ['undefined', undefined],
    ['numbers', [0, -0, { zero: -0 }, NaN, Infinity, -Infinity, 1e300, 5e-324, 2 ** 53 + 2]],
    ['dates', [new Date(0), new Date(NaN), { at: new Date('2026-01-02T03:04:05.678Z') }]],
    ['maps and sets', new Map<unknown, unknown>([[{ b: 1, a: [2] }, new Set([new Map([['\0', -0]])])]])],
    [
      'bytes',
      [Buffer.from('abc'), new Uint8Array([1, 2]), new BigInt64Array([-1n]), new Float32Array([NaN])],
    ],
    ['lists with holes', Object.assign([1], { 3: undefined, 5: [-0] })],
    ['a long list with holes', Object.assign([], { 3_000_000_000: 'last' })],
    ['lists that look like kinds', ['undefined', ['date', 0], new Set([['map', 'x']])]],
  ])('keeps %s', (_name, value) => {
    expect(show(keep(value))).toBe(show(value));
  });

  it('needs no second column for data that jsonb keeps unchanged', () => {
    const value = { a: [1, 'two', null, true], b: { c: {} }, cc: { d: -1.5, ef: 'héllo 👋' } };
    expect(toExactJson(value)).toEqual({ json: JSON.stringify(value), meta: null });
  });

  it('shows queries dates as ISO text, maps as objects, sets as lists, bytes as base64, and U+FFFD for characters that jsonb refuses', () => {
    const { json } = toExactJson({
      at: new Date(0),
      map: new Map([['k\0', 1]]),
      set: new Set(['\ud800']),
      bytes: Buffer.from('abc'),
      text: 'a\0b\\u0000',
      gone: undefined,
    });
    expect(JSON.parse(json)).toEqual({
      at: '1970-01-01T00:00:00.000Z',
      map: { 'k\ufffd': 1 },
      set: ['\ufffd'],
      bytes: 'YWJj',
      text: 'a\ufffdb\\u0000',
    });
  });

  it('gives records no prototype from the data', () => {
    const kept = keep(JSON.parse('{"x":{"__proto__":{"isAdmin":true},"a":-0}}')) as { x: object };
    expect(Object.getPrototypeOf(kept.x)).toBe(Object.prototype);
    expect(kept.x).not.toHaveProperty('isAdmin');
    expect({}).not.toHaveProperty('isAdmin');
  });

  it('refuses data that are not plain', () => {
    for (const value of [1n, () => 1, Symbol('s'), new URL('http://localhost')])
      expect(() => toExactJson({ value })).toThrow(TypeError);
  });
});
