import { ForbiddenException, Inject, Injectable } from '@nestjs/common';

import type { AgentOsExtras, AgentOsRouteOptions } from '../../agent-os.options.js';
import { EXTRAS } from '../../agent-os.tokens.js';
import { sessionNotFound } from '../../sessions/session-not-found.js';
import { isOf } from '../../sessions/session.filter.js';
import {
  APPLICATION,
  SessionStore,
  type SessionOwner,
  type StoredSession,
} from '../../sessions/session.store.js';
import { describeUserId, isUserId } from '../../sessions/user-id.js';
import { isId } from '../../protocol/request.fields.js';
import type { SessionQuery } from '../../protocol/requests.js';

/**
 * Decides which sessions and runs a client may see. If the host identifies the user (`http.userId`), those of other
 * users look to a client as if they did not exist; otherwise the client's claim is trusted.
 */
@Injectable()
export class SessionAccess {
  readonly #users = new WeakMap<object, Promise<string | undefined>>();

  constructor(
    @Inject(EXTRAS) private readonly extras: AgentOsExtras,
    private readonly sessions: SessionStore,
  ) {}

  /**
   * The user of a request; undefined if it has none. The host is asked once per request, so that a request has one
   * user.
   *
   * @param claimed - the user that the client claims to be; ignored if the host identifies the user
   * @throws ForbiddenException for a user with the name that marks the application's own sessions
   * @throws TypeError if `http.userId` does not return a text or undefined
   */
  userOf(request: object, claimed?: string): Promise<string | undefined> {
    const { http } = this.extras;
    if (!http || !http.userId) return Promise.resolve(claimed);
    const known = this.#users.get(request) ?? askHost(http.userId, request);
    this.#users.set(request, known);
    return known;
  }

  /** The owner whose data the client may see; undefined for all owners, if no user is known. */
  async ownerFor(request: object, claimed?: string): Promise<SessionOwner | undefined> {
    const userId = await this.userOf(request, claimed);
    return this.isHostAsked ? (userId ?? null) : userId;
  }

  /** Whether the client may see the subject. */
  async maySee(request: object, subject: { readonly userId?: string | undefined }): Promise<boolean> {
    return isOf(subject, await this.ownerFor(request));
  }

  /** The session with this id, if it exists, is of the requested kind, and the client may see it. */
  async find(
    request: object,
    id: string,
    { type: kind, user_id: claimed }: SessionQuery = {},
  ): Promise<StoredSession | undefined> {
    const owner = await this.ownerFor(request, claimed);
    const session = isId(id) ? await this.sessions.find(id, owner) : undefined;
    return kind === undefined || session?.kind === kind ? session : undefined;
  }

  /**
   * Refuses to continue the session of another user.
   *
   * @throws NotFoundException if the session exists and belongs to another user
   */
  async refuseForeign(request: object, id: string): Promise<void> {
    if (!this.isHostAsked) return;
    const session = await this.sessions.open(id);
    if (session && !(await this.maySee(request, session))) throw sessionNotFound(id);
  }

  /** Whether the host identifies the user, so that clients see only their own data. */
  get isHostAsked(): boolean {
    const { http } = this.extras;
    return Boolean(http && http.userId);
  }
}

/** Refuses any other value: all users whose ids are not texts would become one user. */
async function askHost(
  userIdOf: NonNullable<AgentOsRouteOptions['userId']>,
  request: object,
): Promise<string | undefined> {
  const userId: unknown = await userIdOf(request as never);
  if (userId === undefined) return undefined;
  if (!isUserId(userId)) {
    throw new TypeError(
      `http.userId answered with ${describeUserId(userId)}. It must return the id of the user as a text that is not ` +
        'empty, undefined for a request without a user, or a promise of one of these.',
    );
  }
  if (userId === APPLICATION) throw new ForbiddenException(`No user may be called "${APPLICATION}".`);
  return userId;
}
