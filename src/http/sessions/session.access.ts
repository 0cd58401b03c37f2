import { Inject, Injectable, NotFoundException } from '@nestjs/common';

import type { AgentOsExtras } from '../../agent-os.options.js';
import { EXTRAS } from '../../agent-os.tokens.js';
import { SessionStore, type StoredSession } from '../../sessions/session.store.js';
import { isId } from '../forms/request.fields.js';
import type { SessionQuery } from './session.fields.js';

/** What of a list a client may see: `null` is what belongs to nobody, left out is everything. */
export interface Ownership {
  readonly userId?: string | null;
}

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
   */
  userOf(request: object, claimed?: string): string | undefined {
    const { http } = this.extras;
    return http && http.userId ? http.userId(request as never) : claimed;
  }

  /** What of everything is the client's to see: all of it, unless somebody says who asks. */
  ownership(request: object, claimed?: string): Ownership {
    const userId = this.userOf(request, claimed);
    if (this.isHostAsked) return { userId: userId ?? null };
    return userId === undefined ? {} : { userId };
  }

  /** Whether what belongs to this owner is the client's to see. */
  maySee(request: object, owner: string | undefined, claimed?: string): boolean {
    const { userId } = this.ownership(request, claimed);
    return userId === undefined || userId === (owner ?? null);
  }

  /** The session with this id, if it exists, is what the client takes it for, and is the client's to see. */
  async find(
    request: object,
    id: string,
    { kind, claimedUser }: SessionQuery = {},
  ): Promise<StoredSession | undefined> {
    const session = isId(id) ? await this.sessions.find(id) : undefined;
    if (!session || !this.maySee(request, session.userId, claimedUser)) return undefined;
    const isOfKind = kind === undefined || (session.component?.kind ?? kind) === kind;
    return isOfKind ? session : undefined;
  }

  /**
   * Nobody continues the session of another.
   *
   * @throws NotFoundException if the session exists and is somebody else's
   */
  async refuseForeign(request: object, id: string): Promise<void> {
    if (!this.isHostAsked || !isId(id)) return;
    const session = await this.sessions.find(id);
    if (session && !this.maySee(request, session.userId)) throw sessionNotFound(id);
  }

  /** Deletes those of the sessions that are the client's to see. */
  async delete(request: object, ids: readonly string[], claimedUser?: string): Promise<void> {
    const own: string[] = [];
    for (const id of ids) if (await this.find(request, id, { claimedUser })) own.push(id);
    if (own.length > 0) await this.sessions.delete(own);
  }

  /** Whether the host says who asks, so that clients see their own only. */
  get isHostAsked(): boolean {
    const { http } = this.extras;
    return Boolean(http && http.userId);
  }
}

/** What a client reads that asks for a session that is not there, or not for it. */
export function sessionNotFound(id: string): NotFoundException {
  return new NotFoundException(`Session with id '${id}' not found`);
}
