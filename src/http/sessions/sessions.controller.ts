import { ConflictException, Delete, Get, Inject, Post, Req, Res } from '@nestjs/common';

import type { ResolvedAgentOsOptions } from '../../agent-os.options.js';
import { RESOLVED_OPTIONS } from '../../agent-os.tokens.js';
import type { ComponentKind } from '../../model/component.js';
import { newId } from '../../model/ids.js';
import { toWirePage } from '../../protocol/pages.js';
import { sessionNotFound } from '../../sessions/session-not-found.js';
import { SessionStore, type NewSession } from '../../sessions/session.store.js';
import { AgentOsRoutes } from '../agent-os-route.decorator.js';
import { readPage } from '../forms/page.query.js';
import { readQuery, shortText, type FieldRequest } from '../forms/request.fields.js';
import { ENTRIES_AT_ONCE, PageEntries } from '../page.entries.js';
import { ProtocolResponder } from '../protocol.responder.js';
import type { WireObject } from '../wire/wire-format.js';
import { withoutNulls } from '../wire/wire-nulls.js';
import { shortenSession, toWireSession } from '../wire/wire-session.js';
import { SessionAccess } from './session.access.js';
import { SessionDeletion } from './session.deletion.js';
import { readDeletion, readNewSession, readSessionQuery, sessionFields } from './session.fields.js';
import { SessionPresenter } from './session.presenter.js';

/** Lists and creates sessions, and deletes several of them. */
@AgentOsRoutes()
export class SessionsController {
  constructor(
    @Inject(RESOLVED_OPTIONS) private readonly options: ResolvedAgentOsOptions,
    private readonly sessions: SessionStore,
    private readonly access: SessionAccess,
    private readonly deletion: SessionDeletion,
    private readonly presenter: SessionPresenter,
    private readonly responder: ProtocolResponder,
  ) {}

  @Get('sessions')
  async list(@Req() request: FieldRequest, @Res() response: object): Promise<void> {
    const startedAt = performance.now();
    const { claimedUser, page, ...filter } = readQuery(request, (reader) => ({
      ...sessionFields(reader),
      componentId: shortText(reader, 'component_id'),
      name: shortText(reader, 'session_name'),
      ...readPage(reader),
    }));
    const userId = await this.access.ownerFor(request, claimedUser);
    const { limit, offset } = filter;
    const entries = new PageEntries<WireObject>();
    let total = 0;
    // In batches: sessions may be large.
    for (let read = 0; read < limit; read += ENTRIES_AT_ONCE) {
      const part = { limit: Math.min(ENTRIES_AT_ONCE, limit - read), offset: offset + read };
      const found = await this.sessions.list({ ...filter, userId, ...part });
      for (const session of found.sessions) entries.add(toWireSession(session), shortenSession);
      ({ total } = found);
      if (found.sessions.length < part.limit) break;
    }
    this.responder.reply(response, toWirePage({ data: entries.all, page, limit, total, startedAt }));
  }

  @Post('sessions')
  async create(@Req() request: FieldRequest, @Res() response: object): Promise<void> {
    const { kind } = readSessionQuery(request);
    const session = await this.#newSession(request, kind);
    const { id } = session;
    if (!(await this.sessions.create(session))) {
      throw new ConflictException(
        `Session with id '${id}' already exists. Use PATCH /sessions/${id} to update it.`,
      );
    }
    const created = await this.sessions.find(id, session.userId ?? null);
    if (!created) throw sessionNotFound(id);
    this.responder.reply(response, withoutNulls(await this.presenter.details(created)), 201);
  }

  @Delete('sessions')
  async deleteMany(@Req() request: FieldRequest, @Res() response: object): Promise<void> {
    const { claimedUser } = readSessionQuery(request);
    const ids = readDeletion(request);
    await this.deletion.delete(ids, await this.access.ownerFor(request, claimedUser));
    this.responder.replyNothing(response);
  }

  async #newSession(request: FieldRequest, kind: ComponentKind | undefined): Promise<NewSession> {
    const acceptsState = this.options.http.acceptClientContext ?? false;
    const { id, claimedUser, component, content } = readNewSession(request, kind, acceptsState);
    const userId = await this.access.userOf(request, claimedUser);
    return {
      id: id ?? newId(),
      ...(kind === undefined ? {} : { kind }),
      ...content,
      ...(userId === undefined ? {} : { userId }),
      ...(component ? { component: this.presenter.identify(component.kind, component.id) } : {}),
    };
  }
}
