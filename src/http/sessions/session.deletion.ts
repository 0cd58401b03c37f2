import { Injectable } from '@nestjs/common';

import { AgentOsRuntime } from '../../agent-os.runtime.js';
import { openSessions } from '../../runs/run.memory.js';
import { isOf } from '../../sessions/session.filter.js';
import { SessionStore, type SessionOwner } from '../../sessions/session.store.js';
import { isId } from '../forms/request.fields.js';
import { RunRecordings } from '../runs/run.recordings.js';

/** Deletes sessions with all that is known of their runs. */
@Injectable()
export class SessionDeletion {
  constructor(
    private readonly runtime: AgentOsRuntime,
    private readonly sessions: SessionStore,
    private readonly recordings: RunRecordings,
  ) {}

  /** Deletes those of the sessions that are this owner's; anybody's if there is none. */
  async delete(ids: readonly string[], owner: SessionOwner | undefined): Promise<void> {
    const possible = ids.filter(isId);
    if (possible.length === 0) return;
    const isMeant = (id: string, subject: { readonly userId?: string | undefined }): boolean =>
      possible.includes(id) && isOf(subject, owner);
    // Of a session whose first run goes on only that run is known.
    const open = [...openSessions(this.runtime.inFlight.all())].filter((session) =>
      isMeant(session.id, session),
    );
    const earlier = open.flatMap(({ writes, deleted }) => (deleted ? [...writes, deleted] : [...writes]));
    const deletion = Promise.all(earlier).then(() => this.sessions.delete(possible, owner));
    for (const session of open) session.follow(deletion);
    const deleted = await deletion;
    this.recordings.forget((run) => isMeant(run.sessionId, run) || deleted.includes(run.sessionId));
  }
}
