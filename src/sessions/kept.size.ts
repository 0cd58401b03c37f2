import type { z } from 'zod';

import { valueOf } from '../options/option.schemas.js';

/** A stored value with its size, measured once when it is added. */
export interface Sized<T> {
  readonly value: T;
  readonly size: number;
}

/** The latest items of a list whose total size is at most `maxSize` bytes; always includes the last item. */
export function latestWithin<T>(kept: readonly Sized<T>[], maxSize: number): readonly Sized<T>[] {
  let total = 0;
  for (let index = kept.length - 1; index >= 0; index--) {
    total += kept[index]?.size ?? 0;
    if (total > maxSize) return kept.slice(Math.min(index + 1, kept.length - 1));
  }
  return kept;
}

/** A limit of a store, as an option. */
export function limit(): z.ZodCustom<number, number> {
  return valueOf(
    'a whole number from 1 on, or Infinity',
    (value) => value === Infinity || (Number.isSafeInteger(value) && Number(value) > 0),
  );
}
