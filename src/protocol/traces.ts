import { z } from 'zod';

import type { HookExecution, HookExecutionState } from '../execution/hook-execution.js';
import type { IndexedRun } from '../execution/run.index.js';
import type { RunActivity } from '../model/run-activity.js';
import { pageOf } from './pages.js';
import { isoTime, named, toIsoTime } from './schema.js';

/** Whether a trace went well. */
export const TRACE_STATUSES = ['OK', 'ERROR'] as const;
export type TraceStatus = (typeof TRACE_STATUSES)[number];

const Status = z.enum(TRACE_STATUSES);

/** The states of hooks as states of spans: one that has not run, or not yet, is neither good nor bad. */
const HOOK_STATUS = {
  scheduled: 'UNSET',
  running: 'UNSET',
  succeeded: 'OK',
  failed: 'ERROR',
  timed_out: 'ERROR',
  skipped: 'UNSET',
  dropped: 'UNSET',
} as const satisfies Record<HookExecutionState, TraceStatus | 'UNSET'>;

const RUN_TYPES = { agent: 'AGENT', team: 'TEAM', workflow: 'WORKFLOW' } as const;
const ACTIVITY_TYPES = {
  attempt: 'ATTEMPT',
  'model-request': 'LLM',
  'tool-call': 'TOOL',
  step: 'STEP',
} as const satisfies Record<RunActivity['kind'], string>;

const SpanFields = z.object({
  id: z.string(),
  name: z.string(),
  type: z
    .enum([...Object.values(RUN_TYPES), ...Object.values(ACTIVITY_TYPES), 'HOOK'])
    .describe('A run by the kind of its component, a part of its work, or a hook.'),
  duration: z.string().describe('For people, such as `15ms` or `1.50s`.'),
  start_time: isoTime(),
  end_time: isoTime('ISO 8601. The start of what has not ended.'),
  status: z.enum([...TRACE_STATUSES, 'UNSET']).describe('`UNSET`: a hook that has not run.'),
  error: z.string().optional().describe('The outcome of the run, or the class of the error of a hook.'),
  metadata: z
    .object({
      run_id: z.string().optional(),
      session_id: z.string().optional(),
      user_id: z.string().optional(),
      model: z.string().optional(),
      tool_name: z.string().optional(),
      total_input_tokens: z.int().optional().describe('Of the whole tree; only of its root.'),
      total_output_tokens: z.int().optional().describe('Of the whole tree; only of its root.'),
      phase: z.enum(['pre', 'post']).optional().describe('Of a hook.'),
      mode: z.enum(['inline', 'background']).optional().describe('Of a hook.'),
      state: z.string().optional().describe('Of a hook.'),
      attempts: z.int().optional().describe('Of a hook.'),
    })
    .describe('What is known besides: ids, names and numbers, never content.'),
});

interface WireSpan extends z.infer<typeof SpanFields> {
  spans?: WireSpan[] | undefined;
}

const WireSpan: z.ZodType<WireSpan> = named(
  'TraceSpan',
  'A run, a part of its work, or one of its hooks.',
  SpanFields.extend({
    get spans() {
      return WireSpan.array().optional().describe('What it consists of, in the order of the start.');
    },
  }),
);

const RunIds = z.object({
  run_id: z.string(),
  session_id: z.string(),
  user_id: z.string().optional(),
  agent_id: z.string().optional(),
  team_id: z.string().optional(),
  workflow_id: z.string().optional(),
});
type RunIds = z.infer<typeof RunIds>;

const TraceFields = z.object({
  trace_id: z.string().describe('The id of the root run.'),
  name: z.string().describe('The name of its component.'),
  status: Status.describe(
    '`ERROR` if a run of the tree did not complete. Failed hooks are in `error_count` only.',
  ),
  duration: SpanFields.shape.duration,
  start_time: isoTime(),
  end_time: isoTime(),
  total_spans: z.int(),
  error_count: z.int(),
  ...RunIds.shape,
  created_at: isoTime(),
});
type TraceFields = z.infer<typeof TraceFields>;

/** A trace in a list. */
const WireTraceSummary = named('TraceSummary', 'A run tree with its hooks, in short.', TraceFields);
type WireTraceSummary = z.infer<typeof WireTraceSummary>;
export const WireTracePage = pageOf('TracePage', 'A page of traces.', WireTraceSummary);

