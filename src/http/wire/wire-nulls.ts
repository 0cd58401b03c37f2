import type { WireObject } from './wire-format.js';

/** Removes the fields that are null, as most answers do; nulls inside of their fields stay. */
export function withoutNulls(object: WireObject): WireObject {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== null));
}
