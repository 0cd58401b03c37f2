/** A value for an error message. Contents of objects are left out, as they may be user content. */
export function showValue(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return JSON.stringify(value.slice(0, 100));
    case 'undefined':
      return 'undefined';
    case 'function':
      return 'a function';
    case 'object':
      return value === null ? 'null' : Array.isArray(value) ? 'an array' : 'an object';
    default:
      return `${String(value)} (${typeof value})`;
  }
}
