import { sql, type SQL } from 'drizzle-orm';
import {
  bigint,
  bigserial,
  boolean,
  customType,
  doublePrecision,
  index,
  integer,
  pgTable,
  primaryKey,
  text,
  timestamp,
} from 'drizzle-orm/pg-core';

const KINDS = ['agent', 'team', 'workflow'] as const;

/**
 * JSON text in a `jsonb` column. It is written and read as text (`textOf()`): some drivers parse JSON and some do not,
 * and a JSON string could be parsed twice.
 */
const jsonb = customType<{ data: string }>({
  dataType: () => 'jsonb',
  toDriver: (json: string): SQL => sql`${json}::text::jsonb`,
});

/** The versions of these tables that the database has had: one row each. */
export const schemaTable = pgTable('agent_os_schema', {
  version: integer().primaryKey(),
  appliedAt: timestamp('applied_at', { withTimezone: true }).notNull().defaultNow(),
});

/** A conversation. */
export const sessionsTable = pgTable(
  'agent_os_sessions',
  {
    id: text().primaryKey(),
    userId: text('user_id'),
    name: text(),
    componentKind: text('component_kind', { enum: KINDS }),
    componentId: text('component_id'),
    componentName: text('component_name'),
    firstInput: text('first_input'),
    summary: jsonb(),
    summaryMeta: text('summary_meta'),
    createdAt: timestamp('created_at', { withTimezone: true }).notNull().defaultNow(),
    updatedAt: timestamp('updated_at', { withTimezone: true }).notNull().defaultNow(),
  },
  (table) => [
    index('agent_os_sessions_by_time').on(table.createdAt, table.id),
    index('agent_os_sessions_by_change').on(table.updatedAt, table.id),
    index('agent_os_sessions_of_user').on(table.userId, table.createdAt),
    index('agent_os_sessions_of_component').on(table.componentId, table.createdAt),
  ],
);

/**
 * A session's state and metadata, one row for each key, so that runs which change different keys do not collide.
 * `position` is the order of the keys.
 */
export const sessionEntriesTable = pgTable(
  'agent_os_session_entries',
  {
    sessionId: text('session_id')
      .notNull()
      .references(() => sessionsTable.id, { onDelete: 'cascade' }),
    area: text({ enum: ['state', 'metadata'] }).notNull(),
    key: text().notNull(),
    position: bigserial({ mode: 'number' }).notNull(),
    value: jsonb().notNull(),
    valueMeta: text('value_meta'),
  },
  (table) => [primaryKey({ columns: [table.sessionId, table.area, table.key] })],
);

/** A settled run: `run` and `run_meta` hold all of it, `size` is their size in bytes; the others are for queries. */
export const runsTable = pgTable(
  'agent_os_runs',
  {
    runId: text('run_id').primaryKey(),
    position: bigserial({ mode: 'number' }).notNull(),
    sessionId: text('session_id')
      .notNull()
      .references(() => sessionsTable.id, { onDelete: 'cascade' }),
    parentRunId: text('parent_run_id'),
    userId: text('user_id'),
    componentKind: text('component_kind', { enum: KINDS }).notNull(),
    componentId: text('component_id').notNull(),
    status: text().notNull(),
    errorCode: text('error_code'),
    withdrawn: boolean().notNull(),
    modelId: text('model_id'),
    modelProvider: text('model_provider'),
    modelName: text('model_name'),
    inputTokens: bigint('input_tokens', { mode: 'number' }),
    outputTokens: bigint('output_tokens', { mode: 'number' }),
    totalTokens: bigint('total_tokens', { mode: 'number' }),
    reasoningTokens: bigint('reasoning_tokens', { mode: 'number' }),
    cacheReadTokens: bigint('cache_read_tokens', { mode: 'number' }),
    cacheWriteTokens: bigint('cache_write_tokens', { mode: 'number' }),
    startedAt: timestamp('started_at', { withTimezone: true }).notNull(),
    endedAt: timestamp('ended_at', { withTimezone: true }),
    run: jsonb().notNull(),
    runMeta: text('run_meta'),
    size: integer().notNull(),
  },
  (table) => [
    index('agent_os_runs_of_session').on(table.sessionId, table.position),
    index('agent_os_runs_by_time').on(table.startedAt),
  ],
);

/** A judge's evaluation of a run. */
export const evaluationsTable = pgTable(
  'agent_os_evaluations',
  {
    id: text().primaryKey(),
    runId: text('run_id').notNull(),
    sessionId: text('session_id').notNull(),
    userId: text('user_id'),
    componentKind: text('component_kind', { enum: KINDS }).notNull(),
    componentId: text('component_id').notNull(),
    componentName: text('component_name').notNull(),
    name: text().notNull(),
    criteria: text().notNull(),
    scoring: text({ enum: ['numeric', 'binary'] }).notNull(),
    passed: boolean().notNull(),
    score: doublePrecision(),
    threshold: doublePrecision(),
    reason: text().notNull(),
    input: text().notNull(),
    output: text().notNull(),
    modelId: text('model_id'),
    modelProvider: text('model_provider'),
    modelName: text('model_name'),
    createdAt: timestamp('created_at', { withTimezone: true, precision: 3 }).notNull(),
    updatedAt: timestamp('updated_at', { withTimezone: true, precision: 3 }),
  },
  (table) => [
    index('agent_os_evaluations_by_time').on(table.createdAt),
    index('agent_os_evaluations_of_run').on(table.runId),
  ],
);
