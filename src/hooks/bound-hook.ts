import type { HookExecution, HookMode, HookPhase } from '../execution/hook-execution.js';
import type { HookLimits } from '../execution/hook.limits.js';
import type { PostHookContext } from './hook.context.js';
import type { DescribedHook } from '../telemetry/conventions.js';
import type { HookDefinition } from './hook.definition.js';
import { isJudge } from './hook.functions.js';

/** A hook that is attached to a component and can be called. */
export interface BoundHook {
  readonly definition: HookDefinition;
  readonly phase: HookPhase;
  /** Where it comes from, for people: `SupportHooks.notify` or `function count`. */
  readonly source: string;
  /** Absent: it has none. They concern its executions in the background only. */
  readonly limits?: HookLimits;
  /** Listed in the component's own hooks or in the module's. */
  readonly attachedBy: 'component' | 'module';
  /** The module's hook runs for members and steps too. */
  readonly includesMembers: boolean;
  /** The instance or function behind it: two references with the same target are the same hook. */
  readonly target: object;
  invoke(context: PostHookContext): unknown;
}

/** An execution of a hook, as its span describes it. */
export function describedHook(hook: BoundHook, execution: HookExecution): DescribedHook {
  const { phase, mode, runId, attempts, component } = execution;
  const { isGuardrail } = hook.definition;
  return {
    hook: execution.hook,
    phase,
    mode,
    runId,
    attempts,
    component,
    isGuardrail,
    isJudge: isJudge(hook),
  };
}

/** Why a hook runs where it runs. */
export type HookModeReason = 'guardrail' | 'decorator' | 'switch' | 'default';

/** Where AgentOS runs a hook, and why. */
export interface ResolvedHookMode {
  readonly mode: HookMode;
  readonly reason: HookModeReason;
}

/** Decides where AgentOS runs a hook: a guardrail inline, else as the decorator says, else as the switch says. */
export function resolveHookMode(definition: HookDefinition, runHooksInBackground: boolean): ResolvedHookMode {
  if (definition.isGuardrail) return { mode: 'inline', reason: 'guardrail' };
  if (definition.runInBackground === true) return { mode: 'background', reason: 'decorator' };
  if (definition.runInBackground === false) return { mode: 'inline', reason: 'decorator' };
  return runHooksInBackground
    ? { mode: 'background', reason: 'switch' }
    : { mode: 'inline', reason: 'default' };
}
