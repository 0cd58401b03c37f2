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
