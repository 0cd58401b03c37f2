import { types } from 'node:util';

import { isPlainRecord } from '../data/copy-plain-data.js';

/** The replacements for values while run data is copied. */
export interface Replacements {
  text(text: string): string;
  number(number: number | bigint): number | bigint | string;
  /** Called for values that cannot be searched: bytes, functions, instances of classes. */
  opaque(): void;
}

/**
 * Copies run data and replaces every text, number and record key. An object that is referenced twice is copied once,
 * so data may be circular; values that cannot be searched are not copied.
 */
export class DataCopy {
  readonly #replacements: Replacements;
  readonly #copies = new Map<object, object>();

  constructor(replacements: Replacements) {
    this.#replacements = replacements;
  }

  of<T>(value: T): T {
    return this.#copy(value, 0) as T;
  }

  #copy(value: unknown, depth: number): unknown {
    if (typeof value === 'string') return this.#replacements.text(value);
    if (typeof value === 'number' || typeof value === 'bigint') return this.#replacements.number(value);
    if (typeof value === 'function' || typeof value === 'symbol') this.#replacements.opaque();
    if (typeof value !== 'object' || value === null) return value;
    if (depth > MAX_DEPTH) throw new Error(`Run data is nested more than ${MAX_DEPTH} levels deep.`);
    const known = this.#copies.get(value);
    if (known) return known;
    if (Array.isArray(value)) return this.#copyArray(value, depth);
    if (types.isMap(value)) return this.#copyMap(value, depth);
    if (types.isSet(value)) return this.#copySet(value, depth);
    if (isPlainRecord(value)) return this.#copyRecord(value, depth);
    if (!types.isDate(value)) this.#replacements.opaque();
    return value;
  }

  #copyArray(source: readonly unknown[], depth: number): unknown[] {
    const target: unknown[] = [];
    this.#copies.set(source, target);
    for (const item of source) target.push(this.#copy(item, depth + 1));
    return target;
  }

  #copyMap(source: ReadonlyMap<unknown, unknown>, depth: number): Map<unknown, unknown> {
    const target = new Map<unknown, unknown>();
    this.#copies.set(source, target);
    for (const [key, item] of source) {
      const name = this.#copy(key, depth + 1);
      const free = typeof name === 'string' ? freeName(name, (other) => target.has(other)) : name;
      target.set(free, this.#copy(item, depth + 1));
    }
    return target;
  }

  #copySet(source: ReadonlySet<unknown>, depth: number): Set<unknown> {
    const target = new Set<unknown>();
    this.#copies.set(source, target);
    for (const item of source) target.add(this.#copy(item, depth + 1));
    return target;
  }

  #copyRecord(source: object, depth: number): object {
    const target = Object.create(Object.getPrototypeOf(source) as object | null) as object;
    this.#copies.set(source, target);
    for (const [key, item] of Object.entries(source)) {
      const name = freeName(this.#replacements.text(key), (other) => Object.hasOwn(target, other));
      const value = this.#copy(item, depth + 1);
      // Assigning to __proto__ would change the prototype instead of adding the key that JSON.parse allows.
      Object.defineProperty(target, name, { value, writable: true, enumerable: true, configurable: true });
    }
    return target;
  }
}

/** Deeper than any real run data. */
const MAX_DEPTH = 500;

/** A key that is still free: two keys with the same masked name must not be merged. */
function freeName(name: string, isTaken: (name: string) => boolean): string {
  let free = name;
  for (let number = 2; isTaken(free); number++) free = `${name} (${number})`;
  return free;
}
