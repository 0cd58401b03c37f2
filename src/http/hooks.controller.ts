import { NotFoundException, Param, Req, Res } from '@nestjs/common';

import { HOOK_ROUTES } from '../protocol/routes.js';
import { AgentOsRuntime } from '../agent-os.runtime.js';
import {
  toWireActivity,
  toWireExecution,
  toWireHook,
  toWireRetries,
  toWireStats,
  type WireExecutions,
  type WireHookCounts,
  type WireListedRuns,
  type WireTimeline,
} from '../protocol/hooks.js';
import type { HookCounts } from '../execution/hook.executions.js';
import type { IndexedRun } from '../execution/run.index.js';
import type { StoppableRun } from '../runs/run.view.js';
import { isOf } from '../sessions/session.filter.js';
import type { SessionOwner } from '../sessions/session.store.js';
import { MAX_EXECUTIONS, rangeOf, type ListedRunsQuery } from '../protocol/requests.js';
import { AgentOsRoutes, Handles } from './agent-os-route.decorator.js';
import { ChangesResponder } from './changes.responder.js';
import { readBody, readQuery, type FieldRequest } from './forms/read-request.js';
import { ProtocolResponder } from './protocol.responder.js';
import { RunExecutions } from './run.executions.js';
import { MAX_PARTS, RunTrees } from './run.trees.js';
import { toWireListedRun, type ListedRun } from './listed.run.js';
import { SessionAccess } from './sessions/session.access.js';
import { SettledRuns } from './settled.runs.js';

/** How many activities the timeline of a run has. */
const MAX_ACTIVITIES = 1_000;

/** Shows the hooks and the outcomes of their executions, retries failed executions, and cancels those that wait. */
@AgentOsRoutes()
export class HooksController {
  constructor(
    private readonly runtime: AgentOsRuntime,
    private readonly settledRuns: SettledRuns,
    private readonly access: SessionAccess,
    private readonly runExecutions: RunExecutions,
    private readonly responder: ProtocolResponder,
    private readonly streams: ChangesResponder,
  ) {}

  @Handles(HOOK_ROUTES.list)
  hooks(@Res() response: object): void {
    this.responder.reply(response, this.runtime.listHooks().map(toWireHook));
  }