/** A trace with all of its spans. */
export const WireTrace = named(
  'Trace',
  'A run tree with its hooks.',
  TraceFields.extend({
    tree: z.array(WireSpan).describe('The root run.'),
    truncated: z
      .boolean()
      .optional()
      .describe('The page is full, so only the root of the tree is shown. Only in lists.'),
  }),
);
export type WireTrace = z.infer<typeof WireTrace>;
export const WireTraceDetailPage = pageOf('TraceDetailPage', 'A page of whole traces.', WireTrace);

/** A span of a trace by itself, without those inside it. */
export const WireTraceSpan = WireSpan;

const WireTraceSession = named(
  'TraceSessionStats',
  'The traces of a session that are remembered.',
  z.object({
    session_id: z.string(),
    user_id: RunIds.shape.user_id,
    agent_id: RunIds.shape.agent_id.describe('The agent that ran last, if any.'),
    team_id: RunIds.shape.team_id.describe('The team that ran last, if any.'),
    workflow_id: RunIds.shape.workflow_id.describe('The workflow that ran last, if any.'),
    total_traces: z.int(),
    first_trace_at: isoTime('When the first of them began. ISO 8601.'),
    last_trace_at: isoTime('When the last of them began. ISO 8601.'),
  }),
);
type WireTraceSession = z.infer<typeof WireTraceSession>;

export const WireTraceSessionPage = pageOf(
  'TraceSessionStatsPage',
  'A page of sessions with traces.',
  WireTraceSession,
);

/** The fields of a trace that filters compare. Times are epoch milliseconds. */
export interface TraceFacts extends RunIds {
  readonly trace_id: string;
  readonly name: string;
  readonly status: TraceStatus;
  readonly duration_ms: number;
  readonly start_time: number;
  readonly end_time: number;
  readonly created_at: number;
}

/** @param parts - the runs below the root, at any depth */
export function toTraceFacts(root: IndexedRun, parts: readonly IndexedRun[]): TraceFacts {
  const { runId, component, startedAt, settledAt } = root;
  return {
    ...idsOf(root),
    trace_id: runId,
    name: component.name,
    status: traceStatusOf([root, ...parts]),
    duration_ms: settledAt - startedAt,
    start_time: startedAt,
    end_time: settledAt,
    created_at: startedAt,
  };
}

/** The status of the trace of these runs: hooks do not count. */
function traceStatusOf(runs: readonly Pick<IndexedRun, 'outcome'>[]): TraceStatus {
  return runs.every(({ outcome }) => outcome === 'completed') ? 'OK' : 'ERROR';
}

/** A run with the runs below it and the executions of its hooks. */
export interface TracedRun {
  readonly run: IndexedRun;
  readonly parts: readonly TracedRun[];
  readonly executions: readonly HookExecution[];
}

export function toWireTraceSummary(traced: TracedRun): WireTraceSummary {
  return toTraceFields(traced, toRunSpan(traced));
}

/**
 * The sessions of these traces, the one with the latest trace first.
 *
 * @param traces - the latest first
 */
export function toWireTraceSessions(traces: readonly TraceFacts[]): WireTraceSession[] {
  const sessions = new Map<string, TraceFacts[]>();
  for (const trace of traces) {
    const others = sessions.get(trace.session_id);
    if (others) others.push(trace);
    else sessions.set(trace.session_id, [trace]);
  }
  return [...sessions]
    .map(([id, ofSession]) => toWireTraceSession(id, ofSession))
    .sort((one, other) =>
      one.last_trace_at < other.last_trace_at ? 1 : one.last_trace_at > other.last_trace_at ? -1 : 0,
    );
}

function toWireTraceSession(id: string, traces: readonly TraceFacts[]): WireTraceSession {
  const latest = (key: keyof RunIds): string | undefined =>
    traces.find((trace) => trace[key] !== undefined)?.[key];
  const times = traces.map(({ created_at }) => created_at);
  return {
    session_id: id,
    user_id: latest('user_id'),
    agent_id: latest('agent_id'),
    team_id: latest('team_id'),
    workflow_id: latest('workflow_id'),
    total_traces: traces.length,
    first_trace_at: toIsoTime(Math.min(...times)),
    last_trace_at: toIsoTime(Math.max(...times)),
  };
}

export function toWireTrace(traced: TracedRun): WireTrace {
  const root = toRunSpan(traced);
  const { metadata } = root;
  const tokens = sumTokens(traced);
  return { ...toTraceFields(traced, root), tree: [{ ...root, metadata: { ...metadata, ...tokens } }] };
}

/** A trace in a list that has no room for all of it. */
export function shortenTrace({ tree, ...trace }: WireTrace): WireTrace {
  return { ...trace, tree: tree.map((root) => ({ ...root, spans: undefined })) };
}

