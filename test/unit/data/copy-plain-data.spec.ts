import { inspect } from 'node:util';
import { runInNewContext } from 'node:vm';

import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import { PlainDataError } from '../../../src/data/plain-data.error.js';
import { copyPlainData } from '../../../src/data/copy-plain-data.js';
import { raise } from '../../support/raise.js';

class Thing {
  readonly size = 1;
}
class Stack extends Array<number> {}
class Registry extends Map<string, number> {}
class Moment extends Date {}

const TYPED_ARRAYS = [
  new Int8Array([-1, 2]),
  new Uint8Array([1, 2]),
  new Uint8ClampedArray([1, 255]),
  new Int16Array([-1, 2]),
  new Uint16Array([1, 2]),
  new Int32Array([-1, 2]),
  new Uint32Array([1, 2]),
  new Float32Array([0.5, Infinity]),
  new Float64Array([0.1, NaN]),
  new BigInt64Array([-1n, 2n]),
  new BigUint64Array([1n, 2n]),
];

const PLAIN: readonly (readonly [name: string, value: unknown])[] = [
  ['text', 'héllo'],
  ['numbers', [0, -0, 1.5, NaN, -Infinity]],
  ['booleans, null and undefined', [true, false, null, undefined]],
  ['a record with an undefined value', { present: undefined }],
  ['nested records and arrays', { list: [{ deep: [[]] }], empty: {} }],
  ['a date', new Date('2026-01-02T03:04:05.678Z')],
  ['an invalid date', new Date(NaN)],
  ['a map with record keys', new Map<unknown, unknown>([[{ id: 1 }, [new Map([['a', 1]])]]])],
  ['a set of records', new Set([{ id: 1 }, 'two'])],
  ...TYPED_ARRAYS.map((array) => [array.constructor.name, { array }] as const),
];

/** Stricter than `toEqual`: tells undefined from missing, -0 from 0 and one typed array from another, in any realm. */
function show(value: unknown): string {
  return inspect(value, { depth: Infinity, maxArrayLength: Infinity, maxStringLength: Infinity });
}

function copy<T>(value: T): T {
  return copyPlainData(value, 'data');
}

function refusalOf(value: unknown): { readonly path: string; readonly found: string } {
  try {
    copy(value);
  } catch (error) {
    if (error instanceof PlainDataError) return { path: error.path, found: error.found };
    throw error;
  }
  throw new Error('It was copied.');
}

/** Every object that can be reached, with the memory behind typed arrays. */
function reachable(value: unknown, found = new Set<unknown>()): Set<unknown> {
  if (typeof value !== 'object' || value === null || found.has(value)) return found;
  found.add(value);
  if (ArrayBuffer.isView(value)) return found.add(value.buffer);
  const children: unknown[] =
    value instanceof Map || value instanceof Set ? [...value.entries()].flat() : Object.values(value);
  for (const child of children) reachable(child, found);
  return found;
}

const plainData = fc.letrec<{ data: unknown }>((tie) => ({
  data: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.oneof(fc.string(), fc.double(), fc.boolean(), fc.constantFrom(null, undefined), fc.date()),
    fc.oneof(fc.uint8Array(), fc.float64Array(), fc.int16Array(), fc.bigUint64Array()),
    fc.array(tie('data'), { maxLength: 5 }),
    fc.dictionary(fc.string(), tie('data'), { maxKeys: 5 }),
    fc.array(fc.tuple(tie('data'), tie('data')), { maxLength: 4 }).map((entries) => new Map(entries)),
    fc.array(tie('data'), { maxLength: 4 }).map((items) => new Set(items)),
  ),
})).data;

