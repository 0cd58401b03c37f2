import type {
  FinalHookExecutionState,
  HookEndReason,
  HookExecution,
  HookExecutionState,
  HookMode,
  HookPhase,
  HookPosition,
} from '../../execution/hook-execution.js';
import type { HookListing } from '../../hooks/hook.listing.js';
import type { ComponentIdentity } from '../../model/component.js';
import { toIsoTime } from './wire-format.js';

/** A hook as `GET /hooks` shows it; `attachment` is null if no component uses it. */
export interface WireHook {
  readonly hook: string;
  readonly source: string;
  readonly guardrail: boolean;
  readonly attachment: {
    readonly component: ComponentIdentity;
    readonly phase: string;
    readonly attached_by: string;
    readonly mode: string;
    readonly reason: string;
  } | null;
}

/** A hook execution as `GET /hooks/executions` shows it. */
export interface WireExecution {
  readonly id: string;
  readonly hook: string;
  readonly phase: HookPhase;
  readonly mode: HookMode;
  readonly component: ComponentIdentity;
  /** The position of its run: root, below another run, or started by a hook. */
  readonly position: HookPosition;
  readonly attached_by: 'component' | 'module';
  readonly run_id: string;
  readonly state: HookExecutionState;
  readonly reason?: HookEndReason;
  readonly attempts: number;
  readonly error_name?: string;
  readonly scheduled_at: string;
  readonly started_at?: string;
  readonly ended_at?: string;
}

/** A page of hook executions, the newest first. */
export interface WireExecutions {
  readonly data: readonly WireExecution[];
  readonly meta: {
    readonly limit: number;
    /** Executions that have not ended. */
    readonly open: number;
    /** The number of executions that have ended in each state since the start. */
    readonly counts: Readonly<Record<FinalHookExecutionState, number>>;
  };
}

export function toWireHook({ hook, source, isGuardrail, attachment }: HookListing): WireHook {
  if (!attachment) return { hook, source, guardrail: isGuardrail, attachment: null };
  const { component, phase, attachedBy, mode, reason } = attachment;
  return {
    hook,
    source,
    guardrail: isGuardrail,
    attachment: { component, phase, attached_by: attachedBy, mode, reason },
  };
}

export function toWireExecution(execution: HookExecution): WireExecution {
  const {
    id,
    hook,
    phase,
    mode,
    component,
    position,
    attachedBy,
    runId,
    state,
    reason,
    attempts,
    errorName,
  } = execution;
  const { scheduledAt, startedAt, endedAt } = execution;
  return {
    id,
    hook,
    phase,
    mode,
    component,
    position,
    attached_by: attachedBy,
    run_id: runId,
    state,
    ...(reason === undefined ? {} : { reason }),
    attempts,
    ...(errorName === undefined ? {} : { error_name: errorName }),
    scheduled_at: toIsoTime(scheduledAt),
    ...(startedAt === undefined ? {} : { started_at: toIsoTime(startedAt) }),
    ...(endedAt === undefined ? {} : { ended_at: toIsoTime(endedAt) }),
  };
}
