import { describe, expect, it } from '@jest/globals';

import { toJsonValue } from '../../../src/data/to-json-value.js';
import { raise } from '../../support/raise.js';

const throwing = (): object =>
  Object.defineProperty({ fine: 1 }, 'broken', { enumerable: true, get: () => raise(new Error('closed')) });

function revoked(target: object): object {
  const { proxy, revoke } = Proxy.revocable(target, {});
  revoke();
  return proxy;
}

describe('toJsonValue()', () => {
  it.each<[string, unknown, unknown]>([
    ['a getter that throws', throwing(), { fine: 1, broken: '[unreadable]' }],
    ['a revoked proxy', [revoked({}), revoked([])], ['[unreadable]', '[unreadable]']],
    [
      'an instance without a constructor',
      Object.create(Object.create(Object.create(null) as object) as object),
      '[unreadable]',
    ],
    ['a map with a revoked key', new Map([[revoked({}), 1]]), { '[unreadable]': 1 }],
  ])('names %s by its kind, and shows the rest', (_name, value, expected) => {
    expect(toJsonValue({ value, rest: 1 })).toEqual({ value: expected, rest: 1 });
  });

  it('calls the methods of the language, not those of a value', () => {
    const asked = (): never => raise(new Error('It was asked.'));
    const own = {
      map: asked,
      forEach: asked,
      entries: asked,
      toISOString: asked,
      getTime: asked,
      [Symbol.iterator]: asked,
    };
    const date = Object.assign(new Date(0), own);
    const value = {
      date,
      list: Object.assign([1], own),
      map: Object.assign(new Map([['k', 1]]), own),
      set: Object.assign(new Set([1]), own),
      bytes: Object.defineProperty(new Uint8Array([1]), 'buffer', { value: new ArrayBuffer(8) }),
      view: new DataView(new Uint8Array([1, 2]).buffer, 1),
    };
    expect(toJsonValue(value)).toEqual({
      date: '1970-01-01T00:00:00.000Z',
      list: [1],
      map: { k: 1 },
      set: [1],
      bytes: 'AQ==',
      view: 'Ag==',
    });
  });

  it.each([1_000, 100_000])(
    'ends, and returns valid JSON, for data that are nested %d levels deep',
    (levels) => {
      const deep = JSON.parse('['.repeat(levels + 1) + ']'.repeat(levels + 1)) as unknown;
      expect(JSON.stringify(toJsonValue(deep))).toContain('[nested too deep]');
    },
  );

  it('does not write out the holes of an array', () => {
    const huge: unknown[] = [];
    huge[4_000_000_000] = 1;
    expect(toJsonValue({ huge })).toEqual({ huge: '[sparse array]' });
  });
});
