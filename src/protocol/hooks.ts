import { z } from 'zod';

import {
  HOOK_EXECUTION_STATES,
  type HookExecution,
  type HookExecutionState,
} from '../execution/hook-execution.js';
import type { HookStatistics, HookTotals } from '../execution/hook.executions.js';
import type { HookRetries } from '../execution/managed-hook.executions.js';
import type { HookListing } from '../hooks/hook.listing.js';
import type { RunActivity } from '../model/run-activity.js';
import { RUN_OUTCOMES } from '../model/run-output.js';
import type { RunInFlight } from '../runs/in-flight-runs.js';
import type { IndexedRun } from '../execution/run.index.js';
import { isoTime, named, toIsoTime } from './schema.js';

const Phase = z.enum(['pre', 'post']).describe('Before the run or after it.');
const Mode = z
  .enum(['inline', 'background'])
  .describe('`inline`: the run waits for the hook. `background`: the hook runs after the response.');
const Position = z
  .enum(['root', 'member', 'inside-hook'])
  .describe('The run is the first of its tree, below another run, or started by a hook.');
const AttachedBy = z
  .enum(['component', 'module'])
  .describe("Listed in the component's own hooks or in the module's.");

const ComponentIdentity = named(
  'ComponentIdentity',
  'A component.',
  z.object({
    kind: z.enum(['agent', 'team', 'workflow']),
    id: z.string(),
    name: z.string(),
    description: z.string().optional(),
  }),
);

/** A hook as `GET /hooks` shows it. */
export const WireHook = named(
  'Hook',
  'A hook, and where it is attached.',
  z.object({
    hook: z.string(),
    source: z.string().describe('Where the hook is defined, such as `SupportHooks.notify`.'),
    guardrail: z.boolean(),
    limits: z
      .object({
        concurrency: z.int().optional().describe('Executions at one time, in all processes.'),
        rate: z
          .object({ max: z.int(), per: z.number().describe('Milliseconds.') })
          .optional()
          .describe('At most `max` starts within `per`.'),
      })
      .optional()
      .describe('The limits of its executions in the background.'),
    attachment: z
      .object({
        component: ComponentIdentity,
        phase: Phase,
        attached_by: AttachedBy,
        mode: Mode,
        reason: z
          .enum(['guardrail', 'decorator', 'switch', 'default'])
          .describe('Why the hook has this mode.'),
      })
      .nullable()
      .describe('Null if no component uses the hook.'),
  }),
);
export type WireHook = z.infer<typeof WireHook>;

/** A hook execution as `GET /hooks/executions` shows it. */
export const WireExecution = named(
  'HookExecution',
  'An execution of a hook: ids, states and times, never content.',
  z.object({
    id: z.string(),
    hook: z.string(),
    phase: Phase,
    mode: Mode,
    component: ComponentIdentity,
    position: Position,
    attached_by: AttachedBy,
    run_id: z.string(),
    state: z.enum(HOOK_EXECUTION_STATES),
    attempts: z.int().describe('Attempts made so far.'),
    scheduled_at: isoTime(),
    reason: z
      .enum(['condition', 'outcome', 'superseded', 'rejected', 'cancelled', 'shutdown', 'deleted'])
      .optional()
      .describe('Why the execution ended in its state.'),
    error_name: z.string().optional().describe('Class of the error of the last failed attempt.'),
    started_at: isoTime().optional(),
    ended_at: isoTime().optional(),
  }),
);
export type WireExecution = z.infer<typeof WireExecution>;

export const WireExecutions = named(
  'HookExecutions',
  'Executions of hooks, the newest first.',
  z.object({
    data: z.array(WireExecution),
    meta: z
      .object({
        limit: z.int(),
        open: z.int().describe('Executions that have not ended.'),
        counts: z
          .object({
            succeeded: z.int(),
            failed: z.int(),
            timed_out: z.int(),
            skipped: z.int(),
            dropped: z.int(),
          })
          .describe(
            'Number of executions that have ended in each state: since the start of the application, or of those that are remembered if executions belong to users.',
          ),
      })
      .describe('The numbers of executions.'),
  }),
);
export type WireExecutions = z.infer<typeof WireExecutions>;

export const WireRetries = named(
  'HookRetries',
  'Failed executions that are run once more, and those that are not.',
  z.object({
    retried: z.array(z.string()).describe('The ids of the executions that are retried.'),
    refused: z
      .array(
        z.object({
          id: z.string(),
          code: z.enum(['hook_execution_not_found', 'hook_execution_conflict', 'hook_data_gone']),
          message: z.string(),
        }),
      )
      .describe('The executions that are not retried, and why.'),
    left: z.int().describe('The number of executions that match and were not tried, because of the limit.'),
    next: isoTime()
      .describe('The `from` of the next request, which goes on with those that are left. Absent if none is.')
      .optional(),
  }),
);
export type WireRetries = z.infer<typeof WireRetries>;

