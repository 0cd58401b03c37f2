import { ForbiddenException, Inject, Injectable } from '@nestjs/common';

import type { AgentOsExtras } from '../../agent-os.options.js';
import { EXTRAS } from '../../agent-os.tokens.js';
import { sessionNotFound } from '../../runs/run.session.js';
import { isOf } from '../../sessions/session.filter.js';
import {
  APPLICATION,
  SessionStore,
  type SessionOwner,
  type StoredSession,
} from '../../sessions/session.store.js';
import { isId } from '../forms/request.fields.js';
import type { SessionQuery } from './session.fields.js';

/**
 * Who may see what. If the host says who asks (`http.userId`), what belongs to others is for a client exactly like
 * what does not exist; if it does not, clients are believed.
 */
@Injectable()
export class SessionAccess {
  constructor(
    @Inject(EXTRAS) private readonly extras: AgentOsExtras,
    private readonly sessions: SessionStore,
  ) {}

  /**
   * Who asks; undefined is nobody.
   *
   * @param claimed - who the client says it is, which counts only if the host does not say it
   * @throws ForbiddenException for a user who is called like the owner of the application's own sessions
   */
  userOf(request: object, claimed?: string): string | undefined {
    const { http } = this.extras;
    if (!http || !http.userId) return claimed;
    const userId = http.userId(request as never);
    if (userId === APPLICATION) throw new ForbiddenException(`No user may be called "${APPLICATION}".`);
    return userId;
  }

  /** Whose things are the client's to see; undefined is everybody's, unless somebody says who asks. */
  ownerFor(request: object, claimed?: string): SessionOwner | undefined {
    const userId = this.userOf(request, claimed);
    return this.isHostAsked ? (userId ?? null) : userId;
  }

  /** Whether this is the client's to see. */
  maySee(request: object, subject: { readonly userId?: string | undefined }): boolean {
    return isOf(subject, this.ownerFor(request));
  }

  /** The session with this id, if it exists, is what the client takes it for, and is the client's to see. */
  async find(
    request: object,
    id: string,
    { kind, claimedUser }: SessionQuery = {},
  ): Promise<StoredSession | undefined> {
    const owner = this.ownerFor(request, claimedUser);
    const session = isId(id) ? await this.sessions.find(id, owner) : undefined;
    return kind === undefined || session?.kind === kind ? session : undefined;
  }

  /**
   * Nobody continues the session of another.
   *
   * @throws NotFoundException if the session exists and is somebody else's
   */
  async refuseForeign(request: object, id: string): Promise<void> {
    if (!this.isHostAsked) return;
    const session = await this.sessions.open(id);
    if (session && !this.maySee(request, session)) throw sessionNotFound(id);
  }

  /** Whether the host says who asks, so that clients see their own only. */
  get isHostAsked(): boolean {
    const { http } = this.extras;
    return Boolean(http && http.userId);
  }
}