describe('copyPlainData', () => {
  it.each(PLAIN)('copies %s', (_name, value) => {
    expect(show(copy(value))).toBe(show(structuredClone(value)));
  });

  it('copies arbitrary plain data as structuredClone does', () => {
    fc.assert(fc.property(plainData, (value) => show(copy(value)) === show(structuredClone(value))));
  });

  it('shares no object with the original', () => {
    fc.assert(
      fc.property(plainData, (value) => {
        const source = reachable(value);
        expect([...reachable(copy(value))].filter((object) => source.has(object))).toEqual([]);
      }),
    );
  });

  it('copies a Buffer to a Buffer with bytes of its own', () => {
    const source = { bytes: Buffer.from('abc') };
    const copied = copy(source);
    copied.bytes.fill('x');
    expect([Buffer.isBuffer(copied.bytes), copied.bytes.toString(), source.bytes.toString()]).toEqual([
      true,
      'xxx',
      'abc',
    ]);
  });

  it('copies only the visible memory of a typed array', () => {
    const shown = new Uint8Array(new ArrayBuffer(1_000), 10, 2);
    expect(copy(shown).buffer.byteLength).toBe(2);
  });

  it('returns ordinary records for objects without a prototype', () => {
    const bare = Object.assign(Object.create(null) as Record<string, unknown>, { a: { b: 1 } });
    const copied = copy(bare);
    expect([Object.getPrototypeOf(copied), copied]).toEqual([Object.prototype, { a: { b: 1 } }]);
  });

  it('keeps a "__proto__" key that JSON brought as a key', () => {
    const parsed: unknown = JSON.parse('{ "__proto__": { "isAdmin": true }, "name": "x" }');
    const copied = copy(parsed) as Record<string, unknown>;
    expect(JSON.stringify(copied)).toBe('{"__proto__":{"isAdmin":true},"name":"x"}');
    expect([Object.getPrototypeOf(copied), copied['isAdmin']]).toEqual([Object.prototype, undefined]);
  });

  it('copies plain data of another realm into this one', () => {
    const foreign: unknown = runInNewContext(
      '({ list: [{ a: 1 }], at: new Date(0), map: new Map([["k", {}]]), set: new Set([1]), bytes: new Uint8Array([7]) })',
    );
    const copied = copy(foreign) as Record<string, object>;
    expect(show(copied)).toBe(show(structuredClone(foreign)));
    const { list, at, map, set } = copied;
    expect([copied, list, at, map, set].map((value) => value?.constructor)).toEqual([
      Object,
      Array,
      Date,
      Map,
      Set,
    ]);
  });

  it('copies the visible data of a proxy of a record or an array', () => {
    const source = { record: new Proxy({ a: [1] }, {}), list: new Proxy([{ b: 2 }], {}) };
    expect(show(copy(source))).toBe('{ record: { a: [ 1 ] }, list: [ { b: 2 } ] }');
  });

  it('copies an object that stands in two places twice', () => {
    const shared = { n: 1 };
    const copied = copy({ one: shared, two: shared });
    copied.one.n = 2;
    expect(copied).toEqual({ one: { n: 2 }, two: { n: 1 } });
  });
});