/** A span of a trace, without those inside it. */
export function toWireTraceSpan(traced: TracedRun, id: string): WireSpan | undefined {
  const span = withInner(toRunSpan(traced)).find((one) => one.id === id);
  return span && { ...span, spans: undefined };
}

function toTraceFields(traced: TracedRun, root: WireSpan): TraceFields {
  const { run } = traced;
  const runs = withParts(traced);
  const spans = withInner(root);
  const errors = spans.filter(({ status }) => status === 'ERROR').length;
  return {
    trace_id: run.runId,
    name: run.component.name,
    status: traceStatusOf(runs),
    duration: root.duration,
    start_time: root.start_time,
    end_time: root.end_time,
    total_spans: spans.length,
    error_count: errors,
    ...idsOf(run),
    created_at: root.start_time,
  };
}

function idsOf({ runId, sessionId, userId, component: { kind, id } }: IndexedRun): RunIds {
  return {
    run_id: runId,
    session_id: sessionId,
    user_id: userId,
    agent_id: kind === 'agent' ? id : undefined,
    team_id: kind === 'team' ? id : undefined,
    workflow_id: kind === 'workflow' ? id : undefined,
  };
}

function withInner(span: WireSpan): WireSpan[] {
  return [span, ...(span.spans ?? []).flatMap(withInner)];
}

function toRunSpan({ run, parts, executions }: TracedRun): WireSpan {
  const { runId, sessionId, userId, component, outcome, startedAt, settledAt, activities } = run;
  const spans = [
    ...shownActivities(activities).map((activity) => toActivitySpan(runId, activity)),
    ...parts.map(toRunSpan),
    ...executions.map(toHookSpan),
  ].sort((one, other) =>
    one.start_time < other.start_time ? -1 : one.start_time > other.start_time ? 1 : 0,
  );
  return {
    id: runId,
    name: component.name,
    type: RUN_TYPES[component.kind],
    ...toTimes(startedAt, settledAt),
    status: outcome === 'completed' ? 'OK' : 'ERROR',
    error: outcome === 'completed' ? undefined : outcome,
    metadata: { run_id: runId, session_id: sessionId, user_id: userId },
    spans: spans.length > 0 ? spans : undefined,
  };
}

/** A single attempt that went well is the run itself. */
function shownActivities(activities: readonly RunActivity[]): { activity: RunActivity; index: number }[] {
  const attempts = activities.filter(({ kind }) => kind === 'attempt').length;
  return activities
    .map((activity, index) => ({ activity, index }))
    .filter(({ activity }) => activity.kind !== 'attempt' || attempts > 1);
}

function toActivitySpan(
  runId: string,
  { activity, index }: { activity: RunActivity; index: number },
): WireSpan {
  const { kind, name, startedAt, endedAt, hasFailed } = activity;
  return {
    id: `${runId}:${index}`,
    name: name ?? kind,
    type: ACTIVITY_TYPES[kind],
    ...toTimes(startedAt, endedAt),
    status: hasFailed ? 'ERROR' : 'OK',
    metadata: {
      model: kind === 'model-request' ? name : undefined,
      tool_name: kind === 'tool-call' ? name : undefined,
    },
  };
}

function toHookSpan(execution: HookExecution): WireSpan {
  const { id, hook, state, phase, mode, attempts, scheduledAt, startedAt = scheduledAt, endedAt } = execution;
  return {
    id,
    name: hook,
    type: 'HOOK',
    ...toTimes(startedAt, endedAt),
    status: HOOK_STATUS[state],
    error: execution.errorName,
    metadata: { run_id: execution.runId, phase, mode, state, attempts },
  };
}

function toTimes(start: number, end = start): Pick<WireSpan, 'duration' | 'start_time' | 'end_time'> {
  return { duration: toDuration(end - start), start_time: toIsoTime(start), end_time: toIsoTime(end) };
}

function toDuration(milliseconds: number): string {
  return milliseconds < 1_000 ? `${Math.round(milliseconds)}ms` : `${(milliseconds / 1_000).toFixed(2)}s`;
}

function sumTokens(
  traced: TracedRun,
): Pick<WireSpan['metadata'], 'total_input_tokens' | 'total_output_tokens'> {
  const runs = withParts(traced);
  const sum = (field: 'inputTokens' | 'outputTokens'): number | undefined =>
    runs.reduce((total, { usage }) => total + (usage[field] ?? 0), 0) || undefined;
  return { total_input_tokens: sum('inputTokens'), total_output_tokens: sum('outputTokens') };
}

function withParts({ run, parts }: TracedRun): IndexedRun[] {
  return [run, ...parts.flatMap(withParts)];
}
