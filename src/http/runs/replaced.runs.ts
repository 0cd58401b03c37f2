import { Injectable } from '@nestjs/common';

import type { ComponentIdentity } from '../../model/component-identity.js';
import type { RunOutput } from '../../model/run-output.js';
import { SessionStore, type StoredRun } from '../../sessions/session.store.js';
import type { RunForm } from '../forms/run-form.js';

/** The answers that a client has dropped, because it asks a question again or asks another one in its place. */
export interface DroppedAnswers {
  /** The ids of runs whose answers the client still shows. It has dropped those after the latest of them. */
  readonly kept: ReadonlySet<string>;
  /** The id of the run with the first dropped answer, if the client names it. */
  readonly first?: string | undefined;
  /** The dropped answers if the session has none of these runs: the latest of the component, or none. */
  readonly otherwise: 'latest' | 'none';
}

/** The sizes of pages: mostly the first run or the second is the one that is looked for. */
const FIRST_PAGE = 2;
const LARGEST_PAGE = 50;
const PAGE_BYTES = 4 * 1024 * 1024;
/** Answers before the latest so many runs of a session are not looked for. */
const MOST_RUNS = 500;

/** Finds the runs that the run of a request replaces in its session. */
@Injectable()
export class ReplacedRuns {
  constructor(private readonly sessions: SessionStore) {}

  /**
   * The form with the ids of the runs whose answers the client has dropped, and of the runs below them, as `replaces`.
   *
   * @param form - of the user of the request
   * @throws errors of the store: the run must not start with a history that the client has dropped
   */
  async addTo(
    form: RunForm,
    dropped: DroppedAnswers | undefined,
    { id: componentId }: ComponentIdentity,
  ): Promise<RunForm> {
    const { owner, options } = form;
    if (!dropped || options.sessionId === undefined) return form;
    const replaces = await this.#idsOf(dropped, componentId, this.#latest(options.sessionId, owner));
    return { ...form, options: { ...options, replaces } };
  }

  /** @param latest - the runs of the session, the latest first */
  async #idsOf(
    { kept, first, otherwise }: DroppedAnswers,
    componentId: string,
    latest: AsyncIterable<StoredRun>,
  ): Promise<readonly string[]> {
    // Only ids: the runs of a whole session may be too large to be kept.
    const seen: (readonly string[])[] = [];
    for await (const run of latest) {
      if (run.parentRunId !== undefined) continue;
      if (treeOf(run.output).some((id) => kept.has(id))) return joined(seen);
      if (run.component.id !== componentId) continue;
      seen.unshift(idsOf(run));
      if (run.runId === first) return joined(seen);
    }
    return otherwise === 'latest' ? joined(seen.slice(-1)) : [];
  }

  async *#latest(sessionId: string, owner: RunForm['owner']): AsyncGenerator<StoredRun> {
    const owned = owner === undefined ? {} : { owner };
    let end: string | undefined;
    let limit = FIRST_PAGE;
    for (let read = 0; read < MOST_RUNS; limit = Math.min(limit * 4, LARGEST_PAGE)) {
      const page = { ...(end === undefined ? {} : { before: end }), limit, maxSize: PAGE_BYTES };
      const runs = await this.sessions.runs(sessionId, { ...owned, ...page });
      yield* runs.toReversed();
      if (runs.length === 0) return;
      end = runs[0]?.runId;
      read += runs.length;
    }
  }
}

/** The run, the runs below it, and those that it has replaced. */
function idsOf({ output }: StoredRun): string[] {
  return [...treeOf(output), ...(output.replaces ?? [])];
}

function joined(ids: readonly (readonly string[])[]): string[] {
  return [...new Set(ids.flat())];
}

function treeOf({ runId, memberResponses }: RunOutput): string[] {
  return [runId, ...memberResponses.flatMap(treeOf)];
}
