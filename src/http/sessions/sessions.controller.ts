import { BadRequestException, ConflictException, Inject, Req, Res } from '@nestjs/common';

import { SESSION_ROUTES } from '../../protocol/routes.js';
import type { ResolvedAgentOsOptions } from '../../agent-os.options.js';
import { RESOLVED_OPTIONS } from '../../agent-os.tokens.js';
import { COMPONENT_KINDS, type ComponentKind } from '../../model/component-identity.js';
import { withoutUndefined } from '../../data/without-undefined.js';
import { newId } from '../../model/ids.js';
import { toWirePage } from '../../protocol/pages.js';
import { sessionNotFound } from '../../sessions/session-not-found.js';
import { SessionStore, type NewSession, type StoredSession } from '../../sessions/session.store.js';
import { AgentOsRoutes, Handles } from '../agent-os-route.decorator.js';
import { CLIENT_CONTEXT, sortedRangeOf } from '../../protocol/requests.js';
import { readBody, readQuery, type FieldRequest } from '../forms/read-request.js';
import { PageEntries, readInBatches, type ListPart } from '../page.entries.js';
import { ProtocolResponder } from '../protocol.responder.js';
import { shortenSession, toWireSession, type WireSession } from '../../protocol/sessions.js';
import { SessionAccess } from './session.access.js';
import { SessionDeletion } from './session.deletion.js';
import { contentOf } from './session.content.js';
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

  @Handles(SESSION_ROUTES.list)
  async list(@Req() request: FieldRequest, @Res() response: object): Promise<void> {
    const startedAt = performance.now();
    const query = readQuery(request, SESSION_ROUTES.list);
    const { page, limit, offset, ...order } = sortedRangeOf(query);
    const filter = {
      ...order,
      kind: query.type,
      componentId: query.component_id,
      name: query.session_name,
      userId: await this.access.ownerFor(request, query.user_id),
    };
    const entries = new PageEntries<WireSession>();
    let total = 0;
    const read = async (part: ListPart): Promise<readonly StoredSession[]> => {
      const found = await this.sessions.list({ ...filter, ...part });
      ({ total } = found);
      return found.sessions;
    };
    await readInBatches({ limit, offset }, read, (session) =>
      entries.add(toWireSession(session), shortenSession),
    );
    this.responder.reply(response, toWirePage({ data: entries.all, page, limit, total, startedAt }));
  }

  @Handles(SESSION_ROUTES.create)
  async create(@Req() request: FieldRequest, @Res() response: object): Promise<void> {
    const { type: kind } = readQuery(request, SESSION_ROUTES.create);
    const session = await this.#newSession(request, kind);
    const { id } = session;
    if (!(await this.sessions.create(session))) {
      throw new ConflictException(
        `Session with id '${id}' already exists. Use PATCH /sessions/${id} to update it.`,
      );
    }
    const created = await this.sessions.find(id, session.userId ?? null);
    if (!created) throw sessionNotFound(id);
    this.responder.reply(response, await this.presenter.details(created, undefined), 201);
  }

  @Handles(SESSION_ROUTES.deleteMany)
  async deleteMany(@Req() request: FieldRequest, @Res() response: object): Promise<void> {
    const { user_id: claimed } = readQuery(request, SESSION_ROUTES.deleteMany);
    const { session_ids: ids, session_types: types } = readBody(request, SESSION_ROUTES.deleteMany);
    if (ids.length !== types.length)
      throw new BadRequestException('Session IDs and session types must have the same length');
    await this.deletion.delete(ids, await this.access.ownerFor(request, claimed));
    this.responder.replyNothing(response);
  }

  /** @param kind - the kind in the query; without it, the first id of a component determines the kind */
  async #newSession(request: FieldRequest, kind: ComponentKind | undefined): Promise<NewSession> {
    const ignored = this.options.http.acceptClientContext ? [] : CLIENT_CONTEXT;
    const body = readBody(request, SESSION_ROUTES.create, ignored);
    const userId = await this.access.userOf(request, body.user_id);
    const kinds = kind === undefined ? COMPONENT_KINDS : [kind];
    const named = kinds.find((one) => body[`${one}_id`] !== undefined);
    const component = named && this.presenter.identify(named, body[`${named}_id`] ?? '');
    return {
      id: body.session_id ?? newId(),
      ...withoutUndefined({ kind, userId, component }),
      ...contentOf(body),
    };
  }
}
