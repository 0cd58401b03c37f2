import { types } from 'node:util';

import { PlainDataError } from './plain-data.error.js';
import { copyPlainData, isPlainRecord } from './copy-plain-data.js';

/** Returns the replacement, in a copy, of an object that cannot be copied. */
type OpaqueHandler = (value: unknown, path: string) => unknown;

/**
 * A copy to compare with later. Functions, symbols and big integers cannot be changed: they
 * are kept, as are cycles.
 *
 * @throws PlainDataError naming the path to an object that may be changed unnoticed, such as an instance of a class
 */
export function copyToCompare<T>(value: T, name: string): T {
  return copyLeniently(value, name, (_value, path) => {
    throw new PlainDataError(path, 'a value whose changes cannot be detected');
  });
}

/** A copy to restore from. Objects that cannot be copied are shared with it. */
export function copyToKeep<T>(value: T): T {
  return copyLeniently(value, '', (opaque) => opaque);
}

function copyLeniently<T>(value: T, name: string, onOpaque: OpaqueHandler): T {
  try {
    return copyPlainData(value, name);
  } catch (thrown) {
    if (!(thrown instanceof PlainDataError)) throw thrown;
    return new LenientCopy(onOpaque).of(value, name, 0) as T;
  }
}

/** Deeper than any real run data. */
const MAX_DEPTH = 500;

/** Slower than `copyPlainData`, as it remembers every object: for the few runs that hold other data. */
class LenientCopy {
  readonly #copies = new Map<unknown, unknown>();
  readonly #onOpaque: OpaqueHandler;
  /** The error of the handler: it ends the whole copy. */
  #refusal: unknown;

  constructor(onOpaque: OpaqueHandler) {
    this.#onOpaque = onOpaque;
  }

  of(value: unknown, path: string, depth: number): unknown {
    if (typeof value !== 'object' || value === null) return value;
    if (this.#copies.has(value)) return this.#copies.get(value);
    try {
      if (depth <= MAX_DEPTH) return this.#ofObject(value, path, depth + 1);
    } catch (thrown) {
      if (thrown === this.#refusal) throw thrown;
    }
    return this.#opaque(value, path);
  }

  #opaque(value: unknown, path: string): unknown {
    try {
      return this.#onOpaque(value, path);
    } catch (thrown) {
      this.#refusal = thrown;
      throw thrown;
    }
  }

  #ofObject(value: object, path: string, depth: number): unknown {
    if (Array.isArray(value)) return this.#ofKeys(value, [], path, depth);
    if (types.isMap(value)) {
      const target = this.#remember(value, new Map<unknown, unknown>());
      Map.prototype.forEach.call(value, (item, key) => {
        target.set(this.of(key, `${path}.keys()`, depth), this.of(item, `${path}.get(…)`, depth));
      });
      return target;
    }
    if (types.isSet(value)) {
      const target = this.#remember(value, new Set<unknown>());
      Set.prototype.forEach.call(value, (item) => target.add(this.of(item, `${path}.values()`, depth)));
      return target;
    }
    if (isPlainRecord(value)) return this.#ofKeys(value, {}, path, depth);
    return this.#remember(value, copyPlainData(value, ''));
  }

  #ofKeys(source: object, empty: object, path: string, depth: number): object {
    const target = this.#remember(source, empty);
    for (const key of Object.keys(source)) {
      const value = this.#ofProperty(source, key, `${path}.${key}`, depth);
      Object.defineProperty(target, key, { value, writable: true, enumerable: true, configurable: true });
    }
    return target;
  }

  #ofProperty(source: object, key: string, path: string, depth: number): unknown {
    let value: unknown;
    try {
      value = Reflect.get(source, key);
    } catch {
      // Only this property cannot be read: the others can be copied.
      return this.#opaque(undefined, path);
    }
    return this.of(value, path, depth);
  }

  #remember<T extends object>(source: object, target: T): T {
    this.#copies.set(source, target);
    return target;
  }
}
