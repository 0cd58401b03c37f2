import { types } from 'node:util';

import { isPlainRecord } from './copy-plain-data.js';
import { assignOwn } from './assign-own.js';
import { toJsonValue } from './to-json-value.js';
import { bytesOf, kindOf, typedArrayOf } from './typed-arrays.js';

/** Plain data for a `jsonb` column of PostgreSQL: queries read it, and programs get back the exact stored value. */
export interface ExactJson {
  /** For queries. U+FFFD replaces the characters that `jsonb` refuses: U+0000 and lone surrogates. */
  readonly json: string;
  /** The information that a `jsonb` column loses, in JSON; null if it loses none. */
  readonly meta: string | null;
}

/** Both parts are in the order in which a walk visits the values. */
interface Meta {
  /** The distinct lists of keys, each in the order of its records, and for each record the number of its list. */
  readonly keys?: { readonly lists: readonly (readonly string[])[]; readonly records: readonly number[] };
  /** Values that JSON cannot express: the number of the value in the walk, and the value itself. */
  readonly values?: readonly (readonly [place: number, value: Tagged])[];
}

/** A value in JSON. Values without a JSON form, and values that hold others, are lists that begin with their kind. */
type Tagged = null | boolean | number | string | readonly [kind: string, ...content: unknown[]];

/**
 * @param value - plain data as {@link copyPlainData} defines it, without cycles
 * @throws TypeError if it is no plain data
 */
export function toExactJson(value: unknown): ExactJson {
  const walk = new Walk();
  walk.visit(value);
  return { json: walk.json(value), meta: walk.meta() };
}

/** Restores the value that {@link toExactJson} was given. `json` may have the form that a `jsonb` column returns. */
export function fromExactJson({ json, meta }: ExactJson): unknown {
  const value: unknown = JSON.parse(json);
  return meta === null ? value : new Restoration(JSON.parse(meta) as Meta).restore(value);
}

/** An escape sequence of JSON text. Its group is an escape that `jsonb` refuses, in the form of `JSON.stringify()`. */
const ESCAPE = /\\(?:(u0000|ud[89a-f][0-9a-f]{2})|.)/g;

function withoutRefused(escape: string, refused: string | undefined): string {
  return refused === undefined ? escape : '\ufffd';
}

/** A trie of key lists, which compares lists without joining them: a run has many records, and few lists. */
interface KeyNode {
  next?: Map<string, KeyNode>;
  /** The number of the list that ends here; -1 if `jsonb` refuses one of its keys. */
  list?: number;
}

/** Visits each value once, and changes none. */
class Walk {
  /** Whether an object has different forms under `JSON.stringify()` and `toJsonValue()`. */
  #hasBuiltIn = false;
  #isRefusedByJsonb = false;
  #places = 0;
  /** Whether `jsonb` loses keys or changes their order. */
  #needsKeys = false;
  readonly #root: KeyNode = {};
  readonly #lists: (readonly string[])[] = [];
  readonly #records: number[] = [];
  readonly #values: [number, Tagged][] = [];

  visit(value: unknown): void {
    const place = this.#places++;
    if (!this.#isSaid(value)) this.#values.push([place, tagged(value)]);
  }

  json(value: unknown): string {
    const shown = this.#hasBuiltIn ? toJsonValue(value) : value;
    const json = (JSON.stringify(shown) as string | undefined) ?? 'null';
    return this.#isRefusedByJsonb ? json.replace(ESCAPE, withoutRefused) : json;
  }

  meta(): string | null {
    if (!this.#needsKeys && this.#values.length === 0) return null;
    const meta: Meta = {
      ...(this.#needsKeys ? { keys: { lists: this.#lists, records: this.#records } } : {}),
      ...(this.#values.length > 0 ? { values: this.#values } : {}),
    };
    return JSON.stringify(meta);
  }

  /** Whether JSON expresses the value exactly; the values inside are visited one by one. */
  #isSaid(value: unknown): boolean {
    if (typeof value === 'string') return this.#isTextSaid(value);
    if (typeof value === 'number') return Number.isFinite(value) && !Object.is(value, -0);
    if (typeof value === 'boolean' || value === null) return true;
    if (typeof value !== 'object') return false;
    if (Array.isArray(value)) return this.#isArraySaid(value);
    if (isPlainRecord(value)) return this.#isRecordSaid(value);
    this.#hasBuiltIn = true;
    this.#isRefusedByJsonb = true;
    return false;
  }

  #isTextSaid(text: string): boolean {
    if (!isRefusedText(text)) return true;
    this.#isRefusedByJsonb = true;
    return false;
  }

  #isArraySaid(array: readonly unknown[]): boolean {
    if (!isDense(array)) {
      this.#hasBuiltIn = true;
      this.#isRefusedByJsonb = true;
      return false;
    }
    for (const item of array) this.visit(item);
    return true;
  }

  #isRecordSaid(record: Readonly<Record<string, unknown>>): boolean {
    const keys = Object.keys(record);
    const list = this.#listOf(keys);
    if (list === -1) {
      this.#hasBuiltIn = true;
      this.#isRefusedByJsonb = true;
      return false;
    }
    this.#records.push(list);
    for (const key of keys) {
      const item = record[key];
      // JSON leaves out undefined.
      if (item === undefined) this.#needsKeys = true;
      this.visit(item);
    }
    return true;
  }

