import type { WireObject } from './wire-format.js';

/** Most answers leave out what is null; what is null inside of their fields stays. */
export function withoutNulls(object: WireObject): WireObject {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== null));
}
