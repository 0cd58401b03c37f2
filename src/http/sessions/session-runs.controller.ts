import { NotFoundException, Param, Req, Res } from '@nestjs/common';

import { SESSION_ROUTES } from '../../protocol/routes.js';
import type { RunStatus } from '../../model/run-output.js';
import { SessionStore, type StoredRun, type StoredSession } from '../../sessions/session.store.js';
import { AgentOsRoutes, Handles } from '../agent-os-route.decorator.js';
import { isId } from '../../protocol/request.fields.js';
import { RUN_STATUSES, type SessionQuery, type SessionRunsQuery } from '../../protocol/requests.js';
import { readQuery, type FieldRequest } from '../forms/read-request.js';
import { ProtocolResponder } from '../protocol.responder.js';
import { toWireRunPreview, toWireSessionRun } from '../../protocol/session-runs.js';
import { RunFinder } from '../runs/run.finder.js';
import { NO_RUNS, RunPages, withRunning, type RunPage } from './run.pages.js';
import { SessionAccess } from './session.access.js';

/** Shows the runs of a session. */
@AgentOsRoutes()
export class SessionRunsController {
  constructor(
    private readonly sessions: SessionStore,
    private readonly pages: RunPages,
    private readonly access: SessionAccess,
    private readonly finder: RunFinder,
    private readonly responder: ProtocolResponder,
  ) {}

  @Handles(SESSION_ROUTES.runs)
  async list(
    @Param('session_id') id: string,
    @Req() request: FieldRequest,
    @Res() response: object,
  ): Promise<void> {
    const query = readQuery(request, SESSION_ROUTES.runs);
    const session = await this.#find(request, id, query);
    const page = await this.#read(session, query, (run) => toWireSessionRun(run, undefined));
    this.responder.replyPage(request, response, page);
  }

  /** Clients ask again and again what runs: so runs in flight are listed, even before their session is stored. */
  @Handles(SESSION_ROUTES.runPreviews)
  async preview(
    @Param('session_id') id: string,
    @Req() request: FieldRequest,
    @Res() response: object,
  ): Promise<void> {
    const query = readQuery(request, SESSION_ROUTES.runPreviews);
    // Before the store is read: a run that settles in the meantime is found there.
    const running = await this.#running(request, id, query);
    const session = await this.access.find(request, id, query);
    if (!session && running.length === 0) throw notFound(id);
    const page = session ? await this.#read(session, query, toWireRunPreview) : NO_RUNS;
    this.responder.replyPage(request, response, withRunning(page, running, toWireRunPreview));
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

  #read(
    { id, kind, userId }: StoredSession,
    query: SessionRunsQuery,
    show: (run: StoredRun) => object,
  ): Promise<RunPage> {
    const { created_after: createdAfter, created_before: createdBefore } = query;
    const filter = { owner: userId ?? null, createdAfter, createdBefore, ...statusesOf(query) };
    // The runs of a workflow's steps are part of the workflow's run; those of team members are separate entries.
    const isPart = ({ parentRunId }: StoredRun): boolean => kind === 'workflow' && parentRunId !== undefined;
    return this.pages.read(id, query, filter, (run) => (isPart(run) ? undefined : show(run)));
  }

  /** The root runs in flight that the query asks for; they are on its latest page. */
  async #running(request: FieldRequest, id: string, query: SessionRunsQuery): Promise<StoredRun[]> {
    const {
      before,
      type,
      user_id: claimed,
      created_after: after = 0,
      created_before: until = Infinity,
    } = query;
    const { statuses } = statusesOf(query);
    if (before !== undefined || statuses?.includes('RUNNING') === false) return [];
    const runs = await this.finder.runningIn(request, id, claimed);
    return runs.filter(
      ({ parentRunId, component, output: { createdAt } }) =>
        parentRunId === undefined &&
        (type === undefined || component.kind === type) &&
        createdAt >= after &&
        createdAt <= until,
    );
  }

  async #find(request: FieldRequest, id: string, query: SessionQuery): Promise<StoredSession> {
    const session = await this.access.find(request, id, query);
    if (!session) throw notFound(id);
    return session;
  }
}

/** The filter for runs with the wanted statuses; no run here has some of those of the protocol. */
function statusesOf({ status }: SessionRunsQuery): { statuses?: readonly RunStatus[] } {
  return status ? { statuses: status.flatMap((name) => RUN_STATUSES[name] ?? []) } : {};
}

function notFound(id: string): NotFoundException {
  return new NotFoundException(`Session with ID ${id} not found`);
}
