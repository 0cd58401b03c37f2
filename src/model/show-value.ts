/** A value as an error message names it. What is in an object is left out: it may be content. */
export function showValue(value: unknown): string {
  if (value === undefined || value === null) return String(value);
  if (typeof value === 'function') return 'a function';
  if (typeof value === 'object') return Array.isArray(value) ? 'an array' : 'an object';
  if (typeof value === 'string') return JSON.stringify(value.slice(0, 100));
  // A number, a truth value, a bigint or a symbol.
  return `${String(value as symbol)} (${typeof value})`;
}
