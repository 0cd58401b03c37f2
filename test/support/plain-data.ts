import fc from 'fast-check';

/** Texts with every UTF-16 unit, zero bytes and halves of characters among them. */
const anyText = fc.oneof(
  fc.string({ unit: 'grapheme' }),
  fc
    .array(fc.oneof(fc.constantFrom(0, 0x5c, 0x75, 0xd800, 0xdfff), fc.integer({ min: 0, max: 0xffff })), {
      maxLength: 8,
    })
    .map((units) => String.fromCharCode(...units)),
);

const anyKey = fc.oneof(
  anyText,
  fc.constantFrom('__proto__', 'constructor', 'toJSON', 'a', 'b', 'aa', '1', '10', '\0', '\ufffd'),
);

/** Any plain data: values of JSON, undefined, -0, NaN, dates, maps, sets, bytes and lists with holes, under any keys. */
export const anyPlainData = fc.letrec<{ data: unknown }>((tie) => ({
  data: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.oneof(
      anyText,
      fc.double(),
      fc.integer(),
      fc.boolean(),
      fc.constantFrom(null, undefined, -0),
      fc.date(),
    ),
    fc.oneof(fc.uint8Array(), fc.float64Array(), fc.bigUint64Array(), fc.uint8Array().map(Buffer.from)),
    fc.array(tie('data'), { maxLength: 5 }),
    fc.sparseArray(tie('data'), { maxLength: 8, maxNumElements: 3 }),
    fc.array(fc.tuple(anyKey, tie('data')), { maxLength: 5 }).map(Object.fromEntries),
    fc.array(fc.tuple(tie('data'), tie('data')), { maxLength: 4 }).map((entries) => new Map(entries)),
    fc.array(tie('data'), { maxLength: 4 }).map((items) => new Set(items)),
  ),
})).data;