describe('copyPlainData refuses, and names the path to', () => {
  it.each([
    ['a function', () => 1, 'a function'],
    ['a symbol', Symbol('s'), 'a symbol'],
    ['a bigint', 10n, 'a bigint'],
    ['an instance of a class', new Thing(), 'an instance of Thing'],
    ['an error', new RangeError('x'), 'an instance of RangeError'],
    ['a promise', Promise.resolve(), 'an instance of Promise'],
    ['a URL', new URL('http://example.com'), 'an instance of URL'],
    ['a regular expression', /x/, 'an instance of RegExp'],
    ['a boxed number', Object(1), 'an instance of Number'],
    ['a WeakMap', new WeakMap(), 'an instance of WeakMap'],
    ['an ArrayBuffer', new ArrayBuffer(1), 'an instance of ArrayBuffer'],
    ['a subclass of Array', new Stack(), 'an instance of Stack'],
    ['a subclass of Map', new Registry(), 'an instance of Registry'],
    ['a subclass of Date', new Moment(), 'an instance of Moment'],
    ['a subclass of a typed array', new (class Bytes extends Uint8Array {})(1), 'an instance of Bytes'],
    ['a proxy of a date', new Proxy(new Date(), {}), 'an instance of Date'],
    ['a proxy of a map', new Proxy(new Map(), {}), 'an instance of Map'],
    ['an error of another realm', runInNewContext('new Error("x")'), 'an instance of Error'],
    ['an instance of another realm', runInNewContext('new (class Other {})()'), 'an instance of Other'],
  ])('%s', (_name, offender: unknown, found) => {
    expect(refusalOf({ list: [1, { 'in the way': offender }] })).toEqual({
      path: 'data.list[1]["in the way"]',
      found,
    });
  });

  it('the value itself', () => {
    expect(refusalOf(() => 1)).toEqual({ path: 'data', found: 'a function' });
  });

  it('keys and values of maps and items of sets', () => {
    const offender = new Thing();
    const values = [
      new Map([['key', offender]]),
      new Map([[1, offender]]),
      new Map([[offender, 1]]),
      new Set([offender]),
    ];
    expect(values.map((value) => refusalOf(value).path)).toEqual([
      'data.get("key")',
      'data.get(…)',
      'data.keys()',
      'data.values()',
    ]);
  });

  it('the first of several refused values', () => {
    expect(refusalOf({ a: { b: 1n }, c: 1n, d: Symbol('s') }).path).toBe('data.a.b');
  });

  it('the reference that closes a circle', () => {
    const conversation: Record<string, unknown> = { messages: [{ text: 'hi' }, {}] };
    (conversation['messages'] as object[])[1] = { conversation };
    const map = new Map<string, unknown>();
    map.set('self', { map });
    const before = { fine: [{}], conversation };
    expect([conversation, map, before].map(refusalOf)).toEqual([
      { path: 'data.messages[1].conversation', found: 'a circular reference' },
      { path: 'data.get("self").map', found: 'a circular reference' },
      { path: 'data.conversation.messages[1].conversation', found: 'a circular reference' },
    ]);
  });

  it('the reference that closes a circle behind thousands of valid objects', () => {
    const tail: Record<string, unknown> = {};
    tail['self'] = tail;
    const many = Array.from({ length: 5_000 }, () => ({}));
    expect(refusalOf({ many, tail })).toEqual({ path: 'data.tail.self', found: 'a circular reference' });
  });

  it.each([501, 100_000])('data that is nested %d levels deep', (levels) => {
    const deep = JSON.parse('['.repeat(levels + 1) + ']'.repeat(levels + 1)) as unknown;
    expect(refusalOf(deep)).toEqual({ path: 'data', found: 'data nested more than 500 levels deep' });
  });

  it('one refused value, wherever it is planted', () => {
    const OFFENDERS = [
      () => 1,
      Symbol('s'),
      10n,
      new Thing(),
      new Stack(),
      Promise.resolve(),
      new Error('x'),
    ];
    const WRAPPERS = [
      { path: '.inner', wrap: (inner: unknown, other: unknown) => ({ other, inner, after: other }) },
      { path: '["two words"]', wrap: (inner: unknown) => ({ 'two words': inner }) },
      { path: '[1]', wrap: (inner: unknown, other: unknown) => [other, inner, other] },
      {
        path: '.get("key")',
        wrap: (inner: unknown, other: unknown) =>
          new Map([
            ['key', inner],
            ['b', other],
          ]),
      },
      { path: '.keys()', wrap: (inner: unknown, other: unknown) => new Map([[inner, other]]) },
      { path: '.values()', wrap: (inner: unknown, other: unknown) => new Set([other, inner]) },
    ];
    const places = fc.array(fc.constantFrom(...WRAPPERS), { maxLength: 8 });
    fc.assert(
      fc.property(places, plainData, fc.constantFrom(...OFFENDERS), (wrappers, other, offender) => {
        const value = wrappers.reduceRight<unknown>((inner, { wrap }) => wrap(inner, other), offender);
        expect(refusalOf(value).path).toBe(`data${wrappers.map(({ path }) => path).join('')}`);
      }),
    );
  });
});

