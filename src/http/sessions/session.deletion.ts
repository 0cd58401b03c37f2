import { Injectable } from '@nestjs/common';

import { CoordinatedSessionStore } from '../../sessions/coordinated-session.store.js';
import { isOf } from '../../sessions/session.filter.js';
import type { SessionOwner } from '../../sessions/session.store.js';
import { isId } from '../../protocol/request.fields.js';
import { RunRecordings } from '../runs/run.recordings.js';

/** Deletes sessions with all data of their runs, and the recordings of sessions that the application deletes. */
@Injectable()
export class SessionDeletion {
  constructor(
    private readonly sessions: CoordinatedSessionStore,
    recordings: RunRecordings,
  ) {
    sessions.onDeleted(({ ids, owner, deleted }) => {
      recordings.forget(
        (run) => (ids.includes(run.sessionId) && isOf(run, owner)) || deleted.includes(run.sessionId),
      );
    });
  }

  /** Deletes those of the sessions that belong to this owner; all of them if there is no owner. */
  async delete(ids: readonly string[], owner: SessionOwner | undefined): Promise<void> {
    const possible = ids.filter(isId);
    if (possible.length > 0) await this.sessions.delete(possible, owner);
  }
}
