import { Inject, NotFoundException, Param, Req, Res } from '@nestjs/common';

import { SESSION_ROUTES } from '../../protocol/routes.js';
import type { ResolvedAgentOsOptions } from '../../agent-os.options.js';
import { RESOLVED_OPTIONS } from '../../agent-os.tokens.js';
import { sessionNotFound } from '../../sessions/session-not-found.js';
import { changesOf } from '../../sessions/session.changes.js';
import { SessionStore, type SessionUpdate, type StoredSession } from '../../sessions/session.store.js';
import { AgentOsRoutes, Handles } from '../agent-os-route.decorator.js';
import { CLIENT_CONTEXT, type SessionQuery } from '../../protocol/requests.js';
import { readBody, readQuery, type FieldRequest } from '../forms/read-request.js';
import { ProtocolResponder } from '../protocol.responder.js';
import type { WireSessionDetails } from '../../protocol/sessions.js';
import { SessionAccess } from './session.access.js';
import { SessionDeletion } from './session.deletion.js';
import { contentOf } from './session.content.js';
import { SessionPresenter } from './session.presenter.js';

/** Shows, renames, changes and deletes a session. */
@AgentOsRoutes()
export class SessionController {
  constructor(
    @Inject(RESOLVED_OPTIONS) private readonly options: ResolvedAgentOsOptions,
    private readonly sessions: SessionStore,
    private readonly access: SessionAccess,
    private readonly deletion: SessionDeletion,
    private readonly presenter: SessionPresenter,
    private readonly responder: ProtocolResponder,
  ) {}

  @Handles(SESSION_ROUTES.show)
  async show(
    @Param('session_id') id: string,
    @Req() request: FieldRequest,
    @Res() response: object,
  ): Promise<void> {
    const query = readQuery(request, SESSION_ROUTES.show);
    const session = await this.access.find(request, id, query);
    if (!session) throw notFound(id, query.type);
    this.responder.reply(response, await this.presenter.details(session, undefined));
  }

  @Handles(SESSION_ROUTES.rename)
  async rename(
    @Param('session_id') id: string,
    @Req() request: FieldRequest,
    @Res() response: object,
  ): Promise<void> {
    const { session_name: name } = readBody(request, SESSION_ROUTES.rename);
    const query = readQuery(request, SESSION_ROUTES.rename);
    const changed = await this.#change(id, request, query, (session) =>
      changesOf(session, { ...session, name }),
    );
    this.responder.reply(response, changed);
  }

  @Handles(SESSION_ROUTES.update)
  async update(
    @Param('session_id') id: string,
    @Req() request: FieldRequest,
    @Res() response: object,
  ): Promise<void> {
    const ignored = this.options.http.acceptClientContext ? [] : CLIENT_CONTEXT;
    const body = readBody(request, SESSION_ROUTES.update, ignored);
    const { summary } = body;
    const query = readQuery(request, SESSION_ROUTES.update);
    const changed = await this.#change(id, request, query, (session) => ({
      ...changesOf(session, { ...session, ...contentOf(body) }),
      ...(summary === undefined ? {} : { summary }),
    }));
    this.responder.reply(response, changed);
  }

  @Handles(SESSION_ROUTES.delete)
  async delete(
    @Param('session_id') id: string,
    @Req() request: FieldRequest,
    @Res() response: object,
  ): Promise<void> {
    const { user_id: claimed } = readQuery(request, SESSION_ROUTES.delete);
    await this.deletion.delete([id], await this.access.ownerFor(request, claimed));
    this.responder.replyNothing(response);
  }

  /** @returns the details of the changed session */
  async #change(
    id: string,
    request: FieldRequest,
    query: SessionQuery,
    update: (session: StoredSession) => SessionUpdate,
  ): Promise<WireSessionDetails> {
    const session = await this.access.find(request, id, query);
    const owner = session?.userId ?? null;
    const isChanged = session !== undefined && (await this.sessions.update(id, update(session), owner));
    const changed = isChanged ? await this.sessions.find(id, owner) : undefined;
    if (!changed) throw sessionNotFound(id);
    return this.presenter.details(changed, null);
  }
}

function notFound(id: string, kind: string | undefined): NotFoundException {
  if (kind === undefined) return sessionNotFound(id);
  return new NotFoundException(`${kind[0]?.toUpperCase()}${kind.slice(1)} Session with id '${id}' not found`);
}
