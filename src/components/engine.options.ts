import type { z } from 'zod';

import { valueOf, wholeNumber } from '../options/option.schemas.js';
import { Engine } from './engine.js';

/** An engine, as an option of components. */
export function engineOption<T>(): z.ZodCustom<T, T> {
  return valueOf<T>(
    'a function or an Engine',
    (value) => typeof value === 'function' || value instanceof Engine,
  );
}

/** How many earlier runs of the session an engine's messages begin with. */
export function historyRunsOption(): z.ZodDefault<z.ZodType<number, number>> {
  return wholeNumber(0).default(10);
}