/** A value whose own methods would hand out something else than its data. */
function withOwn<T extends object>(value: T, own: Readonly<Record<PropertyKey, unknown>>): T {
  for (const key of Reflect.ownKeys(own)) {
    Object.defineProperty(value, key, { value: own[key as string], configurable: true });
  }
  return value;
}

function revoked<T extends object>(target: T): T {
  const { proxy, revoke } = Proxy.revocable(target, {});
  revoke();
  return proxy;
}

describe('copyPlainData calls the methods of the language, not those of a value,', () => {
  const shared = new Uint8Array([1, 2]);
  class Sharing extends Uint8Array {
    static get [Symbol.species](): Uint8ArrayConstructor {
      return class {
        constructor() {
          return shared;
        }
      } as never;
    }
  }
  const own = {
    slice: () => shared,
    subarray: () => shared,
    valueOf: () => shared.buffer,
    constructor: Sharing,
  };

  it.each<[string, Uint8Array]>([
    [
      'a typed array with a slice, a valueOf and a constructor of its own',
      withOwn(new Uint8Array([7, 8]), own),
    ],
    ['a Buffer with them', withOwn(Buffer.from([7, 8]), own)],
    [
      'a typed array with an iterator of its own',
      withOwn(new Uint8Array([7, 8]), { [Symbol.iterator]: [][Symbol.iterator] }),
    ],
    ['a view of shared memory', new Uint8Array(new SharedArrayBuffer(2)).map((_, index) => index + 7)],
  ])('for %s', (_name, source) => {
    const copied = copy({ source }).source;
    expect([
      [...copied],
      Buffer.isBuffer(copied),
      copied === shared,
      copied.buffer instanceof ArrayBuffer,
    ]).toEqual([[7, 8], Buffer.isBuffer(source), false, true]);
    copied[0] = 9;
    expect([source[0], shared[0]]).toEqual([7, 1]);
  });

  it('so that a small Buffer shares no pool with other buffers', () => {
    expect(copy(Buffer.from('abc')).buffer.byteLength).toBe(3);
  });

  it('for dates, maps, sets and arrays', () => {
    const never = (): never => {
      throw new Error('It was asked.');
    };
    const methods = { [Symbol.iterator]: never, entries: never, forEach: never, map: never, slice: never };
    const source = {
      date: withOwn(new Date(5), { getTime: () => 6, valueOf: () => 6 }),
      map: withOwn(new Map([['k', { a: 1 }]]), methods),
      set: withOwn(new Set([1]), methods),
      list: withOwn([{ a: 1 }], { ...methods, constructor: Stack }),
    };
    expect(copy(source)).toEqual({
      date: new Date(5),
      map: new Map([['k', { a: 1 }]]),
      set: new Set([1]),
      list: [{ a: 1 }],
    });
  });
});

describe('copyPlainData copies unusual data:', () => {
  it('frozen data to data that are not frozen', () => {
    const copied = copy(Object.freeze({ list: Object.freeze([Object.freeze({ a: 1 })]) }));
    expect([Object.isFrozen(copied), Object.isFrozen(copied.list), Object.isFrozen(copied.list[0])]).toEqual([
      false,
      false,
      false,
    ]);
  });

  it('holes of arrays to holes, even billions of them', () => {
    const sparse: unknown[] = [1];
    sparse[2] = 3;
    const huge: unknown[] = [];
    huge[4_000_000_000] = { a: 1 };
    const copied = copy({ sparse, huge });
    expect([show(copied.sparse), Object.keys(copied.huge), copied.huge.length]).toEqual([
      '[ 1, <1 empty item>, 3 ]',
      ['4000000000'],
      4_000_000_001,
    ]);
  });

  it('without keys that are symbols, and without properties of arrays', () => {
    const key = Symbol('key');
    const source = { record: { a: 1, [key]: new Thing() }, match: 'ab'.match(/a/) };
    expect(show(copy(source))).toBe("{ record: { a: 1 }, match: [ 'a' ] }");
  });

  it('results of getters, as data', () => {
    let reads = 0;
    const copied = copy({
      get counted() {
        return { reads: ++reads };
      },
    });
    expect([copied.counted, copied.counted, reads]).toEqual([{ reads: 1 }, { reads: 1 }, 1]);
  });
});

