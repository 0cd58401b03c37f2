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
import { isId } from '../forms/request.fields.js';
import type { SessionQuery } from './session.fields.js';

/**
 * Who may see what. If the host says who asks (`http.userId`), what belongs to others is for a client exactly like
 * what does not exist; if it does not, clients are believed.
 */
@Injectable()
export class SessionAccess {
  readonly #users = new WeakMap<object, Promise<string | undefined>>();

  constructor(
    @Inject(EXTRAS) private readonly extras: AgentOsExtras,
    private readonly sessions: SessionStore,
  ) {}

  /**
   * Who asks; undefined is nobody. The host is asked once for each request, so that one request is of one user.
   *
   * @param claimed - who the client says it is, which counts only if the host does not say it
   * @throws ForbiddenException for a user who is called like the owner of the application's own sessions
   * @throws TypeError if `http.userId` answers with anything but a text or undefined
   */
  userOf(request: object, claimed?: string): Promise<string | undefined> {
    const { http } = this.extras;
    if (!http || !http.userId) return Promise.resolve(claimed);
    const known = this.#users.get(request) ?? askHost(http.userId, request);
    this.#users.set(request, known);
    return known;
  }

  /** Whose things are the client's to see; undefined is everybody's, unless somebody says who asks. */
  async ownerFor(request: object, claimed?: string): Promise<SessionOwner | undefined> {
    const userId = await this.userOf(request, claimed);
    return this.isHostAsked ? (userId ?? null) : userId;
  }

  /** Whether this is the client's to see. */
  async maySee(request: object, subject: { readonly userId?: string | undefined }): Promise<boolean> {
    return isOf(subject, await this.ownerFor(request));
  }

  /** The session with this id, if it exists, is what the client takes it for, and is the client's to see. */
  async find(
    request: object,
    id: string,
    { kind, claimedUser }: SessionQuery = {},
  ): Promise<StoredSession | undefined> {
    const owner = await this.ownerFor(request, claimedUser);
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
    if (session && !(await this.maySee(request, session))) throw sessionNotFound(id);
  }

  /** Whether the host says who asks, so that clients see their own only. */
  get isHostAsked(): boolean {
    const { http } = this.extras;
    return Boolean(http && http.userId);
  }
}

/** Any other answer would make one user of all those whose ids are no texts. */
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
