import { types } from 'node:util';

import { PlainDataError } from './plain-data.error.js';
import { toError } from './to-error.js';
import { copyTypedArray } from './typed-arrays.js';

/**
 * A deep copy of plain data: JSON values and `undefined`, `Date`, `Map`, `Set`, `Buffer`, typed arrays.
 *
 * `structuredClone` is several times slower on run data, and the usual clone libraries share functions and class
 * instances or drop their prototypes silently. This one throws, with the path. It reads with the built-in methods, so
 * that a value with its own `slice` or iterator is copied too. Properties that JSON does not show are left out: symbol
 * keys, and properties of arrays beside their items.
 *
 * @param value - the value to copy
 * @param name - the value's name in error messages
 * @throws PlainDataError naming the path to the first value that is not plain data, or that cannot be read
 */
export function copyPlainData<T>(value: T, name: string): T {
  try {
    return copy(value, 0) as T;
  } catch (thrown) {
    throw toPlainDataError(toNotPlain(thrown), name);
  }
}

/** Deeper than any real run data: most likely a cycle. Cheaper than remembering every object on the path. */
const MAX_DEPTH = 500;
const TOO_DEEP = `data nested more than ${MAX_DEPTH} levels deep`;
/** Arrays longer than this are copied by their keys if they have holes: the holes may be billions. */
const LONG = 100_000;

/** A step from a value to one that it holds. */
interface Step {
  readonly holder: object;
  /** The place in the holder, such as `.name` or `[0]`. */
  readonly place: string;
}

/** Carries a fault up to the root of the data; each level adds its step of the path, the innermost first. */
class NotPlain extends Error {
  readonly steps: Step[] = [];

  constructor(
    readonly found: string,
    options?: ErrorOptions,
  ) {
    super(found, options);
  }
}

function copy(value: unknown, depth: number): unknown {
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') return value;
  if (value === null || value === undefined) return value;
  if (typeof value !== 'object') throw new NotPlain(describe(value));
  if (depth > MAX_DEPTH) throw new NotPlain(TOO_DEEP);
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype === Object.prototype) return copyRecord(value as Record<string, unknown>, depth);
  if (Array.isArray(value)) return copyArray(value, prototype, depth);
  if (isRecordPrototype(prototype)) return copyRecord(value as Record<string, unknown>, depth);
  return copyBuiltIn(value, prototype, depth);
}

function copyRecord(source: Record<string, unknown>, depth: number): Record<string, unknown> {
  const target: Record<string, unknown> = {};
  const keys = Object.keys(source);
  let key = '';
  try {
    for (let index = 0; index < keys.length; index++) {
      key = keys[index] as string;
      const item = copy(source[key], depth + 1);
      // Assigning to __proto__ would change the prototype instead of adding the key that JSON.parse allows.
      if (key === '__proto__') defineOwn(target, key, item);
      else target[key] = item;
    }
  } catch (thrown) {
    throw withStep(thrown, source, property(key));
  }
  return target;
}

function defineOwn(target: object, key: string, value: unknown): void {
  Object.defineProperty(target, key, { value, writable: true, enumerable: true, configurable: true });
}

function copyArray(source: readonly unknown[], prototype: unknown, depth: number): unknown[] {
  if (prototype !== Array.prototype && inheritance(prototype) !== 2) throw new NotPlain(describe(source));
  const { length } = source;
  const target = new Array<unknown>(length);
  let index = 0;
  try {
    if (length > LONG && Object.keys(source).length < length) return copySparse(source, target, depth);
    for (; index < length; index++) {
      const item = source[index];
      // A hole stays a hole.
      if (item !== undefined || index in source) target[index] = copy(item, depth + 1);
    }
  } catch (thrown) {
    throw withStep(thrown, source, `[${index}]`);
  }
  return target;
}

function copySparse(source: readonly unknown[], target: unknown[], depth: number): unknown[] {
  for (const key of Object.keys(source)) {
    const index = Number(key);
    if (Number.isInteger(index)) target[index] = copy(source[index], depth + 1);
  }
  return target;
}

