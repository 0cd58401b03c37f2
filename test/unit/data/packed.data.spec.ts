import { inspect, isDeepStrictEqual } from 'node:util';

import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import { copyPlainData } from '../../../src/data/copy-plain-data.js';
import { DataPacker } from '../../../src/data/packed.data.js';

const leaf = fc.oneof(
  fc.string(),
  fc.double(),
  fc.integer(),
  fc.boolean(),
  fc.constantFrom(null, undefined, ''),
  fc.date(),
  fc.uint8Array({ maxLength: 5 }),
);
const key = fc.oneof(fc.string(), fc.constantFrom('a', 'b', '__proto__', '0', '1', 'length', 'constructor'));
const { data } = fc.letrec<{ data: unknown }>((tie) => ({
  data: fc.oneof(
    { depthSize: 'small' },
    leaf,
    fc.array(tie('data'), { maxLength: 4 }),
    fc.dictionary(key, tie('data'), { maxKeys: 4, noNullPrototype: false }),
    fc.sparseArray(tie('data'), { maxNumElements: 3 }),
    fc.array(fc.tuple(fc.string(), tie('data')), { maxLength: 3 }).map((entries) => new Map(entries)),
    fc.array(tie('data'), { maxLength: 3 }).map((items) => new Set(items)),
  ),
}));

function shown(value: unknown): string {
  return inspect(value, { depth: null, showHidden: false, maxArrayLength: null, maxStringLength: null });
}

/** The objects in a value that it could share with another one. */
function objectsIn(value: unknown, found = new Set<object>()): Set<object> {
  if (typeof value !== 'object' || value === null || found.has(value)) return found;
  found.add(value);
  const items: unknown[] = value instanceof Map ? [...value].flat() : value instanceof Set ? [...value] : [];
  for (const item of [...items, ...Object.values(value)]) objectsIn(item, found);
  return found;
}

describe('Packed data', () => {
  it('are read as the copies that copyPlainData makes, whatever was packed before', () => {
    const packer = new DataPacker();
    fc.assert(
      fc.property(fc.array(data, { minLength: 1, maxLength: 6 }), (values) => {
        const packed = values.map((value) => packer.pack(value));
        for (const [index, value] of values.entries()) {
          const read = packed[index]?.read();
          expect(shown(read)).toBe(shown(copyPlainData(value, 'value')));
          expect(isDeepStrictEqual(read, copyPlainData(value, 'value'))).toBe(true);
        }
      }),
      { numRuns: 300 },
    );
  });

  it('share no object with what was packed, nor with what was read before', () => {
    const packer = new DataPacker();
    fc.assert(
      fc.property(data, (value) => {
        const packed = packer.pack(value);
        const given = objectsIn(value);
        const first = objectsIn(packed.read());
        for (const object of objectsIn(packed.read()))
          expect(given.has(object) || first.has(object)).toBe(false);
      }),
    );
  });

  it('are exact for data of many different structures, and for those that are too long to be packed', () => {
    const packer = new DataPacker();
    const values = Array.from({ length: 30 }, (_, count) => ({
      [`key${count % 11}`]: Array(count).fill(count),
    }));
    const long = { items: Array.from({ length: 2_000 }, (_, index) => ({ index })) };
    const wide = Object.fromEntries(Array.from({ length: 900 }, (_, index) => [`key${index}`, { index }]));
    for (const value of [...values, long, wide, ...values])
      expect(packer.pack<unknown>(value).read()).toStrictEqual(value);
  });
});
