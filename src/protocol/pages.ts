import { z } from 'zod';

import { millisecondsSince } from '../model/clock.js';
import { named } from './schema.js';

/** Maximum size of one page of runs, sessions or evaluations as JSON. One entry may be larger. */
export const MAX_PAGE_MIB = 16;

const PageMeta = named(
  'PageMeta',
  'The position of a page in its list.',
  z.object({
    page: z.int().describe('The first page is 1.'),
    limit: z.int().describe('Maximum number of entries on a page.'),
    total_pages: z.int(),
    total_count: z.int().describe('Number of entries on all pages.'),
    search_time_ms: z.number().describe('Milliseconds.'),
  }),
);

/** A page of a list. */
export interface WirePage<T> {
  readonly data: readonly T[];
  readonly meta: z.infer<typeof PageMeta>;
}

/** The schema of a page of these entries. */
export function pageOf<T>(name: string, description: string, entry: z.ZodType<T>): z.ZodType<WirePage<T>> {
  return named(name, description, z.object({ data: z.array(entry), meta: PageMeta }));
}

/** The requested page of a list, and the result of the search. */
export interface FoundPage<T> {
  readonly data: readonly T[];
  readonly page: number;
  readonly limit: number;
  /** The number of entries in the whole list. */
  readonly total: number;
  /** The start of the search, from `performance.now()`. */
  readonly startedAt: number;
}

export function toWirePage<T>({ data, page, limit, total, startedAt }: FoundPage<T>): WirePage<T> {
  return {
    data,
    meta: {
      page,
      limit,
      total_pages: Math.ceil(total / limit),
      total_count: total,
      search_time_ms: Number(millisecondsSince(startedAt).toFixed(3)),
    },
  };
}
