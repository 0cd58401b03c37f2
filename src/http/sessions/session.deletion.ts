import { Injectable } from '@nestjs/common';

import { SessionStore, type SessionOwner } from '../../sessions/session.store.js';
import { isId } from '../forms/request.fields.js';
import { RunRecordings } from '../runs/run.recordings.js';

/** Deletes sessions with all that is known of their runs. */
@Injectable()
export class SessionDeletion {
  constructor(
    private readonly sessions: SessionStore,
    private readonly recordings: RunRecordings,
  ) {}

  /** Deletes those of the sessions that are this owner's; anybody's if there is none. */
  async delete(ids: readonly string[], owner: SessionOwner | undefined): Promise<void> {
    const possible = ids.filter(isId);
    if (possible.length === 0) return;
    this.recordings.forget(possible, owner);
    await this.sessions.delete(possible, owner);
  }
}