  @Handles(HOOK_ROUTES.runs)
  async runs(@Req() request: FieldRequest, @Res() response: object): Promise<void> {
    const { page, limit, ...filter } = readQuery(request, HOOK_ROUTES.runs);
    const { offset } = rangeOf({ page, limit });
    const owner = await this.access.ownerFor(request);
    const all = [...this.#running(owner, filter), ...this.#settled(owner, filter)];
    const shown = all.slice(offset, offset + limit);
    const hooks = await this.#countHooks(shown, owner);
    const body: WireListedRuns = {
      data: shown.map((run) => ({ ...toWireListedRun(run), hooks: hooks.get(run.runId) ?? {} })),
      meta: { page, limit, total: all.length },
    };
    this.responder.reply(response, body);
  }

  @Handles(HOOK_ROUTES.run)
  async run(
    @Param('run_id') id: string,
    @Req() request: FieldRequest,
    @Res() response: object,
  ): Promise<void> {
    readQuery(request, HOOK_ROUTES.run);
    const owner = await this.access.ownerFor(request);
    const trees = new RunTrees<ListedRun>([...this.#running(owner), ...this.#settled(owner)]);
    const run = trees.find(id);
    const parts = trees.below(id);
    if (!run) throw new NotFoundException(`Run ${id} not found`);
    const shown = [run, ...parts.slice(0, MAX_PARTS)];
    const executions = await this.runExecutions.of(shown, owner);
    const activities = shown.flatMap((one) =>
      one.activities.map((activity) => toWireActivity(one.runId, activity)),
    );
    const timeline: WireTimeline = {
      run: toWireListedRun(run),
      parts: shown.slice(1).map(toWireListedRun).sort(byTime('started_at')),
      activities: activities.sort(byTime('started_at')).slice(0, MAX_ACTIVITIES),
      executions: executions
        .slice(0, MAX_EXECUTIONS)
        .reverse()
        .map(toWireExecution)
        .sort(byTime('scheduled_at')),
      omitted:
        Math.max(0, parts.length - MAX_PARTS) +
        Math.max(0, activities.length - MAX_ACTIVITIES) +
        Math.max(0, executions.length - MAX_EXECUTIONS),
    };
    this.responder.reply(response, timeline);
  }

  @Handles(HOOK_ROUTES.stats)
  async stats(@Req() request: FieldRequest, @Res() response: object): Promise<void> {
    readQuery(request, HOOK_ROUTES.stats);
    const owner = await this.access.ownerFor(request);
    const counts = { running: 0, completed: 0, rejected: 0, failed: 0, cancelled: 0 };
    counts.running = this.#running(owner).length;
    for (const { outcome } of this.#settled(owner)) counts[outcome] += 1;
    const totals = await this.runtime.executions.totals({ userId: owner });
    this.responder.reply(response, toWireStats(totals, counts));
  }

  /** How many hooks of each run are in each state. */
  async #countHooks(
    runs: readonly ListedRun[],
    owner: SessionOwner | undefined,
  ): Promise<ReadonlyMap<string, WireHookCounts>> {
    const counts = new Map<string, WireHookCounts>();
    for (const { runId, state } of await this.runExecutions.of(runs, owner)) {
      const states = counts.get(runId) ?? {};
      counts.set(runId, { ...states, [state]: (states[state] ?? 0) + 1 });
    }
    return counts;
  }

  /** The runs in flight, the oldest first. */
  #running(owner: SessionOwner | undefined, { state, component, outcome }: RunsFilter = {}): StoppableRun[] {
    if (state === 'settled' || outcome !== undefined) return [];
    // A run that has settled is in the index, even if it is not stored yet.
    return this.runtime.inFlight
      .all()
      .filter((run) => run.outcome === undefined && isOf(run, owner))
      .filter(({ identity }) => component === undefined || identity.id === component);
  }

  /** The runs that have settled, the latest first. */
  #settled(owner: SessionOwner | undefined, { state, component, outcome }: RunsFilter = {}): IndexedRun[] {
    if (state === 'running') return [];
    return this.settledRuns
      .of(owner)
      .filter(
        (run) =>
          (component === undefined || run.component.id === component) &&
          (outcome === undefined || run.outcome === outcome),
      );
  }

  @Handles(HOOK_ROUTES.changes)
  async changes(@Req() request: FieldRequest, @Res() response: object): Promise<void> {
    readQuery(request, HOOK_ROUTES.changes);
    this.streams.reply(response, await this.access.ownerFor(request));
  }

  @Handles(HOOK_ROUTES.executions)
  async executions(@Req() request: FieldRequest, @Res() response: object): Promise<void> {
    const { executions } = this.runtime;
    const { run_id: runId, hook, state, limit } = readQuery(request, HOOK_ROUTES.executions);
    const owner = await this.access.ownerFor(request);
    const [listed, { open, ...counts }] = await Promise.all([
      executions.list({ runId, hook, state, limit, userId: owner }),
      this.#countExecutions(owner),
    ]);
    const page: WireExecutions = {
      data: listed.map(toWireExecution),
      meta: { limit, open, counts },
    };
    this.responder.reply(response, page);
  }

  /** Of the executions of a user, those that are remembered. */
  async #countExecutions(owner: SessionOwner | undefined): Promise<HookCounts> {
    const { executions } = this.runtime;
    if (owner === undefined) return executions.counts();
    const counts = { succeeded: 0, failed: 0, timed_out: 0, skipped: 0, dropped: 0, open: 0 };
    for (const { state } of await executions.list({ userId: owner, limit: Infinity }))
      counts[state === 'scheduled' || state === 'running' ? 'open' : state] += 1;
    return counts;
  }

  @Handles(HOOK_ROUTES.retryAll)
  async retryAll(@Req() request: FieldRequest, @Res() response: object): Promise<void> {
    readQuery(request, HOOK_ROUTES.retryAll);
    const { hook, from, to, limit } = readBody(request, HOOK_ROUTES.retryAll);
    const userId = await this.access.ownerFor(request);
    const filter = { hook, from: toTime(from), to: toTime(to), userId, limit };
    this.responder.reply(response, toWireRetries(await this.runtime.executions.retryAll(filter)), 202);
  }

  @Handles(HOOK_ROUTES.retry)
  async retry(
    @Param('execution_id') id: string,
    @Req() request: FieldRequest,
    @Res() response: object,
  ): Promise<void> {
    readQuery(request, HOOK_ROUTES.retry);
    const userId = await this.access.ownerFor(request);
    const execution = await this.runtime.executions.retry(id, { userId });
    this.responder.reply(response, toWireExecution(execution), 202);
  }

  @Handles(HOOK_ROUTES.cancel)
  async cancel(
    @Param('execution_id') id: string,
    @Req() request: FieldRequest,
    @Res() response: object,
  ): Promise<void> {
    readQuery(request, HOOK_ROUTES.cancel);
    const userId = await this.access.ownerFor(request);
    this.responder.reply(response, toWireExecution(await this.runtime.executions.cancel(id, { userId })));
  }
}

/** Epoch milliseconds. */
function toTime(text: string | undefined): number | undefined {
  return text === undefined ? undefined : Date.parse(text);
}

type RunsFilter = Partial<ListedRunsQuery>;

/** ISO times sort as texts in the order of time. */
function byTime<K extends string>(name: K) {
  return (one: Readonly<Record<K, string>>, other: Readonly<Record<K, string>>): number =>
    one[name] < other[name] ? -1 : one[name] > other[name] ? 1 : 0;
}
