import { sql } from 'drizzle-orm';
import {
  bigserial,
  boolean,
  doublePrecision,
  index,
  pgTable,
  primaryKey,
  text,
  timestamp,
} from 'drizzle-orm/pg-core';

/** A conversation. */
export const sessionsTable = pgTable('agent_os_sessions', {
  id: text().primaryKey(),
  userId: text('user_id'),
  name: text(),
  createdAt: timestamp('created_at', { withTimezone: true }).notNull().defaultNow(),
  updatedAt: timestamp('updated_at', { withTimezone: true }).notNull().defaultNow(),
});

/** A session's state and metadata, one row for each key, so that runs which change different keys do not collide. */
export const sessionEntriesTable = pgTable(
  'agent_os_session_entries',
  {
    sessionId: text('session_id')
      .notNull()
      .references(() => sessionsTable.id, { onDelete: 'cascade' }),
    area: text({ enum: ['state', 'metadata'] }).notNull(),
    key: text().notNull(),
    value: text().notNull(),
  },
  (table) => [primaryKey({ columns: [table.sessionId, table.area, table.key] })],
);

/** A settled run; `run` holds all of it, the other columns are for finding it. */
export const runsTable = pgTable(
  'agent_os_runs',
  {
    runId: text('run_id').primaryKey(),
    position: bigserial({ mode: 'number' }).notNull(),
    sessionId: text('session_id')
      .notNull()
      .references(() => sessionsTable.id, { onDelete: 'cascade' }),
    componentKind: text('component_kind', { enum: ['agent', 'team', 'workflow'] }).notNull(),
    componentId: text('component_id').notNull(),
    status: text().notNull(),
    run: text().notNull(),
    createdAt: timestamp('created_at', { withTimezone: true }).notNull().defaultNow(),
  },
  (table) => [index('agent_os_runs_of_session').on(table.sessionId, table.position)],
);

/** What a judge said of a run. */
export const evaluationsTable = pgTable(
  'agent_os_evaluations',
  {
    id: text().primaryKey(),
    runId: text('run_id').notNull(),
    sessionId: text('session_id').notNull(),
    componentKind: text('component_kind', { enum: ['agent', 'team', 'workflow'] }).notNull(),
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
    createdAt: timestamp('created_at', { withTimezone: true, precision: 3 }).notNull(),
  },
  (table) => [
    index('agent_os_evaluations_by_time').on(table.createdAt),
    index('agent_os_evaluations_of_run').on(table.runId),
  ],
);

/** Makes what is missing; a statement a line, since drivers take one at a time. Says the same as the tables above. */
export const CREATE_TABLES = [
  sql`CREATE TABLE IF NOT EXISTS agent_os_sessions (
    id text PRIMARY KEY,
    user_id text,
    name text,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now())`,
  sql`CREATE TABLE IF NOT EXISTS agent_os_session_entries (
    session_id text NOT NULL REFERENCES agent_os_sessions (id) ON DELETE CASCADE,
    area text NOT NULL,
    key text NOT NULL,
    value text NOT NULL,
    PRIMARY KEY (session_id, area, key))`,
  sql`CREATE TABLE IF NOT EXISTS agent_os_runs (
    run_id text PRIMARY KEY,
    position bigserial NOT NULL,
    session_id text NOT NULL REFERENCES agent_os_sessions (id) ON DELETE CASCADE,
    component_kind text NOT NULL,
    component_id text NOT NULL,
    status text NOT NULL,
    run text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now())`,
  sql`CREATE INDEX IF NOT EXISTS agent_os_runs_of_session ON agent_os_runs (session_id, position)`,
  sql`CREATE TABLE IF NOT EXISTS agent_os_evaluations (
    id text PRIMARY KEY,
    run_id text NOT NULL,
    session_id text NOT NULL,
    component_kind text NOT NULL,
    component_id text NOT NULL,
    component_name text NOT NULL,
    name text NOT NULL,
    criteria text NOT NULL,
    scoring text NOT NULL,
    passed boolean NOT NULL,
    score double precision,
    threshold double precision,
    reason text NOT NULL,
    input text NOT NULL,
    output text NOT NULL,
    created_at timestamptz(3) NOT NULL)`,
  sql`CREATE INDEX IF NOT EXISTS agent_os_evaluations_by_time ON agent_os_evaluations (created_at)`,
  sql`CREATE INDEX IF NOT EXISTS agent_os_evaluations_of_run ON agent_os_evaluations (run_id)`,
];
