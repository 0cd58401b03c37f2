import { Injectable } from '@nestjs/common';

import { AgentOsRuntime } from '../agent-os.runtime.js';
import type { IndexedRun } from '../execution/run.index.js';
import { isOf } from '../sessions/session.filter.js';
import type { SessionOwner } from '../sessions/session.store.js';

/** Lists the runs that have settled, as far as they are remembered. */
@Injectable()
export class SettledRuns {
  constructor(private readonly runtime: AgentOsRuntime) {}

  /** The runs that the client may see, the latest first. */
  of(owner: SessionOwner | undefined): IndexedRun[] {
    return [...this.runtime.index.newestFirst()].filter((run) => isOf(run, owner));
  }
}
