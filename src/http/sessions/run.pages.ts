import { Injectable } from '@nestjs/common';

import { MAX_PAGE_MIB } from '../../protocol/pages.js';
import { SessionStore, type StoredRun, type StoredRunFilter } from '../../sessions/session.store.js';

/** Maximum bytes of JSON of the runs in one page, unless a single run has more. */
const MAX_BYTES = MAX_PAGE_MIB * 1024 * 1024;

/** The page of a list of runs that a client wants. */
export interface RunPageQuery {
  /** Id of the run before which the page ends; undefined for the latest runs. */
  readonly before?: string | undefined;
  readonly limit: number;
}

/** A page of a list of runs. */
export interface RunPage {
  /** The oldest first. */
  readonly items: readonly RunPageItem[];
  /** The value of `before` for the previous page; undefined if there is none. */
  readonly next: string | undefined;
}

/** A run and its JSON value in a page. */
export interface RunPageItem {
  readonly run: StoredRun;
  readonly json: string;
}

/** Reads the runs of sessions page by page, so that a session of any size takes a limited amount of memory. */
@Injectable()
export class RunPages {
  constructor(private readonly sessions: SessionStore) {}

  /**
   * The latest runs of a session, or those before a run: as many as are wanted, but not more than 16 MiB of JSON,
   * and at least one.
   *
   * @param show - returns the JSON value of a run; undefined if the run is left out
   */
  async read(
    sessionId: string,
    { before, limit }: RunPageQuery,
    filter: Omit<StoredRunFilter, 'before' | 'limit' | 'maxSize'>,
    show: (run: StoredRun) => unknown,
  ): Promise<RunPage> {
    const items: RunPageItem[] = [];
    let bytes = 0;
    let end = before;
    for (;;) {
      const runs = await this.sessions.runs(sessionId, {
        ...filter,
        ...(end === undefined ? {} : { before: end }),
        limit: limit + 1 - items.length,
        maxSize: Math.max(1, MAX_BYTES - bytes),
      });
      for (const run of runs.toReversed()) {
        end = run.runId;
        const shown = show(run);
        if (shown === undefined) continue;
        const item = toItem(run, shown);
        bytes += Buffer.byteLength(item.json);
        // One run beyond the page shows that there are more.
        if (items.length === limit || (items.length > 0 && bytes > MAX_BYTES))
          return { items: items.toReversed(), next: items.at(-1)?.run.runId };
        items.push(item);
      }
      if (runs.length === 0) return { items: items.toReversed(), next: undefined };
    }
  }
}

/** The page of a session that is not stored yet. */
export const NO_RUNS: RunPage = { items: [], next: undefined };

/** The latest page, with runs that were in flight before it was read; they may have settled in the meantime. */
export function withRunning(
  { items, next }: RunPage,
  running: readonly StoredRun[],
  show: (run: StoredRun) => unknown,
): RunPage {
  const others = running.filter(({ runId }) => items.every(({ run }) => run.runId !== runId));
  return { items: [...items, ...others.map((run) => toItem(run, show(run)))], next };
}

/** A run as an item of a page. */
function toItem(run: StoredRun, shown: unknown): RunPageItem {
  return { run, json: JSON.stringify(shown) };
}
