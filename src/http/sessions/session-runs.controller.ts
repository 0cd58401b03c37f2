import { NotFoundException, Param, Req, Res } from '@nestjs/common';

import { SESSION_ROUTES } from '../../protocol/routes.js';
import { SessionStore, type StoredSession } from '../../sessions/session.store.js';
import { AgentOsRoutes, Handles } from '../agent-os-route.decorator.js';
import { isId } from '../../protocol/request.fields.js';
import { type SessionQuery } from '../../protocol/requests.js';
import { readQuery, type FieldRequest } from '../forms/read-request.js';
import { ProtocolResponder } from '../protocol.responder.js';
import { toWireSessionRun } from '../../protocol/session-runs.js';
import { RunPages } from './run.pages.js';
import { SessionAccess } from './session.access.js';

/** Shows the runs of a session. */
@AgentOsRoutes()
export class SessionRunsController {
  constructor(
    private readonly sessions: SessionStore,
    private readonly pages: RunPages,
    private readonly access: SessionAccess,
    private readonly responder: ProtocolResponder,
  ) {}

  @Handles(SESSION_ROUTES.runs)
  async list(
    @Param('session_id') id: string,
    @Req() request: FieldRequest,
    @Res() response: object,
  ): Promise<void> {
    const query = readQuery(request, SESSION_ROUTES.runs);
    const { kind, userId: owner = null } = await this.#find(request, id, query);
    const filter = { owner, createdAfter: query.created_after, createdBefore: query.created_before };
    const page = await this.pages.read(id, query, filter, (run) =>
      // The runs of a workflow's steps are part of the workflow's run; those of team members are separate entries.
      kind === 'workflow' && run.parentRunId !== undefined ? undefined : toWireSessionRun(run, undefined),
    );
    this.responder.replyPage(request, response, page);
  }

  @Handles(SESSION_ROUTES.run)
  async show(
    @Param('session_id') id: string,
    @Param('run_id') runId: string,
    @Req() request: FieldRequest,
    @Res() response: object,
  ): Promise<void> {
    const { userId: owner = null } = await this.#find(request, id, readQuery(request, SESSION_ROUTES.run));
    const [run] = isId(runId) ? await this.sessions.runs(id, { owner, runId, limit: 1 }) : [];
    if (run) return this.responder.reply(response, toWireSessionRun(run, null));
    const others = await this.sessions.runs(id, { owner, limit: 1 });
    throw new NotFoundException(
      others.length > 0
        ? `Run with ID ${runId} not found in session ${id}`
        : `Session with ID ${id} has no runs`,
    );
  }

  async #find(request: FieldRequest, id: string, query: SessionQuery): Promise<StoredSession> {
    const session = await this.access.find(request, id, query);
    if (!session) throw new NotFoundException(`Session with ID ${id} not found`);
    return session;
  }
}
