import { Injectable } from '@nestjs/common';

import { CoordinatedSessionStore } from '../../sessions/coordinated-session.store.js';
import { isOf } from '../../sessions/session.filter.js';
import type { SessionOwner } from '../../sessions/session.store.js';
import { isId } from '../../protocol/request.fields.js';
import { ChatRecordings } from '../chat/chat.recordings.js';
import type { RecordedRun } from '../runs/run.recording.js';
import { RunRecordings } from '../runs/run.recordings.js';

/** Deletes sessions with all data of their runs, and the recordings of sessions that the application deletes. */
@Injectable()
export class SessionDeletion {
  constructor(
    private readonly sessions: CoordinatedSessionStore,
    recordings: RunRecordings,
    chats: ChatRecordings,
  ) {
    sessions.onDeleted(({ ids, owner, deleted }) => {
      const isDeleted = (run: RecordedRun): boolean =>
        (ids.includes(run.sessionId) && isOf(run, owner)) || deleted.includes(run.sessionId);
      recordings.forget(isDeleted);
      chats.forget(isDeleted);
    });
  }

  /** Deletes those of the sessions that belong to this owner; all of them if there is no owner. */
  async delete(ids: readonly string[], owner: SessionOwner | undefined): Promise<void> {
    const possible = ids.filter(isId);
    if (possible.length > 0) await this.sessions.delete(possible, owner);
  }
}
