import type { PlainRecord } from '../../model/run-context.js';

/** Levels of nesting in JSON that a client may send. */
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

/**
 * Whether a JSON text has at most so many objects, arrays and commas. Texts of files may be large, but what is around
 * them is not: millions of empty objects fit into a small text, and would stop the process while they are parsed.
 */
export function isSimple(text: string, maximum: number): boolean {
  let count = 0;
  for (let at = 0; at < text.length; at++) {
    const character = text[at];
    if (character === '"') at = endOfString(text, at);
    else if (character === '{' || character === '[' || character === ',') count++;
    if (count > maximum) return false;
  }
  return true;
}

/** The position of the quote that ends the string; the end of the text if there is none. */
function endOfString(text: string, start: number): number {
  for (let end = text.indexOf('"', start + 1); end >= 0; end = text.indexOf('"', end + 1)) {
    let slashes = 0;
    while (text[end - 1 - slashes] === '\\') slashes++;
    if (slashes % 2 === 0) return end;
  }
  return text.length;
}

/** Characters of a value that are sent back to whoever has sent it. */
const MAX_ECHO = 1_000;

/** A value as an error may show it: a long text is cut, and what is large or deep is left out. */
export function echoOf(value: unknown): unknown {
  if (typeof value === 'string') return value.length > MAX_ECHO ? `${value.slice(0, MAX_ECHO)}…` : value;
  if (typeof value !== 'object' || value === null) return value;
  return isShallow(value) && JSON.stringify(value).length <= MAX_ECHO ? value : null;
}

/** What is no JSON is null, which is never what was asked for. */
export function parseJson(text: string): unknown {
  try {
    // A key that sets a prototype when it is assigned has no business in run data.
    return JSON.parse(text, (key, value: unknown) => (key === '__proto__' ? undefined : value)) as unknown;
  } catch {
    return null;
  }
}

/** An array, of whatever. */
export function isArray(value: unknown): value is readonly unknown[] {
  return Array.isArray(value);
}

/** An object of JSON. */
export function isPlainObject(value: unknown): value is PlainRecord {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
