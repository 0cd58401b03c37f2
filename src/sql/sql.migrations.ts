import { sql, type SQL } from 'drizzle-orm';

/** Makes the tables that are missing, as they were first. */
const TABLES = [
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

/** Columns that have come since, by table. */
const COLUMNS: Readonly<Record<string, readonly string[]>> = {
  agent_os_sessions: [
    'component_kind text',
    'component_id text',
    'component_name text',
    'first_input text',
    'summary text',
  ],
  agent_os_runs: [
    'withdrawn boolean',
    'model_id text',
    'model_provider text',
    'model_name text',
    'input_tokens bigint',
    'output_tokens bigint',
    'total_tokens bigint',
    'reasoning_tokens bigint',
    'cache_read_tokens bigint',
    'cache_write_tokens bigint',
  ],
  agent_os_evaluations: [
    'user_id text',
    'model_id text',
    'model_provider text',
    'model_name text',
    'updated_at timestamptz(3)',
  ],
};

const INDEXES = [
  sql`CREATE INDEX IF NOT EXISTS agent_os_sessions_by_time ON agent_os_sessions (created_at, id)`,
  sql`CREATE INDEX IF NOT EXISTS agent_os_sessions_by_change ON agent_os_sessions (updated_at, id)`,
  sql`CREATE INDEX IF NOT EXISTS agent_os_sessions_of_user ON agent_os_sessions (user_id, created_at)`,
  sql`CREATE INDEX IF NOT EXISTS agent_os_sessions_of_component ON agent_os_sessions (component_id, created_at)`,
];

/** Makes what is missing; a statement each, since drivers take one at a time. The outcome is what `sql.schema.ts` says. */
export const MIGRATIONS: readonly SQL[] = [...TABLES, ...Object.entries(COLUMNS).map(addColumns), ...INDEXES];

function addColumns([table, columns]: readonly [string, readonly string[]]): SQL {
  const additions = columns.map((column) => `ADD COLUMN IF NOT EXISTS ${column}`);
  return sql.raw(`ALTER TABLE ${table} ${additions.join(', ')}`);
}
