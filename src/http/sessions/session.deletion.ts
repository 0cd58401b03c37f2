import { Injectable } from '@nestjs/common';

import { isOf } from '../../sessions/session.filter.js';
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
    const isMeant = (id: string, subject: { readonly userId?: string | undefined }): boolean =>
      possible.includes(id) && isOf(subject, owner);
    const deleted = await this.sessions.delete(possible, owner);
    this.recordings.forget((run) => isMeant(run.sessionId, run) || deleted.includes(run.sessionId));
  }
}