describe('copyPlainData names the path to a value that cannot be read:', () => {
  const failing = {
    get secret(): never {
      throw new Error('The connection is closed.');
    },
  };
  const throwing = (trap: keyof ProxyHandler<object>): object =>
    new Proxy({ a: 1 }, { [trap]: () => failing.secret });

  it.each<[string, unknown, string, string]>([
    ['a getter that throws', failing, '.secret', 'The connection is closed.'],
    ['a revoked proxy', revoked({}), '', "Cannot perform 'getPrototypeOf' on a proxy that has been revoked"],
    [
      'a revoked proxy of an array',
      revoked([]),
      '',
      "Cannot perform 'getPrototypeOf' on a proxy that has been revoked",
    ],
    ['a trap for keys', throwing('ownKeys'), '', 'The connection is closed.'],
    ['a trap for values', throwing('get'), '.a', 'The connection is closed.'],
    ['a trap for prototypes', throwing('getPrototypeOf'), '', 'The connection is closed.'],
    [
      'a getter that throws no Error',
      Object.defineProperty({}, 'x', { enumerable: true, get: () => raise('text') }),
      '.x',
      'A value that is not an Error was thrown: "text"',
    ],
    [
      'a getter that throws what cannot be read',
      Object.defineProperty({}, 'x', { enumerable: true, get: () => raise(revoked({})) }),
      '.x',
      'A value that cannot be read was thrown.',
    ],
  ])('%s', (_name, offender, path, message) => {
    const found = `a value that cannot be read (${message})`;
    expect(refusalOf({ list: [offender] })).toEqual({ path: `data.list[0]${path}`, found });
    expect(refusalOf(new Map([['k', offender]]))).toEqual({ path: `data.get("k")${path}`, found });
  });

  it('a typed array whose memory was detached', () => {
    const gone = new Uint8Array(2);
    structuredClone(gone.buffer, { transfer: [gone.buffer] });
    expect(refusalOf({ gone })).toMatchObject({
      path: 'data.gone',
      found: expect.stringContaining('detached'),
    });
  });

  it('an array without an end that a proxy simulates, and getters without an end', () => {
    const endless = (): object =>
      Object.defineProperty({}, 'next', { enumerable: true, get: () => endless() });
    expect(refusalOf(endless())).toEqual({ path: 'data', found: 'data nested more than 500 levels deep' });
    const prototypes: ProxyHandler<object> = { getPrototypeOf: () => new Proxy({}, prototypes) };
    expect(refusalOf(new Proxy({}, prototypes)).path).toBe('data');
  });

  it('with the thrown value as the cause', () => {
    const cause = new Error('The connection is closed.');
    const source = Object.defineProperty({}, 'x', { enumerable: true, get: () => raise(cause) });
    expect(() => copy(source)).toThrow(expect.objectContaining({ cause }));
  });
});

describe('PlainDataError', () => {
  it('names the place, the value and the remedy', () => {
    expect(() => copyPlainData({ client: new Thing() }, 'runContext.dependencies')).toThrow(
      'Expected runContext.dependencies.client to be plain data (JSON values, Date, Map, Set, Buffer or typed arrays), ' +
        'got an instance of Thing. Remove it from the run; inject services into the hook provider instead.',
    );
  });
});
