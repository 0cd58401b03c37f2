import { types } from 'node:util';

import { withoutCredentials } from '../data/without-credentials.js';

/**
 * A value for an error message. Contents of objects are left out, as they may be user content, and the credentials of
 * URLs.
 */
export function showValue(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return JSON.stringify(withoutCredentials(value).slice(0, 100));
    case 'undefined':
      return 'undefined';
    case 'function':
      return types.isGeneratorFunction(value) ? 'a generator function' : 'a function';
    case 'object':
      if (Array.isArray(value)) return value.length === 0 ? 'an empty array' : 'an array';
      return value === null ? 'null' : 'an object';
    default:
      return `${String(value)} (${typeof value})`;
  }
}
