import { types } from 'node:util';

/** A view of bytes: all but `DataView`. */
type TypedArray = NodeJS.TypedArray;
type TypedArrayConstructor = new (source: TypedArray | ArrayBuffer) => TypedArray;

/** The prototype of all typed arrays: it ignores own properties of a single array. */
const INHERITED = Object.getPrototypeOf(Uint8Array.prototype) as object;

const CONSTRUCTORS = new Map<unknown, TypedArrayConstructor>(
  Object.entries({
    Int8Array,
    Uint8Array,
    Uint8ClampedArray,
    Int16Array,
    Uint16Array,
    Int32Array,
    Uint32Array,
    Float32Array,
    Float64Array,
    BigInt64Array,
    BigUint64Array,
  } as unknown as Readonly<Record<string, TypedArrayConstructor>>),
);

/**
 * Copies a typed array into separate memory. Its own `slice`, `constructor` or iterator is not called.
 *
 * @throws TypeError if its type is unknown
 */
export function copyTypedArray(source: TypedArray): TypedArray {
  const kind: unknown = Reflect.get(INHERITED, Symbol.toStringTag, source);
  const constructor = CONSTRUCTORS.get(kind);
  if (!constructor) throw new TypeError(`${String(kind)} is not supported`);
  return new constructor(source);
}

/** The name of its built-in class; that of a `Buffer` is `Buffer`. */
export function kindOf(source: TypedArray): string {
  return Buffer.isBuffer(source) ? 'Buffer' : String(Reflect.get(INHERITED, Symbol.toStringTag, source));
}

/**
 * A typed array of a kind that {@link kindOf} returned, in separate memory.
 *
 * @throws TypeError if the kind is unknown
 */
export function typedArrayOf(kind: string, bytes: Buffer): TypedArray {
  const memory = new Uint8Array(bytes).buffer;
  if (kind === 'Buffer') return Buffer.from(memory);
  const constructor = CONSTRUCTORS.get(kind);
  if (!constructor) throw new TypeError(`${kind} is not supported`);
  return new constructor(memory);
}

/** The bytes that a typed array or a `DataView` shows. Shared, not copied. */
export function bytesOf(view: ArrayBufferView): Buffer {
  const inherited = types.isTypedArray(view) ? INHERITED : DataView.prototype;
  const read = (name: string): unknown => Reflect.get(inherited, name, view);
  return Buffer.from(
    read('buffer') as ArrayBuffer,
    read('byteOffset') as number,
    read('byteLength') as number,
  );
}
