import { types } from 'node:util';

import { PlainDataError } from '../errors/plain-data.error.js';

/**
 * A deep copy of plain data: JSON values and `undefined`, `Date`, `Map`, `Set`, `Buffer`, typed arrays.
 *
 * `structuredClone` is several times slower on run data, and the usual clone libraries share functions and class
 * instances or drop their prototypes without a word. This one refuses, and says where.
 *
 * @param value - what to copy
 * @param name - how the value is called in error messages
 * @throws PlainDataError naming the path to the first value that is not plain data
 */
export function copyPlainData<T>(value: T, name: string): T {
  try {
    return copy(value, 0) as T;
  } catch (error) {
    if (!(error instanceof NotPlain)) throw error;
    if (error.value === TOO_DEEP) throw tooDeep(value, name);
    throw new PlainDataError(pathTo(error.value, value, name, new Set()) ?? name, error.found);
  }
}

/** Deeper than any real run data: a cycle, most likely. Cheaper than remembering every object on the way. */
const MAX_DEPTH = 500;
const TOO_DEEP = Symbol('too deep');

/** Carries what was found up to where its path can be told. */
class NotPlain extends Error {
  constructor(
    readonly value: unknown,
    readonly found: string,
  ) {
    super(found);
  }
}

function copy(value: unknown, depth: number): unknown {
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') return value;
  if (value === null || value === undefined) return value;
  if (typeof value !== 'object') throw new NotPlain(value, describe(value));
  if (depth > MAX_DEPTH) throw new NotPlain(TOO_DEEP, '');
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype === Object.prototype) return copyRecord(value as Record<string, unknown>, depth);
  if (Array.isArray(value)) return copyArray(value, prototype, depth);
  if (isRecordPrototype(prototype)) return copyRecord(value as Record<string, unknown>, depth);
  return copyBuiltIn(value, prototype, depth);
}

function copyRecord(source: Record<string, unknown>, depth: number): Record<string, unknown> {
  const target: Record<string, unknown> = {};
  const keys = Object.keys(source);
  for (let index = 0; index < keys.length; index++) {
    const key = keys[index] as string;
    const item = copy(source[key], depth + 1);
    // Assigning to __proto__ would change the prototype instead of adding the key that JSON.parse allows.
    if (key === '__proto__') defineOwn(target, key, item);
    else target[key] = item;
  }
  return target;
}

function defineOwn(target: object, key: string, value: unknown): void {
  Object.defineProperty(target, key, { value, writable: true, enumerable: true, configurable: true });
}

function copyArray(source: readonly unknown[], prototype: unknown, depth: number): unknown[] {
  if (prototype !== Array.prototype && inheritance(prototype) !== 2)
    throw new NotPlain(source, describe(source));
  const target = new Array<unknown>(source.length);
  for (let index = 0; index < source.length; index++) target[index] = copy(source[index], depth + 1);
  return target;
}

function copyBuiltIn(value: object, prototype: unknown, depth: number): object {
  if (Buffer.isBuffer(value)) return Buffer.from(value);
  if (types.isTypedArray(value) && inheritance(prototype) === 3) return value.slice();
  // A subclass would lose its own methods, so only the plain classes pass; of any realm.
  if (inheritance(prototype) === 2) {
    if (types.isDate(value)) return new Date(value.getTime());
    if (types.isMap(value)) return copyMap(value, depth);
    if (types.isSet(value)) return copySet(value, depth);
  }
  throw new NotPlain(value, describe(value));
}

function copyMap(source: Map<unknown, unknown>, depth: number): Map<unknown, unknown> {
  const target = new Map<unknown, unknown>();
  for (const [key, item] of source) target.set(copy(key, depth + 1), copy(item, depth + 1));
  return target;
}

function copySet(source: Set<unknown>, depth: number): Set<unknown> {
  const target = new Set<unknown>();
  for (const item of source) target.add(copy(item, depth + 1));
  return target;
}

/** `Object.prototype` of any realm, or none at all. */
function isRecordPrototype(prototype: unknown): boolean {
  return (
    prototype === null ||
    (inheritance(prototype) === 1 && Object.hasOwn(prototype as object, 'hasOwnProperty'))
  );
}

/** How many prototypes there are from this one on. */
function inheritance(prototype: unknown): number {
  let length = 0;
  for (let next = prototype; next !== null; next = Object.getPrototypeOf(next)) length++;
  return length;
}

/** Looked for only once the copy has failed, so that a copy that succeeds pays nothing for the path. */
function pathTo(wanted: unknown, value: unknown, path: string, seen: Set<unknown>): string | undefined {
  if (Object.is(value, wanted)) return path;
  if (typeof value !== 'object' || value === null || seen.has(value)) return undefined;
  seen.add(value);
  for (const [childPath, child] of childrenOf(value, path)) {
    const found = pathTo(wanted, child, childPath, seen);
    if (found !== undefined) return found;
  }
  return undefined;
}

function tooDeep(value: unknown, name: string): PlainDataError {
  const cycle = pathToCycle(value, name, new Set(), new Set());
  return cycle === undefined
    ? new PlainDataError(name, `data nested more than ${MAX_DEPTH} levels deep`)
    : new PlainDataError(cycle, 'a circular reference');
}

function pathToCycle(
  value: unknown,
  path: string,
  ancestors: Set<unknown>,
  done: Set<unknown>,
): string | undefined {
  if (typeof value !== 'object' || value === null || done.has(value)) return undefined;
  if (ancestors.has(value)) return path;
  // Data from a client may be nested far deeper than the stack can follow.
  if (ancestors.size > 2 * MAX_DEPTH) return undefined;
  ancestors.add(value);
  for (const [childPath, child] of childrenOf(value, path)) {
    const found = pathToCycle(child, childPath, ancestors, done);
    if (found !== undefined) return found;
  }
  ancestors.delete(value);
  done.add(value);
  return undefined;
}

function* childrenOf(value: object, path: string): Generator<[path: string, child: unknown]> {
  if (Array.isArray(value)) {
    for (const [index, child] of value.entries()) yield [`${path}[${index}]`, child];
  } else if (types.isMap(value)) {
    for (const [key, child] of value) {
      yield [`${path}.keys()`, key];
      yield [`${path}.get(${typeof key === 'string' ? JSON.stringify(key) : '…'})`, child];
    }
  } else if (types.isSet(value)) {
    for (const child of value) yield [`${path}.values()`, child];
  } else if (!ArrayBuffer.isView(value)) {
    for (const [key, child] of Object.entries(value)) yield [property(path, key), child];
  }
}

function property(path: string, key: string): string {
  return /^[A-Za-z_$][\w$]*$/.test(key) ? `${path}.${key}` : `${path}[${JSON.stringify(key)}]`;
}

function describe(value: unknown): string {
  if (typeof value !== 'object' || value === null) return `a ${typeof value}`;
  const { constructor } = value as { constructor?: { name?: unknown } };
  const name = constructor?.name;
  return `an instance of ${typeof name === 'string' && name !== '' ? name : 'an unknown class'}`;
}
