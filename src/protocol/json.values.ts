import { isRecord } from '../data/is-record.js';

/** Maximum nesting of JSON from clients. */
const MAX_DEPTH = 100;

/** Deeper data, or a key that sets a prototype, could not be copied: the run would lose its background hooks. */
export function isShallow(value: unknown, depth = 0): boolean {
  if (typeof value !== 'object' || value === null) return true;
  return (
    depth < MAX_DEPTH &&
    !Object.hasOwn(value, '__proto__') &&
    Object.values(value).every((item) => isShallow(item, depth + 1))
  );
}

/** Maximum values in a JSON object from clients. A megabyte of empty objects would take a second to copy and to store. */
export const MAX_VALUES = 100_000;

/** Whether a value has at most {@link MAX_VALUES} values in it, at any depth. */
export function hasFewValues(value: unknown): boolean {
  let count = 0;
  const rest: unknown[] = [value];
  while (rest.length > 0) {
    const item = rest.pop();
    if (typeof item !== 'object' || item === null) continue;
    const values: readonly unknown[] = Object.values(item);
    count += values.length;
    if (count > MAX_VALUES) return false;
    for (const inner of values) rest.push(inner);
  }
  return true;
}

const PART = /["{[,]/g;

/**
 * Whether a JSON text has at most this many objects, arrays, texts and commas. The texts of files may be large, but
 * the JSON around them is not: millions of empty objects fit into a small text, and parsing them would block the
 * process.
 */
export function isSimple(text: string, maximum: number): boolean {
  PART.lastIndex = 0;
  for (let count = 0; count <= maximum; count++) {
    const part = PART.exec(text);
    if (!part) return true;
    if (part[0] === '"') PART.lastIndex = endOfString(text, part.index) + 1;
  }
  return false;
}

/** The position of the closing quote of a string; the end of the text if there is none. */
function endOfString(text: string, start: number): number {
  for (let end = text.indexOf('"', start + 1); end >= 0; end = text.indexOf('"', end + 1)) {
    let slashes = 0;
    while (text[end - 1 - slashes] === '\\') slashes++;
    if (slashes % 2 === 0) return end;
  }
  return text.length;
}

/** Parses a text. The result is null if it is no JSON: no caller accepts null as a value. */
export function parseJson(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text);
    dropPrototypes(value);
    return value;
  } catch {
    return null;
  }
}

/**
 * Removes keys that would set a prototype when they are assigned: run data must not have them. Data that is too deep
 * is refused anyway. A reviver of `JSON.parse` would do the same, but takes many times as long for long arrays.
 */
function dropPrototypes(value: unknown, depth = 0): void {
  if (typeof value !== 'object' || value === null || depth > MAX_DEPTH) return;
  if (Object.hasOwn(value, '__proto__')) delete (value as { __proto__?: unknown }).__proto__;
  for (const item of Object.values(value)) dropPrototypes(item, depth + 1);
}

/** Whether a value is an array, with elements of any type. */
export function isArray(value: unknown): value is readonly unknown[] {
  return Array.isArray(value);
}

/** Whether a value is an object with fields: neither a list nor bytes. */
export function hasFields(value: unknown): value is Readonly<Record<string, unknown>> {
  return isRecord(value) && !Buffer.isBuffer(value);
}

/**
 * The bytes of a JSON value as text, without those of escapes: slightly too low. Stops counting beyond the maximum.
 */
export function sizeOfJson(value: unknown, maximum: number): number {
  let size = 0;
  // No recursion: the depth of the value has not been checked yet.
  const rest: unknown[] = [value];
  while (rest.length > 0 && size <= maximum) {
    const item = rest.pop();
    if (typeof item === 'string') size += Buffer.byteLength(item);
    else if (Array.isArray(item)) {
      size += item.length;
      for (const inner of item) rest.push(inner);
    } else if (isRecord(item)) {
      for (const [key, inner] of Object.entries(item)) {
        if (inner === undefined) continue;
        size += Buffer.byteLength(key) + 4;
        rest.push(inner);
      }
    } else size += String(item).length;
  }
  return size;
}
