import { z } from 'zod';

import type { IndexedRun } from '../execution/run.index.js';
import { COMPONENT_KINDS, type ComponentIdentity, type ComponentKind } from '../model/component-identity.js';
import type { ModelIdentity } from '../model/run-output.js';
import { isoTime, named, toIsoSeconds, toIsoTime } from './schema.js';

const Count = z.int();

const WireDay = named(
  'DailyMetrics',
  'The runs of one day that are remembered.',
  z.object({
    id: z.string(),
    agent_runs_count: Count,
    agent_sessions_count: Count,
    team_runs_count: Count,
    team_sessions_count: Count,
    workflow_runs_count: Count,
    workflow_sessions_count: Count,
    users_count: Count,
    token_metrics: z
      .object({
        input_tokens: Count,
        output_tokens: Count,
        total_tokens: Count,
        audio_total_tokens: Count.describe('Always 0: unknown.'),
        audio_input_tokens: Count.describe('Always 0: unknown.'),
        audio_output_tokens: Count.describe('Always 0: unknown.'),
        cache_read_tokens: Count,
        cache_write_tokens: Count,
        reasoning_tokens: Count,
      })
      .describe('The tokens of all runs, those of members and steps included.'),
    model_metrics: z
      .array(z.object({ model_id: z.string(), model_provider: z.string(), count: Count }))
      .describe('The number of root runs by the model of their component.'),
    date: isoTime('The start of the day in UTC.'),
    created_at: isoTime('When the first of the runs settled.'),
    updated_at: isoTime('When the last of the runs settled.'),
  }),
);
type WireDay = z.infer<typeof WireDay>;

/** The answer of `POST /metrics/refresh`. */
export const WireDays = z.array(WireDay);

/** The answer of `POST /metrics/refresh` in the background. */
export const WireMetricsRefresh = named(
  'MetricsRefresh',
  'What the refresh of metrics does.',
  z.object({ status: z.enum(['started']), message: z.string() }),
);

export const METRICS_REFRESH: z.infer<typeof WireMetricsRefresh> = {
  status: 'started',
  message: 'Metrics are counted when they are asked for: GET /metrics has those of all runs so far.',
};

/** The answer of `GET /metrics/refresh/status`. */
export const WireMetricsRefreshState = named(
  'MetricsRefreshState',
  'The state of the latest refresh of metrics.',
  z.object({
    status: z.enum(['completed']).describe('Always: metrics are counted when they are asked for.'),
    started_at: isoTime('The time of the request. ISO 8601.'),
    finished_at: isoTime('The time of the request. ISO 8601.'),
    error: z.null(),
  }),
);

/** @param time - of the request, in epoch milliseconds */
export function toWireMetricsRefreshState(time: number): z.infer<typeof WireMetricsRefreshState> {
  const at = toIsoTime(time);
  return { status: 'completed', started_at: at, finished_at: at, error: null };
}

/** The answer of `GET /metrics`. */
export const WireDailyMetrics = named(
  'DailyMetricsList',
  'Runs by day: the latest ones, which are remembered.',
  z.object({ metrics: z.array(WireDay), updated_at: isoTime('ISO 8601; null without runs.').nullable() }),
);
export type WireDailyMetrics = z.infer<typeof WireDailyMetrics>;

const DAY = 86_400_000;

/**
 * Runs by the day of their start, the earliest first.
 *
 * @param modelOf - the model of a component, if it has one
 */
export function toWireDailyMetrics(
  runs: readonly IndexedRun[],
  modelOf: (component: ComponentIdentity) => ModelIdentity | undefined,
): WireDailyMetrics {
  const metrics = [...groupByDay(runs)]
    .sort(([one], [other]) => one - other)
    .map(([day, runsOfDay]) => toWireDay(day * DAY, runsOfDay, modelOf));
  return { metrics, updated_at: metrics.at(-1)?.updated_at ?? null };
}

function groupByDay(runs: readonly IndexedRun[]): Map<number, IndexedRun[]> {
  const days = new Map<number, IndexedRun[]>();
  for (const run of runs) {
    const day = Math.floor(run.startedAt / DAY);
    const others = days.get(day);
    if (others) others.push(run);
    else days.set(day, [run]);
  }
  return days;
}

function toWireDay(
  start: number,
  runs: readonly IndexedRun[],
  modelOf: (component: ComponentIdentity) => ModelIdentity | undefined,
): WireDay {
  const counts = Object.fromEntries(
    COMPONENT_KINDS.flatMap((kind) => {
      const roots = runs.filter(({ position, component }) => position === 'root' && component.kind === kind);
      return [
        [`${kind}_runs_count`, roots.length],
        [`${kind}_sessions_count`, new Set(roots.map(({ sessionId }) => sessionId)).size],
      ];
    }),
  ) as Record<`${ComponentKind}_${'runs' | 'sessions'}_count`, number>;
  const settled = runs.map(({ settledAt }) => settledAt);
  return {
    id: `${toIsoSeconds(start).slice(0, 10)}_daily`,
    ...counts,
    users_count: new Set(runs.flatMap(({ userId }) => userId ?? [])).size,
    token_metrics: toTokens(runs),
    model_metrics: toModels(runs, modelOf),
    date: toIsoSeconds(start),
    created_at: toIsoSeconds(Math.min(...settled)),
    updated_at: toIsoSeconds(Math.max(...settled)),
  };
}

function toTokens(runs: readonly IndexedRun[]): WireDay['token_metrics'] {
  const sum = (field: keyof IndexedRun['usage']): number =>
    runs.reduce((total, { usage }) => total + (usage[field] ?? 0), 0);
  return {
    input_tokens: sum('inputTokens'),
    output_tokens: sum('outputTokens'),
    total_tokens: sum('totalTokens'),
    audio_total_tokens: 0,
    audio_input_tokens: 0,
    audio_output_tokens: 0,
    cache_read_tokens: sum('cacheReadTokens'),
    cache_write_tokens: sum('cacheWriteTokens'),
    reasoning_tokens: sum('reasoningTokens'),
  };
}

function toModels(
  runs: readonly IndexedRun[],
  modelOf: (component: ComponentIdentity) => ModelIdentity | undefined,
): WireDay['model_metrics'] {
  const models = new Map<string, WireDay['model_metrics'][number]>();
  for (const { component, position } of runs) {
    const model = position === 'root' ? modelOf(component) : undefined;
    if (!model) continue;
    const key = JSON.stringify([model.id, model.provider]);
    const known = models.get(key);
    if (known) known.count += 1;
    else models.set(key, { model_id: model.id, model_provider: model.provider, count: 1 });
  }
  return [...models.values()];
}
