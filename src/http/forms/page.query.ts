import type { FieldReader } from './field.reader.js';

/** The page of a list that a client wants. */
export interface PageQuery {
  /** The first page is 1. */
  readonly page: number;
  readonly limit: number;
  readonly offset: number;
  readonly sortBy: (typeof SORT_FIELDS)[keyof typeof SORT_FIELDS];
  readonly sortOrder: 'asc' | 'desc';
}

const DEFAULT_LIMIT = 20;
const MAX_LIMIT = 1_000;
/** Far beyond any list, and still exact when it is multiplied. */
export const MAX_PAGE = 1_000_000_000;

const SORT_FIELDS = { created_at: 'createdAt', updated_at: 'updatedAt', name: 'name' } as const;
const SORT_NAMES = Object.keys(SORT_FIELDS) as (keyof typeof SORT_FIELDS)[];

/** Reads `limit`, `page`, `sort_by` and `sort_order`. */
export function readPage(reader: FieldReader): PageQuery {
  const limit = reader.integer('limit', { minimum: 1, maximum: MAX_LIMIT }) ?? DEFAULT_LIMIT;
  // The protocol allows page 0, which is the first page too.
  const page = Math.max(1, reader.integer('page', { minimum: 0, maximum: MAX_PAGE }) ?? 1);
  return {
    page,
    limit,
    offset: (page - 1) * limit,
    sortBy: SORT_FIELDS[reader.choice('sort_by', SORT_NAMES) ?? 'created_at'],
    sortOrder: reader.choice('sort_order', ['asc', 'desc']) ?? 'desc',
  };
}
