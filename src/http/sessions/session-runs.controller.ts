import { Get, NotFoundException, Param, Req, Res } from '@nestjs/common';

import { SessionStore, type StoredSession } from '../../sessions/session.store.js';
import { AgentOsRoutes } from '../agent-os-route.decorator.js';
import type { FieldReader } from '../forms/field.reader.js';
import { isId, readQuery, type FieldRequest } from '../forms/request.fields.js';
import { ProtocolResponder } from '../protocol.responder.js';
import { withoutNulls } from '../wire/wire-nulls.js';
import { toWireSessionRun } from '../wire/wire-session-run.js';
import { readRunPage, RunPages } from './run.pages.js';
import { SessionAccess } from './session.access.js';
import { LATEST, readSessionQuery, sessionFields, type SessionQuery } from './session.fields.js';

/** Shows the runs of a session. */
@AgentOsRoutes()
export class SessionRunsController {
  constructor(
    private readonly sessions: SessionStore,
    private readonly pages: RunPages,
    private readonly access: SessionAccess,
    private readonly responder: ProtocolResponder,
  ) {}

  @Get('sessions/:session_id/runs')
  async list(
    @Param('session_id') id: string,
    @Req() request: FieldRequest,
    @Res() response: object,
  ): Promise<void> {
    const { createdAfter, createdBefore, part, ...query } = readQuery(request, (reader) => ({
      ...sessionFields(reader),
      part: readRunPage(reader),
      createdAfter: readSeconds(reader, 'created_after'),
      createdBefore: readSeconds(reader, 'created_before'),
    }));
    const { kind, userId: owner = null } = await this.#find(request, id, query);
    const page = await this.pages.read(id, part, { owner, createdAfter, createdBefore }, (run) =>
      // The runs of a workflow's steps are part of the workflow's run; those of team members are separate entries.
      kind === 'workflow' && run.parentRunId !== undefined ? undefined : withoutNulls(toWireSessionRun(run)),
    );
    this.responder.replyPage(request, response, page);
  }

  @Get('sessions/:session_id/runs/:run_id')
  async show(
    @Param('session_id') id: string,
    @Param('run_id') runId: string,
    @Req() request: FieldRequest,
    @Res() response: object,
  ): Promise<void> {
    const { userId: owner = null } = await this.#find(request, id, readSessionQuery(request));
    const [run] = isId(runId) ? await this.sessions.runs(id, { owner, runId, limit: 1 }) : [];
    if (run) return this.responder.reply(response, toWireSessionRun(run));
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

function readSeconds(reader: FieldReader, name: string): number | undefined {
  return reader.integer(name, { minimum: 0, maximum: LATEST });
}