  #listOf(keys: readonly string[]): number {
    let node = this.#root;
    for (const key of keys) {
      const children = (node.next ??= new Map<string, KeyNode>());
      let next = children.get(key);
      if (!next) children.set(key, (next = {}));
      node = next;
    }
    return (node.list ??= this.#addList(keys));
  }

  #addList(keys: readonly string[]): number {
    if (keys.some(isRefusedText)) return -1;
    this.#needsKeys ||= !hasJsonbOrder(keys);
    return this.#lists.push(keys) - 1;
  }
}

/** Visits the values of a `jsonb` column in the order in which {@link Walk} has visited the original. */
class Restoration {
  readonly #keys: Meta['keys'];
  readonly #values: Iterator<readonly [place: number, value: Tagged], undefined>;
  #next: readonly [place: number, value: Tagged] | undefined;
  #places = 0;
  #records = 0;

  constructor({ keys, values = [] }: Meta) {
    this.#keys = keys;
    this.#values = values.values();
    this.#next = this.#values.next().value;
  }

  restore(value: unknown): unknown {
    const place = this.#places++;
    if (this.#next?.[0] === place) {
      const [, known] = this.#next;
      this.#next = this.#values.next().value;
      return untagged(known);
    }
    if (typeof value !== 'object' || value === null) return value;
    if (Array.isArray(value)) return value.map((item) => this.restore(item));
    return this.#restoreRecord(value as Readonly<Record<string, unknown>>);
  }

  #restoreRecord(record: Readonly<Record<string, unknown>>): Record<string, unknown> {
    const list = this.#keys?.records[this.#records++];
    const keys = list === undefined ? Object.keys(record) : (this.#keys?.lists[list] ?? []);
    const restored: Record<string, unknown> = {};
    for (const key of keys) {
      const item = this.restore(record[key]);
      if (key === '__proto__') assignOwn(restored, { ['__proto__']: item });
      else restored[key] = item;
    }
    return restored;
  }
}

function tagged(value: unknown): Tagged {
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return value;
  if (value === undefined) return ['undefined'];
  if (typeof value === 'number')
    return Number.isFinite(value) && !Object.is(value, -0) ? value : ['number', numberText(value)];
  if (typeof value !== 'object') throw new TypeError(`A ${typeof value} is not plain data.`);
  if (Array.isArray(value)) return taggedArray(value);
  if (types.isDate(value)) return ['date', Date.prototype.getTime.call(value)];
  if (types.isMap(value)) return ['map', ...[...Map.prototype.entries.call(value)].flat().map(tagged)];
  if (types.isSet(value)) return ['set', ...[...Set.prototype.values.call(value)].map(tagged)];
  if (types.isTypedArray(value)) return ['bytes', kindOf(value), bytesOf(value).toString('base64')];
  if (!isPlainRecord(value))
    throw new TypeError(`An instance of ${value.constructor.name} is not plain data.`);
  return ['record', ...Object.keys(value).flatMap((key) => [key, tagged(value[key])])];
}

/** Keeps holes: the items of a sparse array are stored with their indices. */
function taggedArray(array: readonly unknown[]): Tagged {
  if (isDense(array)) return ['list', ...array.map(tagged)];
  const places = Object.keys(array).filter((key) => Number.isInteger(Number(key)));
  return ['holes', array.length, ...places.flatMap((key) => [Number(key), tagged(array[Number(key)])])];
}

function untagged(value: Tagged): unknown {
  if (!Array.isArray(value)) return value;
  const [kind, ...content] = value as readonly [kind: string, ...content: Tagged[]];
  switch (kind) {
    case 'undefined':
      return undefined;
    case 'number':
      return Number(content[0]);
    case 'date':
      return new Date((content[0] as number | null) ?? NaN);
    case 'map':
      return new Map(pairs(content).map(([key, item]) => [untagged(key), untagged(item)]));
    case 'set':
      return new Set(content.map(untagged));
    case 'bytes':
      return typedArrayOf(content[0] as string, Buffer.from(content[1] as string, 'base64'));
    case 'list':
      return content.map(untagged);
    case 'record':
      return Object.fromEntries(pairs(content).map(([key, item]) => [key, untagged(item)]));
    case 'holes': {
      const [length, ...items] = content;
      const array = new Array<unknown>(Number(length));
      for (const [place, item] of pairs(items)) array[Number(place)] = untagged(item);
      return array;
    }
    default:
      throw new TypeError(`Stored data has a value of the unknown kind "${kind}".`);
  }
}

function pairs(items: readonly Tagged[]): (readonly [Tagged, Tagged])[] {
  return Array.from({ length: items.length / 2 }, (_, index) => [
    items[2 * index] ?? null,
    items[2 * index + 1] ?? null,
  ]);
}

function numberText(value: number): string {
  return Object.is(value, -0) ? '-0' : String(value);
}

function isRefusedText(text: string): boolean {
  return text.includes('\0') || !text.isWellFormed();
}

function isDense(array: readonly unknown[]): boolean {
  for (let index = 0; index < array.length; index++)
    if (array[index] === undefined && !(index in array)) return false;
  return true;
}

/** The key order of `jsonb`: by length in bytes, then byte by byte. */
function hasJsonbOrder(keys: readonly string[]): boolean {
  return keys.every((key, index) => index === 0 || compareAsJsonb(keys[index - 1] ?? '', key) < 0);
}

function compareAsJsonb(left: string, right: string): number {
  const [one, other] = [Buffer.from(left), Buffer.from(right)];
  return one.length - other.length || one.compare(other);
}
