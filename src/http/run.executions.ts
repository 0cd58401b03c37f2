import { Injectable } from '@nestjs/common';

import { AgentOsRuntime } from '../agent-os.runtime.js';
import type { HookExecution } from '../execution/hook-execution.js';
import type { SessionOwner } from '../sessions/session.store.js';
import type { ListedRun } from './listed.run.js';

/** Finds the executions of the hooks of runs. */
@Injectable()
export class RunExecutions {
  constructor(private readonly runtime: AgentOsRuntime) {}

  /** The executions that the client may see, the newest first. */
  async of(
    runs: readonly Pick<ListedRun, 'runId'>[],
    owner: SessionOwner | undefined,
  ): Promise<HookExecution[]> {
    const runIds = runs.map(({ runId }) => runId);
    if (runIds.length === 0) return [];
    const found = await this.runtime.executions.list({ runIds, userId: owner, limit: Infinity });
    // A ledger of the host may not know the filter.
    const isWanted = new Set(runIds);
    return found.filter(({ runId }) => isWanted.has(runId));
  }
}
