import { Injectable } from '@nestjs/common';
import type { z } from 'zod';

import { isRecord } from '../../data/is-record.js';
import type { ComponentIdentity } from '../../model/component-identity.js';
import type { RunOutput } from '../../model/run-output.js';
import type { chatRequest } from '../../protocol/ui-messages.js';
import { SessionStore, type StoredRun } from '../../sessions/session.store.js';
import type { RunForm } from '../forms/run-form.js';

type Regeneration = Pick<z.output<typeof chatRequest>, 'trigger' | 'messageId' | 'messages'>;

const PAGE = 50;
const PAGE_BYTES = 4 * 1024 * 1024;
/** Answers before the latest so many runs of a session are not looked for. */
const MOST_RUNS = 500;

/** Finds the runs whose answers a chat client drops when it asks a question again. */
@Injectable()
export class ReplacedRuns {
  constructor(private readonly sessions: SessionStore) {}

  /**
   * The ids of the runs that the run of a request replaces: the answer that the client names, else the first after the
   * last answer that it sends, else the latest of the component; and all runs since, as the client drops them, too.
   *
   * @param form - of the user of the request
   */
  async of(
    { trigger, messageId, messages }: Regeneration,
    { id: componentId }: ComponentIdentity,
    { owner, options: { sessionId } }: RunForm,
  ): Promise<readonly string[]> {
    if (trigger !== 'regenerate-message' || sessionId === undefined) return [];
    const kept = latestAnswer(messages);
    const seen: StoredRun[] = [];
    for await (const run of this.#latest(sessionId, owner)) {
      if (run.runId === kept) return idsOf(seen);
      if (run.component.id !== componentId || run.parentRunId !== undefined) continue;
      seen.unshift(run);
      if (run.runId === messageId) return idsOf(seen);
    }
    return idsOf(seen.slice(-1));
  }

  /** The runs of a session, the latest first. */
  async *#latest(sessionId: string, owner: RunForm['owner']): AsyncGenerator<StoredRun> {
    const owned = owner === undefined ? {} : { owner };
    let end: string | undefined;
    for (let read = 0; read < MOST_RUNS;) {
      const page = { ...(end === undefined ? {} : { before: end }), limit: PAGE, maxSize: PAGE_BYTES };
      const runs = await this.sessions.runs(sessionId, { ...owned, ...page });
      yield* runs.toReversed();
      if (runs.length === 0) return;
      end = runs[0]?.runId;
      read += runs.length;
    }
  }
}

/** The id of the last message of the assistant, which is the id of its run. */
function latestAnswer(messages: readonly unknown[]): unknown {
  return messages.filter(isRecord).findLast(({ role }) => role === 'assistant')?.['id'];
}

/** The runs, the runs below them, and those that they have replaced. */
function idsOf(runs: readonly StoredRun[]): string[] {
  const ids = runs.flatMap(({ output }) => [...treeOf(output), ...(output.replaces ?? [])]);
  return [...new Set(ids)];
}

function treeOf({ runId, memberResponses }: RunOutput): string[] {
  return [runId, ...memberResponses.flatMap(treeOf)];
}
