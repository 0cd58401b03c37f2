import type { WireObject } from './wire-format.js';
import { millisecondsSince } from '../../model/clock.js';

/** A part of a list as the protocol shows it. */
export interface WirePage {
  readonly data: readonly WireObject[];
  readonly meta: {
    /** The first is 1. */
    readonly page: number;
    readonly limit: number;
    readonly total_pages: number;
    readonly total_count: number;
    readonly search_time_ms: number;
  };
}

/** Which part of a list was asked for, and what was found. */
export interface FoundPage {
  readonly data: readonly WireObject[];
  readonly page: number;
  readonly limit: number;
  /** How many there are in all. */
  readonly total: number;
  /** When the search began, as `performance.now()` said it. */
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
