import { assignOwn } from './assign-own.js';
import { copyPlainData, isPlainRecord } from './copy-plain-data.js';

/** How data is built: for each record the number of its keys, then each key before its value; for each array its length. */
type Structure = readonly Part[];
type Part = string | number | null;

/** A value without parts: it is in the list of values. */
const VALUE = null;

/** Records have their number of keys, arrays the complement of their length. */
const MAX_LENGTH = 1_000;

/** How many structures are remembered to be shared. */
const REMEMBERED = 8;

/** A copy of plain data as one list of its values, beside the structure that tells how they belong together. */
export class PackedData<T> {
  readonly #structure: Structure;
  readonly #values: readonly unknown[];

  /** Made by a {@link DataPacker}. */
  constructor(structure: Structure, values: readonly unknown[]) {
    this.#structure = structure;
    this.#values = values;
  }

  /** The data, as a copy that belongs to the caller. */
  read(): T {
    return new Unpacking(this.#structure, this.#values).next() as T;
  }
}

/**
 * Packs plain data that is kept for long: a list of values costs the garbage collector far less than dozens of objects.
 * Data of one kind, such as runs, mostly have one structure, which they share.
 */
export class DataPacker {
  readonly #latest: Structure[] = [];
  #oldest = 0;

  /** @param value - is not changed later; values that are neither records nor arrays, such as maps, are not copied now */
  pack<T>(value: T): PackedData<T> {
    const structure: Part[] = [];
    const values: unknown[] = [];
    take(value, structure, values);
    if (structure.length > MAX_LENGTH) return new PackedData([VALUE], [value]);
    return new PackedData(this.#share(structure), values);
  }

  #share(structure: Structure): Structure {
    const known = this.#latest.find((other) => isSame(structure, other));
    if (known) return known;
    this.#latest[this.#oldest] = structure;
    this.#oldest = (this.#oldest + 1) % REMEMBERED;
    return structure;
  }
}

function take(value: unknown, structure: Part[], values: unknown[]): void {
  if (typeof value === 'object' && value !== null && structure.length <= MAX_LENGTH) {
    if (isPlainRecord(value)) {
      const keys = Object.keys(value);
      structure.push(keys.length);
      for (const key of keys) {
        structure.push(key);
        take(value[key], structure, values);
      }
      return;
    }
    if (isDenseArray(value)) {
      structure.push(~value.length);
      for (const item of value) take(item, structure, values);
      return;
    }
  }
  structure.push(VALUE);
  values.push(value);
}

/** Others, such as arrays with holes, stay as they are. */
function isDenseArray(value: object): value is readonly unknown[] {
  if (!Array.isArray(value) || value.length > MAX_LENGTH) return false;
  for (let index = 0; index < value.length; index++)
    if (value[index] === undefined && !(index in value)) return false;
  return true;
}

function isSame(one: Structure, other: Structure): boolean {
  if (one.length !== other.length) return false;
  for (let index = 0; index < one.length; index++) if (one[index] !== other[index]) return false;
  return true;
}

/** Builds data again. */
class Unpacking {
  readonly #structure: Structure;
  readonly #values: readonly unknown[];
  #part = 0;
  #value = 0;

  constructor(structure: Structure, values: readonly unknown[]) {
    this.#structure = structure;
    this.#values = values;
  }

  next(): unknown {
    const part = this.#structure[this.#part++];
    if (typeof part !== 'number') return copyPlainData(this.#values[this.#value++], 'value');
    return part < 0 ? this.#array(~part) : this.#record(part);
  }

  #array(length: number): unknown[] {
    return Array.from({ length }, () => this.next());
  }

  #record(keys: number): Record<string, unknown> {
    const record: Record<string, unknown> = {};
    for (let count = 0; count < keys; count++) {
      const key = this.#structure[this.#part++] as string;
      // Assigning to __proto__ would change the prototype instead of adding the key that JSON.parse allows.
      if (key === '__proto__') assignOwn(record, { [key]: this.next() });
      else record[key] = this.next();
    }
    return record;
  }
}
