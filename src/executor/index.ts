/**
 * The port of executors of background hooks, and the records of the ledger of hook executions.
 *
 * @module nestjs-agentos/executor
 */
export {
  HookExecutor,
  type HookBatch,
  type HookCarry,
  type HookDelivery,
  type HookExecutorHost,
  type HookExecutorLedger,
  type HookExecutorRole,
  type HookTask,
  type StoreRun,
  type StoredHookTask,
} from '../execution/hook.executor.js';
export { isOfRuns, type HookOfRun, type RunCriteria } from '../execution/run.criteria.js';
export type { ContextCarry } from '../execution/hook.carry.js';
export type {
  FinalHookExecutionState,
  HookEndReason,
  HookExecution,
  HookExecutionState,
  HookIdentity,
  HookMode,
  HookPhase,
  HookPosition,
} from '../execution/hook-execution.js';
export type {
  CountedExecutions,
  HookCounts,
  HookExecutionFilter,
  HookExecutions,
  HookStatistics,
  HookTally,
  HookTotals,
  HookTotalsFilter,
} from '../execution/hook.executions.js';
export type { HookLimits, HookRate } from '../execution/hook.limits.js';
export type {
  HookRetries,
  HookRetryFilter,
  ManagedHookExecutions,
  RefusedHookRetry,
} from '../execution/managed-hook.executions.js';
export {
  HookDataGoneError,
  HookExecutionConflictError,
  HookExecutionNotFoundError,
} from '../errors/hook-execution.errors.js';
export { HookHealthIndicator, type HookHealth, type HookHealthLimits } from '../hook.health.js';
export type { HookModeReason } from '../hooks/bound-hook.js';
export type { HookAttachment, HookListing } from '../hooks/hook.listing.js';
export type { RunOrigin } from '../model/run-origin.js';
