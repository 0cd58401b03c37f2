import type { FinalHookExecutionState, HookExecution } from '../../execution/hook-execution.js';
import type { HookListing } from '../../hooks/hook.listing.js';
import type { ComponentIdentity } from '../../model/component.js';
import { withoutUndefined } from '../../model/without-undefined.js';
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
export type WireExecution = Readonly<Record<string, unknown>>;

/** A page of hook executions, the newest first. */
export interface WireExecutions {
  readonly data: readonly WireExecution[];
  readonly meta: {
    readonly limit: number;
    /** Executions that have not ended. */
    readonly open: number;
    /** How many have ended in each state since the start. */
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
  const { id, hook, phase, mode, component, runId, state, reason, attempts, errorName } = execution;
  return withoutUndefined({
    id,
    hook,
    phase,
    mode,
    component,
    run_id: runId,
    state,
    reason,
    attempts,
    error_name: errorName,
    scheduled_at: toIsoTime(execution.scheduledAt),
    started_at: execution.startedAt && toIsoTime(execution.startedAt),
    ended_at: execution.endedAt && toIsoTime(execution.endedAt),
  });
}
