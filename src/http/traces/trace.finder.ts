import { Injectable } from '@nestjs/common';

import type { HookExecution } from '../../execution/hook-execution.js';
import type { IndexedRun } from '../../execution/run.index.js';
import { toTraceFacts, type TraceFacts, type TracedRun } from '../../protocol/traces.js';
import type { TraceFilter } from '../../protocol/trace.filter.js';
import type { PageRange } from '../../protocol/requests.js';
import { RunExecutions } from '../run.executions.js';
import { MAX_PARTS, RunTrees } from '../run.trees.js';
import { SessionAccess } from '../sessions/session.access.js';
import { SettledRuns } from '../settled.runs.js';

/** Finds the latest runs as traces: root runs that have settled, with the runs below them and their hooks. */
@Injectable()
export class TraceFinder {
  constructor(
    private readonly runs: SettledRuns,
    private readonly access: SessionAccess,
    private readonly executions: RunExecutions,
  ) {}

  /** The traces that the client may see. */
  async visibleTo(request: object, claimedUser?: string): Promise<VisibleTraces> {
    const owner = await this.access.ownerFor(request, claimedUser);
    return new VisibleTraces(this.runs.of(owner), (runs) => this.executions.of(runs, owner));
  }
}

type FindExecutions = (runs: readonly IndexedRun[]) => Promise<readonly HookExecution[]>;

/** The traces that a client may see at the time of its request. */
export class VisibleTraces {
  readonly #runs: readonly IndexedRun[];
  readonly #trees: RunTrees<IndexedRun>;
  readonly #findExecutions: FindExecutions;

  /** @param runs - the latest first */
  constructor(runs: readonly IndexedRun[], findExecutions: FindExecutions) {
    this.#runs = runs;
    this.#trees = new RunTrees(runs);
    this.#findExecutions = findExecutions;
  }

  /** The wanted traces, the latest first. */
  matching(isWanted: TraceFilter): TraceFacts[] {
    return this.#runs
      .filter(({ position }) => position === 'root')
      .map((run) => toTraceFacts(run, this.#trees.below(run.runId)))
      .filter(isWanted);
  }

  /** The trace with this id, with its parts and hooks. */
  async find(id: string): Promise<TracedRun | undefined> {
    const [traced] = await this.#trace([id]);
    return traced;
  }

  /** A page of these traces, with their parts and hooks. */
  read(traces: readonly TraceFacts[], { offset, limit }: PageRange): Promise<TracedRun[]> {
    return this.#trace(traces.slice(offset, offset + limit).map(({ run_id }) => run_id));
  }

  async #trace(ids: readonly string[]): Promise<TracedRun[]> {
    const roots = ids
      .flatMap((id) => this.#trees.find(id) ?? [])
      .filter(({ position }) => position === 'root');
    const shown = new Set(
      roots.flatMap((root) => [root, ...this.#trees.below(root.runId).slice(0, MAX_PARTS)]),
    );
    const byRun = new Map<string, HookExecution[]>();
    for (const execution of await this.#findExecutions([...shown])) {
      const others = byRun.get(execution.runId);
      if (others) others.push(execution);
      else byRun.set(execution.runId, [execution]);
    }
    const trace = (run: IndexedRun): TracedRun => ({
      run,
      parts: this.#trees
        .partsOf(run.runId)
        .filter((part) => shown.has(part))
        .map(trace),
      executions: byRun.get(run.runId) ?? [],
    });
    return roots.map(trace);
  }
}
