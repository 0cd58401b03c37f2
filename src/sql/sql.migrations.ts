/** The statements that create a version of the tables. */
export type Migration = readonly string[];

/** The table that holds the version of a database's tables. */
export const VERSION_TABLE = 'agent_os_schema';

/**
 * The migrations, one per version: each upgrades the tables of the version before; the first one creates them. The
 * result is the tables of `sql.schema.ts`. A published entry never changes: later changes are further entries.
 */
export const MIGRATIONS: readonly Migration[] = [
  [
    `CREATE TABLE agent_os_schema (
      version integer PRIMARY KEY,
      applied_at timestamptz NOT NULL DEFAULT now()
    )`,
    `CREATE TABLE agent_os_sessions (
      id text PRIMARY KEY,
      user_id text,
      name text,
      component_kind text,
      component_id text,
      component_name text,
      first_input text,
      summary jsonb,
      summary_meta text,
      created_at timestamptz NOT NULL DEFAULT now(),
      updated_at timestamptz NOT NULL DEFAULT now()
    )`,
    'CREATE INDEX agent_os_sessions_by_time ON agent_os_sessions (created_at, id)',
    'CREATE INDEX agent_os_sessions_by_change ON agent_os_sessions (updated_at, id)',
    'CREATE INDEX agent_os_sessions_of_user ON agent_os_sessions (user_id, created_at)',
    'CREATE INDEX agent_os_sessions_of_component ON agent_os_sessions (component_id, created_at)',
    `CREATE TABLE agent_os_session_entries (
      session_id text NOT NULL REFERENCES agent_os_sessions (id) ON DELETE CASCADE,
      area text NOT NULL,
      key text NOT NULL,
      position bigserial NOT NULL,
      value jsonb NOT NULL,
      value_meta text,
      PRIMARY KEY (session_id, area, key)
    )`,
    `CREATE TABLE agent_os_runs (
      run_id text PRIMARY KEY,
      position bigserial NOT NULL,
      session_id text NOT NULL REFERENCES agent_os_sessions (id) ON DELETE CASCADE,
      parent_run_id text,
      user_id text,
      component_kind text NOT NULL,
      component_id text NOT NULL,
      status text NOT NULL,
      error_code text,
      withdrawn boolean NOT NULL,
      model_id text,
      model_provider text,
      model_name text,
      input_tokens bigint,
      output_tokens bigint,
      total_tokens bigint,
      reasoning_tokens bigint,
      cache_read_tokens bigint,
      cache_write_tokens bigint,
      started_at timestamptz NOT NULL,
      ended_at timestamptz,
      run jsonb NOT NULL,
      run_meta text,
      size integer NOT NULL
    )`,
    'CREATE INDEX agent_os_runs_of_session ON agent_os_runs (session_id, position)',
    'CREATE INDEX agent_os_runs_by_time ON agent_os_runs (started_at)',
    `CREATE TABLE agent_os_evaluations (
      id text PRIMARY KEY,
      run_id text NOT NULL,
      session_id text NOT NULL,
      user_id text,
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
      model_id text,
      model_provider text,
      model_name text,
      created_at timestamptz(3) NOT NULL,
      updated_at timestamptz(3)
    )`,
    'CREATE INDEX agent_os_evaluations_by_time ON agent_os_evaluations (created_at)',
    'CREATE INDEX agent_os_evaluations_of_run ON agent_os_evaluations (run_id)',
    // Runs take some kilobytes: lz4 compresses them in a fraction of the time. Not every server supports it.
    `DO $$ BEGIN
      IF EXISTS (SELECT FROM pg_settings WHERE name = 'default_toast_compression' AND 'lz4' = ANY (enumvals)) THEN
        ALTER TABLE agent_os_runs ALTER COLUMN run SET COMPRESSION lz4;
      END IF;
    END $$`,
  ],
];
