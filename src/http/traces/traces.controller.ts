import { NotFoundException, Param, Req, Res } from '@nestjs/common';

import { AgentOsRuntime } from '../../agent-os.runtime.js';
import type { HookExecution } from '../../execution/hook-execution.js';
import type { IndexedRun } from '../../execution/run.index.js';
import { toWireDailyMetrics } from '../../protocol/daily.metrics.js';
import { toWirePage } from '../../protocol/pages.js';
import type { TracesQuery } from '../../protocol/requests.js';
import { TRACE_ROUTES } from '../../protocol/routes.js';
import { traceStatusOf, toWireTrace, toWireTraceSummary, type TracedRun } from '../../protocol/traces.js';
import { isOf } from '../../sessions/session.filter.js';
import type { SessionOwner } from '../../sessions/session.store.js';
import { AgentOsRoutes, Handles } from '../agent-os-route.decorator.js';
import { readQuery, type FieldRequest } from '../forms/read-request.js';
import { ProtocolResponder } from '../protocol.responder.js';
import { RunExecutions } from '../run.executions.js';
import { RunTrees } from '../run.trees.js';
import { SessionAccess } from '../sessions/session.access.js';

/** How many runs below a root its trace has. */
const MAX_PARTS = 200;

/** Shows the latest runs as traces, and their numbers by day. Both come from the run index, which has no content. */
@AgentOsRoutes()
export class TracesController {
  constructor(
    private readonly runtime: AgentOsRuntime,
    private readonly access: SessionAccess,
    private readonly executions: RunExecutions,
    private readonly responder: ProtocolResponder,
  ) {}

  @Handles(TRACE_ROUTES.list)
  async list(@Req() request: FieldRequest, @Res() response: object): Promise<void> {
    const startedAt = performance.now();
    const query = readQuery(request, TRACE_ROUTES.list);
    const { limit } = query;
    const page = Math.max(1, query.page);
    const owner = await this.access.ownerFor(request, query.user_id);
    const runs = this.#settled(owner);
    const trees = new RunTrees(runs);
    const roots = runs.filter((run) => run.position === 'root' && isWanted(run, query, trees));
    const shown = roots.slice((page - 1) * limit, page * limit);
    const traced = await this.#trace(shown, trees, owner);
    const data = traced.map(toWireTraceSummary);
    this.responder.reply(response, toWirePage({ data, page, limit, total: roots.length, startedAt }));
  }

  @Handles(TRACE_ROUTES.show)
  async show(
    @Param('trace_id') id: string,
    @Req() request: FieldRequest,
    @Res() response: object,
  ): Promise<void> {
    readQuery(request, TRACE_ROUTES.show);
    const owner = await this.access.ownerFor(request);
    const trees = new RunTrees(this.#settled(owner));
    const run = trees.find(id);
    const [traced] = run?.position === 'root' ? await this.#trace([run], trees, owner) : [];
    if (!traced) throw new NotFoundException('Trace not found');
    this.responder.reply(response, toWireTrace(traced));
  }

  @Handles(TRACE_ROUTES.metrics)
  async metrics(@Req() request: FieldRequest, @Res() response: object): Promise<void> {
    const query = readQuery(request, TRACE_ROUTES.metrics);
    const owner = await this.access.ownerFor(request, query.user_id);
    const { starting_date: first = '', ending_date: last = '9999-12-31' } = query;
    const runs = this.#settled(owner).filter(({ startedAt }) => {
      const day = new Date(startedAt).toISOString().slice(0, 10);
      return day >= first && day <= last;
    });
    const { components } = this.runtime;
    this.responder.reply(
      response,
      toWireDailyMetrics(runs, ({ id }) => components.get(id)?.model),
    );
  }

  /** The runs that have settled, the latest first. */
  #settled(owner: SessionOwner | undefined): IndexedRun[] {
    return [...this.runtime.index.newestFirst()].filter((run) => isOf(run, owner));
  }

  async #trace(
    roots: readonly IndexedRun[],
    trees: RunTrees<IndexedRun>,
    owner: SessionOwner | undefined,
  ): Promise<TracedRun[]> {
    const shown = new Set(
      roots.flatMap(({ runId }) => [
        runId,
        ...trees
          .below(runId)
          .slice(0, MAX_PARTS)
          .map((part) => part.runId),
      ]),
    );
    const executions = await this.executions.of(
      [...shown].map((runId) => ({ runId })),
      owner,
    );
    const byRun = new Map<string, HookExecution[]>();
    for (const execution of executions)
      byRun.set(execution.runId, [...(byRun.get(execution.runId) ?? []), execution]);
    const trace = (run: IndexedRun): TracedRun => ({
      run,
      parts: trees
        .partsOf(run.runId)
        .filter(({ runId }) => shown.has(runId))
        .map(trace),
      executions: byRun.get(run.runId) ?? [],
    });
    return roots.map(trace);
  }
}

function isWanted(run: IndexedRun, query: TracesQuery, trees: RunTrees<IndexedRun>): boolean {
  const { kind, id } = run.component;
  const wanted = { agent: query.agent_id, team: query.team_id, workflow: query.workflow_id };
  const others = Object.entries(wanted).filter(([other]) => other !== kind);
  return (
    (query.run_id === undefined || run.runId === query.run_id) &&
    (query.session_id === undefined || run.sessionId === query.session_id) &&
    (wanted[kind] === undefined || wanted[kind] === id) &&
    others.every(([, other]) => other === undefined) &&
    (query.start_time === undefined || run.startedAt >= Date.parse(query.start_time)) &&
    (query.end_time === undefined || run.settledAt <= Date.parse(query.end_time)) &&
    (query.status === undefined || query.status === traceStatusOf([run, ...trees.below(run.runId)]))
  );
}