function copyBuiltIn(value: object, prototype: unknown, depth: number): object {
  if (types.isTypedArray(value)) {
    const isBuffer = prototype === Buffer.prototype;
    if (!isBuffer && inheritance(prototype) !== 3) throw new NotPlain(describe(value));
    const copied = copyTypedArray(value);
    // Separate memory: `Buffer.from(bytes)` would use a pool that other code can reach.
    return isBuffer ? Buffer.from(copied.buffer) : copied;
  }
  // A copy of a subclass would lose its methods, so only the plain classes pass, of any realm.
  if (inheritance(prototype) === 2) {
    if (types.isDate(value)) return new Date(Date.prototype.getTime.call(value));
    if (types.isMap(value)) return copyMap(value, depth);
    if (types.isSet(value)) return copySet(value, depth);
  }
  throw new NotPlain(describe(value));
}

function copyMap(source: Map<unknown, unknown>, depth: number): Map<unknown, unknown> {
  const target = new Map<unknown, unknown>();
  Map.prototype.forEach.call(source, (item, key) => {
    const ownKey = copyInside(key, source, () => '.keys()', depth);
    target.set(
      ownKey,
      copyInside(item, source, () => `.get(${quoteKey(key)})`, depth),
    );
  });
  return target;
}

function copySet(source: Set<unknown>, depth: number): Set<unknown> {
  const target = new Set<unknown>();
  Set.prototype.forEach.call(source, (item) => {
    target.add(copyInside(item, source, () => '.values()', depth));
  });
  return target;
}

function copyInside(value: unknown, holder: object, place: () => string, depth: number): unknown {
  try {
    return copy(value, depth + 1);
  } catch (thrown) {
    throw withStep(thrown, holder, place());
  }
}

/** Whether an object is a plain record, which a copy keeps completely: of any realm, or without a prototype. */
export function isPlainRecord(value: object): value is Record<string, unknown> {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || isRecordPrototype(prototype);
}

/** `Object.prototype` of any realm, or none at all. */
function isRecordPrototype(prototype: unknown): boolean {
  return (
    prototype === null ||
    (inheritance(prototype) === 1 && Object.hasOwn(prototype as object, 'hasOwnProperty'))
  );
}

/** The length of the prototype chain from here, counted only as far as a subclass shows. */
function inheritance(prototype: unknown): number {
  let length = 0;
  for (let next = prototype; next !== null && length < 5; next = Object.getPrototypeOf(next)) length++;
  return length;
}

function withStep(thrown: unknown, holder: object, place: string): NotPlain {
  const notPlain = toNotPlain(thrown);
  notPlain.steps.push({ holder, place });
  return notPlain;
}

/** A getter or a proxy may throw anything. */
function toNotPlain(thrown: unknown): NotPlain {
  const error = toError(thrown);
  if (error instanceof NotPlain) return error;
  return new NotPlain(`a value that cannot be read (${error.message})`, { cause: thrown });
}

function toPlainDataError({ found, steps, cause }: NotPlain, name: string): PlainDataError {
  const path = [...steps].reverse();
  if (found !== TOO_DEEP) return new PlainDataError(pathOf(name, path), found, cause);
  const end = endOfCycle(path);
  return end === undefined
    ? new PlainDataError(name, found)
    : new PlainDataError(pathOf(name, path.slice(0, end)), 'a circular reference');
}

/** The number of steps after which the path comes back to an earlier value. */
function endOfCycle(path: readonly Step[]): number | undefined {
  const met = new Set<object>();
  const end = path.findIndex(({ holder }) => met.size === met.add(holder).size);
  return end === -1 ? undefined : end;
}

function pathOf(name: string, path: readonly Step[]): string {
  return name + path.map(({ place }) => place).join('');
}

function property(key: string): string {
  return /^[A-Za-z_$][\w$]*$/.test(key) ? `.${key}` : `[${JSON.stringify(key)}]`;
}

function quoteKey(key: unknown): string {
  return typeof key === 'string' ? JSON.stringify(key) : '…';
}

function describe(value: unknown): string {
  if (typeof value !== 'object' || value === null) return `a ${typeof value}`;
  const { constructor } = value as { constructor?: { name?: unknown } };
  const name = constructor?.name;
  return `an instance of ${typeof name === 'string' && name !== '' ? name : 'an unknown class'}`;
}