/** The states that hooks of a run are in, with their numbers. */
const HookCounts = z.object({
  scheduled: z.int().optional(),
  running: z.int().optional(),
  succeeded: z.int().optional(),
  failed: z.int().optional(),
  timed_out: z.int().optional(),
  skipped: z.int().optional(),
  dropped: z.int().optional(),
} satisfies Record<HookExecutionState, z.ZodOptional<z.ZodInt>>);
export type WireHookCounts = z.infer<typeof HookCounts>;

const hookCounts = HookCounts.optional().describe(
  'The number of its hooks in each state: those that are remembered. Only in the list of runs.',
);

const RunInFlightSchema = named(
  'RunInFlight',
  'A run that has not ended: ids, names and times, never content.',
  z.object({
    run_id: z.string(),
    session_id: z.string(),
    component: ComponentIdentity,
    state: z.enum(['running']),
    started_at: isoTime(),
    shown_at: isoTime(),
    waits_for: z
      .enum(['store', 'hook', 'engine', 'member', 'reader'])
      .describe('`reader`: its reader takes no more events. `member`: a run below it.'),
    parent_run_id: z.string().optional(),
    user_id: z.string().optional(),
    hook: z.string().optional().describe('The inline hook that the run waits for.'),
    hooks: hookCounts,
  }),
);

const SettledRun = named(
  'SettledRun',
  'A run that has settled: ids, names, times and tokens, never content.',
  z.object({
    run_id: z.string(),
    session_id: z.string(),
    component: ComponentIdentity,
    position: Position,
    state: z.enum(['settled']),
    outcome: z.enum(RUN_OUTCOMES),
    started_at: isoTime(),
    settled_at: isoTime(),
    usage: z
      .object({
        input_tokens: z.int().optional(),
        output_tokens: z.int().optional(),
        total_tokens: z.int().optional(),
      })
      .describe('Tokens, as far as they are known.'),
    parent_run_id: z.string().optional(),
    user_id: z.string().optional(),
    response_closed_at: isoTime().optional(),
    delivered: z
      .boolean()
      .optional()
      .describe('Whether the response has carried the result to its last byte.'),
    hooks: hookCounts,
  }),
);

/** A run in flight or settled, as `GET /hooks/runs` shows it. */
const ListedRun = z.union([RunInFlightSchema, SettledRun]);
export type WireListedRun = z.infer<typeof ListedRun>;

/** The runs in flight, the oldest first; then those that have settled, the latest first. */
export const WireListedRuns = named(
  'ListedRuns',
  'Runs, in flight and settled.',
  z.object({
    data: z.array(ListedRun),
    meta: z
      .object({
        page: z.int().describe('The first page is 1.'),
        limit: z.int(),
        total: z.int().describe('Number of runs that the client may see and that match the filter.'),
      })
      .describe('The numbers of runs.'),
  }),
);
export type WireListedRuns = z.infer<typeof WireListedRuns>;

const RunActivitySchema = named(
  'RunActivity',
  "A part of a run's work: names and times, never content.",
  z.object({
    run_id: z.string(),
    kind: z
      .enum(['attempt', 'model-request', 'tool-call', 'step'])
      .describe('`attempt`: one try of the component to do its work. `step`: a step or block of a workflow.'),
    name: z.string().optional().describe('The model, the tool or the step.'),
    started_at: isoTime(),
    ended_at: isoTime().optional(),
    failed: z.boolean(),
  }),
);
export type WireRunActivity = z.infer<typeof RunActivitySchema>;

export const WireTimeline = named(
  'RunTimeline',
  'A run, its parts, their work and the executions of their hooks, in the order of their start.',
  z.object({
    run: ListedRun,
    parts: z.array(ListedRun),
    activities: z.array(RunActivitySchema).describe('The first 200 of each run.'),
    executions: z.array(WireExecution),
    omitted: z
      .int()
      .describe(
        'The number of parts, activities and executions that are left out, because there are too many.',
      ),
  }),
);
export type WireTimeline = z.infer<typeof WireTimeline>;

/** The changes since the last event of the stream `GET /hooks/changes`. */
export const WireChanges = named(
  'HookChanges',
  'Runs and hook executions that have changed since the last event, in their present state.',
  z.object({
    runs: z.array(ListedRun),
    executions: z.array(WireExecution),
    omitted: z
      .int()
      .describe('The number of changes that are left out, because there were too many at once.'),
  }),
);
export type WireChanges = z.infer<typeof WireChanges>;

