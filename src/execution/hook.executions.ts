import type { Observable } from 'rxjs';

import type { ComponentIdentity } from '../model/component-identity.js';
import type {
  FinalHookExecutionState,
  HookExecution,
  HookExecutionState,
  HookMode,
  HookPhase,
} from './hook-execution.js';

/** The filter of {@link HookExecutions.list}. */
export interface HookExecutionFilter {
  readonly id?: string | undefined;
  readonly runId?: string | undefined;
  /** Only executions for these runs. */
  readonly runIds?: readonly string[] | undefined;
  /** `null`: of runs without a user. */
  readonly userId?: string | null | undefined;
  readonly hook?: string | undefined;
  readonly state?: HookExecutionState | undefined;
  readonly mode?: HookMode | undefined;
  /** Epoch milliseconds: only executions that have ended then or later. */
  readonly endedFrom?: number | undefined;
  /** Epoch milliseconds: only executions that have ended before. */
  readonly endedBefore?: number | undefined;
  /** At most so many, the newest first. Default 100. */
  readonly limit?: number | undefined;
}

/** The filter of {@link HookExecutions.totals}. */
export interface HookTotalsFilter extends Pick<HookExecutionFilter, 'userId' | 'mode'> {
  /** Only executions that have not ended. Default: those that are remembered, too. */
  readonly isOpen?: boolean | undefined;
}

/** How many executions have ended in each final state, and how many have not. */
export interface HookCounts extends Readonly<Record<FinalHookExecutionState, number>> {
  readonly open: number;
}

/** Numbers of executions by state. */
export interface HookTally {
  /** Collected, not yet started. */
  readonly waiting: number;
  readonly running: number;
  /** Failed or timed out. */
  readonly failed: number;
  /** Those that a durable executor could not store, and that a crash would have lost or would lose: of this process. */
  readonly volatile: number;
  /** Milliseconds since the longest waiting execution was collected; absent if none waits. */
  readonly oldestWaiting?: number;
}

/** Executions of one hook of a component that are in the same state, and took equally long, as a store counts them. */
export interface CountedExecutions extends Pick<
  HookExecution,
  'hook' | 'phase' | 'mode' | 'component' | 'state'
> {
  readonly count: number;
  /** When the first of them was collected, in epoch milliseconds. */
  readonly scheduledAt: number;
  /** Milliseconds from the start to the end; absent if they have not started, or have not ended. */
  readonly duration?: number;
}

/** The executions of one hook of a component, in numbers: states and durations. */
export interface HookStatistics extends HookTally {
  readonly hook: string;
  readonly phase: HookPhase;
  readonly mode: HookMode;
  readonly component: ComponentIdentity;
  /** Executions that ran to their end: succeeded, failed or timed out. */
  readonly ran: number;
  /** Milliseconds from the start to the end, retries included, the median of those that ran; absent if none did. */
  readonly p50?: number;
  /** The same as the 95th percentile. */
  readonly p95?: number;
}

/** The executions that have not ended, and those that are remembered, in numbers. */
export interface HookTotals extends HookTally {
  /** By hook, in the order of their names. */
  readonly hooks: readonly HookStatistics[];
}

/**
 * The readable part of the ledger: all hook executions that have not ended, the latest 10,000 that have failed or timed out,
 * and the latest 10,000 others that have ended. A port: a durable executor keeps the background hooks of all processes in its store; inline hooks are those of this process.
 */
export interface HookExecutions {
  /** Every change of state in this process, as it happens. The object is the live record: copy it to keep it. */
  readonly changes: Observable<HookExecution>;
  /** Executions, the newest first; copies. */
  list(filter?: HookExecutionFilter): Promise<HookExecution[]>;
  /** How many executions have ended in each final state since the application started, and how many are open. */
  counts(filter?: Pick<HookExecutionFilter, 'mode'>): Promise<HookCounts>;
  /** Executions and durations of hooks, in numbers. */
  totals(filter?: HookTotalsFilter): Promise<HookTotals>;
}
