import type { ComponentIdentity } from '../model/component-identity.js';

/** Before the run (`pre`) or after it (`post`). */
export type HookPhase = 'pre' | 'post';

/** While the run waits (`inline`) or after the response (`background`). */
export type HookMode = 'inline' | 'background';

/**
 * Where a run stands when its hooks are chosen: the first of its tree (`root`), below another run (`member`: a team
 * member, a step of a workflow), or started by a hook (`inside-hook`). Decides which of the module's hooks it gets.
 */
export type HookPosition = 'root' | 'member' | 'inside-hook';

/**
 * The state of a hook execution. The last five are final, and every scheduled hook reaches exactly one of them; only an
 * explicit retry takes a failed or timed-out execution back to `scheduled`.
 *
 * - `scheduled`: collected, its run has not settled or its response has not closed.
 * - `running`: started, between attempts too.
 * - `succeeded`, `failed`, `timed_out`: the result of the last attempt.
 * - `skipped`: its `when` returned false, or the run's outcome is not among its `on`.
 * - `dropped`: the application shut down first, it was cancelled while it waited, or the data of its run was deleted.
 */
export type HookExecutionState = (typeof HOOK_EXECUTION_STATES)[number];

/** Every {@link HookExecutionState}. */
export const HOOK_EXECUTION_STATES = [
  'scheduled',
  'running',
  'succeeded',
  'failed',
  'timed_out',
  'skipped',
  'dropped',
] as const;

/** A state that is left by nothing but an explicit retry. */
export type FinalHookExecutionState = Exclude<HookExecutionState, 'scheduled' | 'running'>;

/**
 * Why a hook execution ended as it did.
 *
 * - `condition` (skipped): its `when` returned false.
 * - `outcome` (skipped): the run's outcome is not among its `on`, or the attempt it belongs to was repeated.
 * - `superseded` (skipped): a later execution with its `key` waits in its place.
 * - `rejected` (succeeded): an inline hook rejected the run.
 * - `cancelled` (dropped): the run was cancelled while an inline hook was running, or a background hook was cancelled
 *   while it waited.
 * - `shutdown` (dropped): the application could wait no longer.
 * - `deleted` (dropped): the session of its run, or the data of its user, was deleted.
 */
export type HookEndReason =
  'condition' | 'outcome' | 'superseded' | 'rejected' | 'cancelled' | 'shutdown' | 'deleted';

/** Identifies an attached hook in every process with the same module. */
export interface HookIdentity {
  readonly component: Pick<ComponentIdentity, 'kind' | 'id'>;
  readonly position: HookPosition;
  readonly phase: HookPhase;
  readonly hook: string;
}

/**
 * One execution of a hook, as the ledger keeps it: ids, names, states, times and error classes, never content.
 * Component, position, phase and name identify the hook in every process with the same module.
 */
export interface HookExecution {
  /** `runId:phase:hook`, the same for every attempt, so a hook can use it as an idempotency key. */
  readonly id: string;
  readonly hook: string;
  readonly phase: HookPhase;
  readonly mode: HookMode;
  readonly component: ComponentIdentity;
  readonly position: HookPosition;
  /** Listed in the component's own hooks or in the module's. */
  readonly attachedBy: 'component' | 'module';
  readonly runId: string;
  /** The user of the run. */
  readonly userId?: string;
  readonly state: HookExecutionState;
  /**
   * It is kept in this process only, since the store of a durable executor could not take it: a crash loses it. Absent
   * for executions that are in the store, and for those of an executor that has none.
   */
  readonly isVolatile?: true;
  /** Details of some final states. */
  readonly reason?: HookEndReason;
  /** Attempts made so far. */
  readonly attempts: number;
  /** Class name of the error of the last failed attempt. */
  readonly errorName?: string;
  /** Epoch milliseconds. */
  readonly scheduledAt: number;
  readonly startedAt?: number;
  readonly endedAt?: number;
}
