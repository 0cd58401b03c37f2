import { sql, type SQL } from 'drizzle-orm';

/** A table, or what a table has, and the statement that makes it. */
export interface SchemaPart {
  readonly table: string;
  /** A column or an index; the table itself if there is none. */
  readonly part?: string;
  readonly statement: SQL;
}

/** The tables as they were first. */
const TABLES: readonly SchemaPart[] = [
  table(
    'agent_os_sessions',
    `(
    id text PRIMARY KEY,
    user_id text,
    name text,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now())`,
  ),
  table(
    'agent_os_session_entries',
    `(
    session_id text NOT NULL REFERENCES agent_os_sessions (id) ON DELETE CASCADE,
    area text NOT NULL,
    key text NOT NULL,
    value text NOT NULL,
    PRIMARY KEY (session_id, area, key))`,
  ),
  table(
    'agent_os_runs',
    `(
    run_id text PRIMARY KEY,
    position bigserial NOT NULL,
    session_id text NOT NULL REFERENCES agent_os_sessions (id) ON DELETE CASCADE,
    component_kind text NOT NULL,
    component_id text NOT NULL,
    status text NOT NULL,
    run text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now())`,
  ),
  table(
    'agent_os_evaluations',
    `(
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
  ),
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

const INDEXES: readonly SchemaPart[] = [
  index('agent_os_runs', 'agent_os_runs_of_session', '(session_id, position)'),
  index('agent_os_evaluations', 'agent_os_evaluations_by_time', '(created_at)'),
  index('agent_os_evaluations', 'agent_os_evaluations_of_run', '(run_id)'),
  index('agent_os_sessions', 'agent_os_sessions_by_time', '(created_at, id)'),
  index('agent_os_sessions', 'agent_os_sessions_by_change', '(updated_at, id)'),
  index('agent_os_sessions', 'agent_os_sessions_of_user', '(user_id, created_at)'),
  index('agent_os_sessions', 'agent_os_sessions_of_component', '(component_id, created_at)'),
];

/** All that the stores need, in the order in which it is made. The outcome is what `sql.schema.ts` says. */
export const SCHEMA: readonly SchemaPart[] = [
  ...TABLES,
  ...Object.entries(COLUMNS).flatMap(columns),
  ...INDEXES,
];

function table(name: string, definition: string): SchemaPart {
  return { table: name, statement: sql.raw(`CREATE TABLE IF NOT EXISTS ${name} ${definition}`) };
}

function columns([name, definitions]: readonly [string, readonly string[]]): SchemaPart[] {
  return definitions.map((definition) => ({
    table: name,
    part: definition.split(' ', 1)[0] ?? definition,
    statement: sql.raw(`ALTER TABLE ${name} ADD COLUMN IF NOT EXISTS ${definition}`),
  }));
}

function index(name: string, part: string, on: string): SchemaPart {
  return { table: name, part, statement: sql.raw(`CREATE INDEX IF NOT EXISTS ${part} ON ${name} ${on}`) };
}
