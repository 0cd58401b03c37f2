import { Injectable } from '@nestjs/common';

import { AgentOsRuntime } from '../../agent-os.runtime.js';
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
    const isMeant = ({
      sessionId,
      userId,
    }: {
      readonly sessionId: string;
      readonly userId?: string;
    }): boolean => possible.includes(sessionId) && isOf({ userId }, owner);
    // Of a session whose first run goes on only that run is known.
    for (const run of this.runtime.inFlight.all()) if (isMeant(run.context)) run.isForgotten = true;
    this.recordings.forget(isMeant);
    const deleted = await this.sessions.delete(possible, owner);
    this.recordings.forget(({ sessionId }) => deleted.includes(sessionId));
  }
}
