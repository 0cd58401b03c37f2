import type { WireObject } from './wire-format.js';
import { millisecondsSince } from '../../model/clock.js';

/** A page of a list as the protocol shows it. */
export interface WirePage {
  readonly data: readonly WireObject[];
  readonly meta: {
    /** The first page is 1. */
    readonly page: number;
    readonly limit: number;
    readonly total_pages: number;
    readonly total_count: number;
    readonly search_time_ms: number;
  };
}

/** The requested page of a list, and the result of the search. */
export interface FoundPage {
  readonly data: readonly WireObject[];
  readonly page: number;
  readonly limit: number;
  /** The number of entries in the whole list. */
  readonly total: number;
  /** The start of the search, from `performance.now()`. */
  readonly startedAt: number;
}

export function toWirePage({ data, page, limit, total, startedAt }: FoundPage): WirePage {
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
