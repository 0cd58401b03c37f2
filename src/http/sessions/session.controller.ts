import { Delete, Get, Inject, NotFoundException, Param, Patch, Post, Req, Res } from '@nestjs/common';

import type { ResolvedAgentOsOptions } from '../../agent-os.options.js';
import { RESOLVED_OPTIONS } from '../../agent-os.tokens.js';
import { sessionNotFound } from '../../sessions/session-not-found.js';
import { changesOf } from '../../sessions/session.changes.js';
import { SessionStore, type SessionUpdate, type StoredSession } from '../../sessions/session.store.js';
import { AgentOsRoutes } from '../agent-os-route.decorator.js';
import { CLIENT_CONTEXT, sessionName, sessionQuery, sessionUpdate } from '../../protocol/requests.js';
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

  @Get('sessions/:session_id')
  async show(
    @Param('session_id') id: string,
    @Req() request: FieldRequest,
    @Res() response: object,
  ): Promise<void> {
    const query = readQuery(request, sessionQuery);
    const session = await this.access.find(request, id, query);
    if (!session) throw notFound(id, query.type);
    this.responder.reply(response, await this.presenter.details(session, undefined));
  }

  @Post('sessions/:session_id/rename')
  async rename(
    @Param('session_id') id: string,
    @Req() request: FieldRequest,
    @Res() response: object,
  ): Promise<void> {
    const { session_name: name } = readBody(request, sessionName);
    const changed = await this.#change(id, request, (session) => changesOf(session, { ...session, name }));
    this.responder.reply(response, changed);
  }

  @Patch('sessions/:session_id')
  async update(
    @Param('session_id') id: string,
    @Req() request: FieldRequest,
    @Res() response: object,
  ): Promise<void> {
    const ignored = this.options.http.acceptClientContext ? [] : CLIENT_CONTEXT;
    const body = readBody(request, sessionUpdate, { ignored });
    const { summary } = body;
    const changed = await this.#change(id, request, (session) => ({
      ...changesOf(session, { ...session, ...contentOf(body) }),
      ...(summary === undefined ? {} : { summary }),
    }));
    this.responder.reply(response, changed);
  }

  @Delete('sessions/:session_id')
  async delete(
    @Param('session_id') id: string,
    @Req() request: FieldRequest,
    @Res() response: object,
  ): Promise<void> {
    const { user_id: claimed } = readQuery(request, sessionQuery);
    await this.deletion.delete([id], await this.access.ownerFor(request, claimed));
    this.responder.replyNothing(response);
  }

  /** @returns the details of the changed session */
  async #change(
    id: string,
    request: FieldRequest,
    update: (session: StoredSession) => SessionUpdate,
  ): Promise<WireSessionDetails> {
    const query = readQuery(request, sessionQuery);
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