const TALLY = {
  waiting: z.int().describe('Executions that have not started.'),
  running: z.int().describe('Executions that have started and not ended.'),
  failed: z.int().describe('Executions that have failed or timed out.'),
  volatile: z
    .int()
    .describe('Executions that a durable executor could not store, and that a crash of this process loses.'),
  oldest_waiting: z
    .int()
    .nullable()
    .describe('Milliseconds since the longest waiting execution was collected; null if none waits.'),
};

/** The counts of running and past work, as `GET /hooks/stats` shows them. */
export const WireStats = named(
  'HookStats',
  'Numbers of hook executions and runs: the open ones and those that are remembered.',
  z.object({
    ...TALLY,
    hooks: z.array(
      z
        .object({
          hook: z.string(),
          phase: Phase,
          mode: Mode,
          component: ComponentIdentity,
          ...TALLY,
          ran: z.int().describe('Executions that ran to their end: succeeded, failed or timed out.'),
          p50: z.int().optional().describe('Median duration in milliseconds.'),
          p95: z.int().optional().describe('95th percentile of the duration in milliseconds.'),
        })
        .describe('The executions of one hook of a component.'),
    ),
    runs: z
      .object({
        running: z.int(),
        completed: z.int(),
        rejected: z.int(),
        failed: z.int(),
        cancelled: z.int(),
      })
      .describe('Runs in flight, and those that are remembered by their outcome.'),
  }),
);
export type WireStats = z.infer<typeof WireStats>;

export function toWireHook({ hook, source, isGuardrail, limits, attachment }: HookListing): WireHook {
  const wire = { hook, source, guardrail: isGuardrail, ...(limits ? { limits } : {}) };
  if (!attachment) return { ...wire, attachment: null };
  const { component, phase, attachedBy, mode, reason } = attachment;
  return {
    ...wire,
    attachment: { component, phase, attached_by: attachedBy, mode, reason },
  };
}

export function toWireExecution(execution: HookExecution): WireExecution {
  const { hook, phase, mode, component, position, state, attempts, startedAt, endedAt } = execution;
  return {
    id: execution.id,
    hook,
    phase,
    mode,
    component,
    position,
    attached_by: execution.attachedBy,
    run_id: execution.runId,
    state,
    reason: execution.reason,
    attempts,
    error_name: execution.errorName,
    scheduled_at: toIsoTime(execution.scheduledAt),
    started_at: startedAt === undefined ? undefined : toIsoTime(startedAt),
    ended_at: endedAt === undefined ? undefined : toIsoTime(endedAt),
  };
}

export function toWireRetries({ retried, refused, left, next }: HookRetries): WireRetries {
  return {
    retried: [...retried],
    refused: refused.map(({ id, code, message }) => ({ id, code, message })),
    left,
    ...(next === undefined ? {} : { next: toIsoTime(next) }),
  };
}

export function toWireRunInFlight(run: RunInFlight): WireListedRun {
  return {
    run_id: run.runId,
    parent_run_id: run.parentRunId,
    session_id: run.sessionId,
    user_id: run.userId,
    component: run.component,
    state: 'running',
    started_at: toIsoTime(run.startedAt),
    shown_at: toIsoTime(run.shownAt),
    waits_for: run.waitsFor,
    hook: run.hook,
  };
}

export function toWireSettledRun(run: IndexedRun): WireListedRun {
  const { usage, closedAt } = run;
  return {
    run_id: run.runId,
    parent_run_id: run.parentRunId,
    session_id: run.sessionId,
    user_id: run.userId,
    component: run.component,
    position: run.position,
    state: 'settled',
    outcome: run.outcome,
    started_at: toIsoTime(run.startedAt),
    settled_at: toIsoTime(run.settledAt),
    usage: {
      input_tokens: usage.inputTokens,
      output_tokens: usage.outputTokens,
      total_tokens: usage.totalTokens,
    },
    response_closed_at: closedAt === undefined ? undefined : toIsoTime(closedAt),
    delivered: run.delivered,
  };
}

export function toWireActivity(runId: string, activity: RunActivity): WireRunActivity {
  const { kind, name, startedAt, endedAt, hasFailed = false } = activity;
  return {
    run_id: runId,
    kind,
    name,
    started_at: toIsoTime(startedAt),
    ended_at: endedAt === undefined ? undefined : toIsoTime(endedAt),
    failed: hasFailed,
  };
}

export function toWireStats(totals: HookTotals, runs: WireStats['runs']): WireStats {
  const toWire = ({ oldestWaiting, ...rest }: HookStatistics): WireStats['hooks'][number] => ({
    ...rest,
    oldest_waiting: oldestWaiting ?? null,
  });
  const { waiting, running, failed, volatile, oldestWaiting, hooks } = totals;
  const counts = { waiting, running, failed, volatile, oldest_waiting: oldestWaiting ?? null };
  return { ...counts, hooks: hooks.map(toWire), runs };
}
