import { toExactJson } from '../data/exact-json.js';
import type { HookExecution, HookExecutionState } from '../execution/hook-execution.js';
import type {
  CountedExecutions,
  HookExecutionFilter,
  HookTotalsFilter,
} from '../execution/hook.executions.js';
import { checkSpaceOf } from '../sql/free-space.js';
import { GroupedCalls } from './grouped.calls.js';
import { KEPT_JOBS } from './queue.connection.js';
import type { QueueDatabase } from './queue.database.js';
import type { HookLimits, HookRate } from '../execution/hook.limits.js';
import {
  LIMITED_PAUSE,
  MOST_LIMITED_PAUSES,
  NEXT_WAITING,
  RETRY_FENCES,
  type BatchIds,
  retryJobId,
  type Claim,
  type ClaimRequest,
  type ExecutionCounts,
  type Fence,
  type ForgottenHooks,
  type LostExecution,
  type NewBatch,
  type QueueStore,
  type RecordedEnd,
  type RetriedExecution,
  type RetryResult,
  type SweepLimits,
  type WaitingEnd,
} from './queue.store.js';
import type { RunCriteria } from '../execution/run.criteria.js';
import type { EncodedSnapshot } from './stored.batch.js';

/** The maximum number of executions that are found at once without a job. */
const LOST_AT_ONCE = 1_000;

/** The advisory lock of the migration; it must only differ from other locks of the application. */
const MIGRATION_LOCK = 7_777_002;

/** The migration creates it last: if it exists, all tables and indexes do. */
const LAST_INDEX = 'agent_os_hook_executions_batch';

const TABLES = `
CREATE TABLE IF NOT EXISTS agent_os_hook_batches (
  queue text NOT NULL,
  id text NOT NULL,
  tree text NOT NULL,
  position bigint GENERATED ALWAYS AS IDENTITY,
  open int NOT NULL,
  failed int NOT NULL DEFAULT 0,
  delivered boolean,
  carry text,
  ended_at bigint,
  retrying text,
  PRIMARY KEY (queue, id)
);
CREATE INDEX IF NOT EXISTS agent_os_hook_batches_tree ON agent_os_hook_batches (queue, tree);
CREATE TABLE IF NOT EXISTS agent_os_hook_snapshots (
  queue text NOT NULL,
  batch text NOT NULL,
  run_id text NOT NULL,
  origin jsonb,
  json text NOT NULL,
  meta text,
  files jsonb NOT NULL,
  PRIMARY KEY (queue, batch, run_id),
  FOREIGN KEY (queue, batch) REFERENCES agent_os_hook_batches ON DELETE CASCADE
);
CREATE TABLE IF NOT EXISTS agent_os_hook_files (
  queue text NOT NULL,
  batch text NOT NULL,
  hash text NOT NULL,
  content text NOT NULL,
  PRIMARY KEY (queue, batch, hash),
  FOREIGN KEY (queue, batch) REFERENCES agent_os_hook_batches ON DELETE CASCADE
);
CREATE TABLE IF NOT EXISTS agent_os_hook_executions (
  queue text NOT NULL,
  id text NOT NULL,
  batch text NOT NULL,
  position bigint GENERATED ALWAYS AS IDENTITY,
  run_id text NOT NULL,
  user_id text,
  hook text NOT NULL,
  state text NOT NULL,
  fence int NOT NULL DEFAULT 0,
  scheduled_at bigint NOT NULL,
  ended_at bigint,
  execution jsonb NOT NULL,
  PRIMARY KEY (queue, id)
);
CREATE INDEX IF NOT EXISTS agent_os_hook_executions_scheduled ON agent_os_hook_executions (queue, scheduled_at DESC, position DESC);
CREATE INDEX IF NOT EXISTS agent_os_hook_executions_run ON agent_os_hook_executions (queue, run_id);
CREATE INDEX IF NOT EXISTS agent_os_hook_executions_ended ON agent_os_hook_executions (queue, ended_at DESC);
CREATE TABLE IF NOT EXISTS agent_os_hook_limits (
  queue text NOT NULL,
  hook text NOT NULL,
  per bigint NOT NULL,
  PRIMARY KEY (queue, hook)
);
CREATE TABLE IF NOT EXISTS agent_os_hook_starts (
  queue text NOT NULL,
  hook text NOT NULL,
  at bigint NOT NULL
);
CREATE INDEX IF NOT EXISTS agent_os_hook_starts_at ON agent_os_hook_starts (queue, hook, at DESC);
CREATE TABLE IF NOT EXISTS agent_os_hook_limited (
  queue text NOT NULL,
  execution text NOT NULL,
  hook text NOT NULL,
  job text NOT NULL,
  position bigint GENERATED ALWAYS AS IDENTITY,
  PRIMARY KEY (queue, execution),
  FOREIGN KEY (queue, execution) REFERENCES agent_os_hook_executions ON DELETE CASCADE
);
CREATE INDEX IF NOT EXISTS agent_os_hook_limited_hook ON agent_os_hook_limited (queue, hook, position);
ALTER TABLE agent_os_hook_batches ADD COLUMN IF NOT EXISTS retrying text;
ALTER TABLE agent_os_hook_snapshots ADD COLUMN IF NOT EXISTS origin jsonb;
CREATE INDEX IF NOT EXISTS agent_os_hook_batches_retrying ON agent_os_hook_batches (queue, retrying) WHERE retrying IS NOT NULL;
ALTER TABLE agent_os_hook_snapshots ADD COLUMN IF NOT EXISTS is_deleted boolean NOT NULL DEFAULT false;
CREATE INDEX IF NOT EXISTS agent_os_hook_snapshots_session ON agent_os_hook_snapshots (queue, (origin->>'sessionId'));
CREATE INDEX IF NOT EXISTS agent_os_hook_snapshots_user ON agent_os_hook_snapshots (queue, (origin->>'userId'));
ALTER TABLE agent_os_hook_executions ADD COLUMN IF NOT EXISTS key text;
CREATE INDEX IF NOT EXISTS agent_os_hook_executions_key ON agent_os_hook_executions (queue, key) WHERE key IS NOT NULL AND state = 'scheduled';
ALTER TABLE agent_os_hook_executions ADD COLUMN IF NOT EXISTS job text;
CREATE INDEX IF NOT EXISTS ${LAST_INDEX} ON agent_os_hook_executions (queue, batch);
`;

/**
 * The batches of executions that are given with their queue. Statements join by both: with the queue as a constant PostgreSQL
 * reads all rows of it while it has no statistics, as in the first minute of a table, and in a folder at any time.
 */
const BATCHES_OF_GIVEN = `batches AS MATERIALIZED (
         SELECT DISTINCT entry.queue, entry.batch AS id
           FROM given JOIN agent_os_hook_executions entry ON entry.queue = given.queue AND entry.id = given.id
       )`;

/** A claim, with everything that the statement needs of it. */
interface ClaimCall {
  readonly claimed: Fence;
  readonly startedAt: number;
  readonly request: ClaimRequest;
}

/** The end of an execution. Without a fence: of one that no worker runs. */
interface EndCall {
  readonly executionId: string;
  readonly ended: Pick<HookExecution, 'state' | 'endedAt'>;
  readonly fence?: number;
}

/** The result of a claim that was successful. */
interface ClaimedRow {
  readonly id: string;
  readonly execution: HookExecution;
  readonly delivered: boolean | null;
  readonly carry: string | null;
  /** Null if it was not asked for, or is not there. */
  readonly json: string | null;
  readonly meta: string | null;
  readonly files: EncodedSnapshot['files'] | null;
  readonly isDeleted: boolean | null;
}

/** Batches and their ledger in PostgreSQL, beside BullMQ's tables: one transaction covers both. */
export class SqlQueueStore implements QueueStore {
  readonly #database: QueueDatabase;
  readonly #queue: string;
  readonly #close: () => Promise<void>;
  readonly #claims = new GroupedCalls<ClaimCall, Claim>({
    keyOf: ({ claimed }) => claimed.executionId,
    run: (calls) => this.#claimAll(calls),
  });
  readonly #ends = new GroupedCalls<EndCall, RecordedEnd>({
    keyOf: ({ executionId }) => executionId,
    run: (calls) => this.#endAll(calls),
  });

  /**
   * @param queue - the name that separates applications in one database
   * @param close - closes the connections that were opened for this store
   */
  constructor(database: QueueDatabase, queue: string, close: () => Promise<void> = () => Promise.resolve()) {
    this.#database = database;
    this.#queue = queue;
    this.#close = close;
  }

  get client(): object {
    return this.#database.client;
  }

  async open(): Promise<readonly string[]> {
    // With IF NOT EXISTS, too, an index is created under a lock that can deadlock with the hooks of other processes.
    const { rows } = await this.#database.query<{ readonly isThere: boolean }>(
      'SELECT to_regclass($1) IS NOT NULL AS "isThere"',
      [LAST_INDEX],
    );
    if (rows[0]?.isThere) return [];
    // Each statement is a transaction of its own, which locks one table: the hooks of processes of an older version, which go on
    // while the tables are changed, lock several of them in another order.
    await this.#database.exclusively(async (connection) => {
      await connection.query('SELECT pg_advisory_lock($1)', [MIGRATION_LOCK]);
      for (const statement of TABLES.split(';\n'))
        if (statement.trim() !== '') await connection.query(statement);
      await connection.query('SELECT pg_advisory_unlock($1)', [MIGRATION_LOCK]);
    });
    return [];
  }

  close(): Promise<void> {
    return this.#close();
  }

  /** @throws SqlStoreError with the code ENOSPC if the database is in a folder whose disk is nearly full */
  async add(batch: NewBatch, addJobs: () => Promise<void>, connection?: object): Promise<readonly string[]> {
    if (connection) return this.#database.within(connection, () => this.#insert(batch, addJobs));
    await checkSpaceOf(this.#database.client);
    return this.#database.transaction(() => this.#insert(batch, addJobs));
  }

  async #insert(batch: NewBatch, addJobs: () => Promise<void>): Promise<readonly string[]> {
    const { executions, keys, jobs, origins, snapshots, files } = batch;
    const superseded = keys.size > 0 ? await this.#supersede([...new Set(keys.values())]) : [];
    const snapshotRows = [...snapshots].map(([run_id, snapshot]) => ({
      run_id,
      origin: origins.get(run_id),
      ...snapshot,
    }));
    const fileRows = [...files].map(([hash, content]) => ({ hash, content }));
    const open = executions.filter(({ endedAt }) => endedAt === undefined).length;
    await this.#database.query(
      `WITH batch AS (
         INSERT INTO agent_os_hook_batches (queue, id, tree, open, failed, carry)
         VALUES ($1, $2, $3, $4, $5, $6)
       ), snapshots AS (
         INSERT INTO agent_os_hook_snapshots (queue, batch, run_id, origin, json, meta, files)
         SELECT $1, $2, run_id, origin, json, meta, files
           FROM jsonb_to_recordset($7::jsonb) AS given(run_id text, origin jsonb, json text, meta text, files jsonb)
       ), files AS (
         INSERT INTO agent_os_hook_files (queue, batch, hash, content)
         SELECT $1, $2, hash, content FROM jsonb_to_recordset($8::jsonb) AS given(hash text, content text)
       )
       INSERT INTO agent_os_hook_executions (queue, batch, id, run_id, user_id, hook, state, scheduled_at, ended_at, execution, key, job)
       SELECT $1, $2, execution->>'id', execution->>'runId', execution->>'userId', execution->>'hook', execution->>'state',
              (execution->>'scheduledAt')::bigint, (execution->>'endedAt')::bigint, execution,
              $10::jsonb->>(execution->>'id'), $11::jsonb->>(execution->>'id')
         FROM jsonb_array_elements($9::jsonb) AS execution`,
      [
        this.#queue,
        batch.id,
        batch.tree,
        open,
        executions.filter(isFailed).length,
        batch.carry ?? null,
        JSON.stringify(snapshotRows),
        JSON.stringify(fileRows),
        toExactJson(executions).json,
        JSON.stringify(Object.fromEntries(keys)),
        JSON.stringify(Object.fromEntries(jobs)),
      ],
    );
    await addJobs();
    return superseded;
  }

  /** Skips the waiting executions with these keys; batches are locked in the order of their ids, as in {@link forget}. */
  async #supersede(keys: readonly string[]): Promise<readonly string[]> {
    await this.#lockKeys(keys);
    const ended: WaitingEnd = { state: 'skipped', reason: 'superseded', endedAt: Date.now() };
    const { rows } = await this.#database.query<{ readonly id: string }>(
      `SELECT id FROM agent_os_hook_executions
        WHERE queue = $1 AND key = ANY ($2::text[]) AND key IS NOT NULL AND state = 'scheduled' ORDER BY batch, id`,
      [this.#queue, keys],
    );
    const superseded: string[] = [];
    // One that a worker claims at the same moment runs.
    for (const { id } of rows) if ((await this.endWaiting(id, ended)).isRecorded) superseded.push(id);
    return superseded;
  }

  /** Batches with the same key are stored one after another: each sees the executions of the one before it. */
  async #lockKeys(keys: readonly string[]): Promise<void> {
    for (const key of [...keys].sort())
      await this.#database.query('SELECT pg_advisory_xact_lock(hashtextextended($1, 0))', [
        `${this.#queue}:${key}`,
      ]);
  }

  /** A row with the same key waits for the transaction that has written the other one. */
  isStored(batchId: string): Promise<boolean> {
    return this.#database.transaction(async () => {
      const parameters = [this.#queue, batchId];
      const { rows } = await this.#database.query(
        `INSERT INTO agent_os_hook_batches (queue, id, tree, open) VALUES ($1, $2, '', 0)
         ON CONFLICT DO NOTHING RETURNING id`,
        parameters,
      );
      if (rows.length === 0) return true;
      await this.#database.query(
        'DELETE FROM agent_os_hook_batches WHERE queue = $1 AND id = $2',
        parameters,
      );
      return false;
    });
  }

  async discard({ id }: BatchIds): Promise<void> {
    // The rows are locked first: a hook that another worker begins at the same moment has begun, or finds no row.
    await this.#database.query(
      `WITH own AS MATERIALIZED (
         SELECT fence FROM agent_os_hook_executions WHERE queue = $1 AND batch = $2 FOR UPDATE
       ), batch AS (
         DELETE FROM agent_os_hook_batches
          WHERE queue = $1 AND id = $2 AND NOT EXISTS (SELECT 1 FROM own WHERE fence > 0)
       )
       DELETE FROM agent_os_hook_executions
        WHERE queue = $1 AND batch = $2 AND NOT EXISTS (SELECT 1 FROM own WHERE fence > 0)`,
      [this.#queue, id],
    );
  }

  async release(batchId: string, delivered: boolean | undefined): Promise<void> {
    if (delivered === undefined) return;
    await this.#database.query(
      'UPDATE agent_os_hook_batches SET delivered = $3 WHERE queue = $1 AND id = $2',
      [this.#queue, batchId, delivered],
    );
  }

  async hasEarlierOpen(batchId: string): Promise<boolean> {
    const { rows } = await this.#database.query(
      `SELECT 1 FROM agent_os_hook_batches own JOIN agent_os_hook_batches earlier
           ON earlier.queue = own.queue AND earlier.tree = own.tree AND earlier.position < own.position
        WHERE own.queue = $1 AND own.id = $2 AND earlier.ended_at IS NULL LIMIT 1`,
      [this.#queue, batchId],
    );
    return rows.length > 0;
  }

  async snapshot(batchId: string, runId: string): Promise<EncodedSnapshot | 'deleted' | undefined> {
    const { rows } = await this.#database.query<EncodedSnapshot & { readonly isDeleted: boolean }>(
      `SELECT json, meta, files, is_deleted AS "isDeleted" FROM agent_os_hook_snapshots
        WHERE queue = $1 AND batch = $2 AND run_id = $3`,
      [this.#queue, batchId, runId],
    );
    const [row] = rows;
    if (!row) return undefined;
    const { isDeleted, ...snapshot } = row;
    return isDeleted ? 'deleted' : snapshot;
  }

  async file(batchId: string, hash: string): Promise<string | undefined> {
    const { rows } = await this.#database.query<{ readonly content: string }>(
      'SELECT content FROM agent_os_hook_files WHERE queue = $1 AND batch = $2 AND hash = $3',
      [this.#queue, batchId, hash],
    );
    return rows[0]?.content;
  }

  claim(claimed: Fence, startedAt: number, request: ClaimRequest = {}): Promise<Claim> {
    const call = { claimed, startedAt, request };
    if (!request.limits && !claimed.isRetry) return this.#claims.call(call);
    return this.#database.transaction(() => this.#claimWithin(call));
  }

  /** A claim that needs several statements. */
  async #claimWithin(call: ClaimCall): Promise<Claim> {
    const { claimed, request } = call;
    const { limits, jobId = '' } = request;
    if (limits) await this.#lockLimits(limits);
    const batches = claimed.isRetry ? await this.#lockTree(claimed) : [];
    if (!batches) return { kind: 'busy' };
    const wait = limits ? await this.#waitInLine(claimed, limits, jobId) : 0;
    if (wait > 0) return { kind: 'limited', wait };
    const [claim = { kind: 'gone' }] = await this.#claimAll([call]);
    if (claim.kind !== 'claimed') return claim;
    if (limits) await this.#countStart(limits);
    if (claimed.isRetry)
      await this.#database.query(
        'UPDATE agent_os_hook_batches SET retrying = $3 WHERE queue = $1 AND id = ANY ($2::text[])',
        [this.#queue, batches, claimed.executionId],
      );
    return claim;
  }

  async #waitInLine(claimed: Fence, limits: HookLimits, jobId: string): Promise<number> {
    await this.#enterLine(claimed, limits, jobId);
    return this.#waitOf(claimed, limits);
  }

  /**
   * Locks the batches of the tree of an execution. A hook of the tree that another worker begins at the same moment runs
   * already, or waits for the lock of its batch.
   *
   * @returns their ids; undefined if another hook of the tree runs
   */
  async #lockTree({ executionId }: Fence): Promise<readonly string[] | undefined> {
    const { rows: batches } = await this.#database.query<{
      readonly id: string;
      readonly retrying: string | null;
    }>(
      `SELECT id, retrying FROM agent_os_hook_batches
        WHERE queue = $1 AND tree = (
          SELECT tree FROM agent_os_hook_batches batch JOIN agent_os_hook_executions entry
              ON batch.queue = entry.queue AND batch.id = entry.batch
           WHERE entry.queue = $1 AND entry.id = $2)
        ORDER BY id FOR UPDATE`,
      [this.#queue, executionId],
    );
    if (batches.some(({ retrying }) => retrying !== null && retrying !== executionId)) return undefined;
    const ids = batches.map(({ id }) => id);
    const { rows: running } = await this.#database.query(
      `SELECT 1 FROM agent_os_hook_executions
        WHERE queue = $1 AND batch = ANY ($2::text[]) AND state = 'running' AND id <> $3 LIMIT 1`,
      [this.#queue, ids, executionId],
    );
    return running.length > 0 ? undefined : ids;
  }

  countRetry(limits: HookLimits): Promise<number> {
    const { rate } = limits;
    if (!rate) return Promise.resolve(0);
    return this.#database.transaction(async () => {
      await this.#lockLimits(limits);
      const wait = await this.#waitForRate(limits.hook, rate, 0);
      if (wait === 0) await this.#countStart(limits);
      return wait;
    });
  }

  async waiting(hook: string): Promise<readonly string[]> {
    const { rows } = await this.#database.query<{ readonly job: string }>(
      `SELECT limited.job FROM agent_os_hook_limited limited JOIN agent_os_hook_executions entry
           ON entry.queue = limited.queue AND entry.id = limited.execution
        WHERE limited.queue = $1 AND limited.hook = $2 AND entry.state = 'scheduled'
        ORDER BY limited.position LIMIT ${NEXT_WAITING}`,
      [this.#queue, hook],
    );
    return rows.map(({ job }) => job);
  }

  /** One worker at a time counts the executions of a hook. The longest period of all workers decides how long starts are remembered. */
  async #lockLimits({ hook, rate }: HookLimits): Promise<void> {
    await this.#database.query(
      `INSERT INTO agent_os_hook_limits (queue, hook, per) VALUES ($1, $2, $3)
       ON CONFLICT (queue, hook) DO UPDATE SET per = GREATEST(agent_os_hook_limits.per, EXCLUDED.per)`,
      [this.#queue, hook, Math.ceil(rate?.per ?? 0)],
    );
  }

  /** Whether an execution runs or waits is told by its state in the ledger. Those that have ended leave the line. */
  async #enterLine({ executionId }: Fence, { hook }: HookLimits, jobId: string): Promise<void> {
    await this.#database.query(
      `DELETE FROM agent_os_hook_limited limited USING agent_os_hook_executions entry
        WHERE limited.queue = $1 AND limited.hook = $2 AND entry.queue = $1 AND entry.id = limited.execution
          AND entry.ended_at IS NOT NULL`,
      [this.#queue, hook],
    );
    await this.#database.query(
      `INSERT INTO agent_os_hook_limited (queue, execution, hook, job)
       SELECT $1, id, $3, $4 FROM agent_os_hook_executions WHERE queue = $1 AND id = $2 AND ended_at IS NULL
       ON CONFLICT (queue, execution) DO UPDATE SET hook = EXCLUDED.hook, job = EXCLUDED.job`,
      [this.#queue, executionId, hook, jobId],
    );
  }

  /** Milliseconds until an execution may start, as far as known; 0 if it may, or cannot be claimed in any case. */
  async #waitOf({ executionId, fence }: Fence, { hook, concurrency, rate }: HookLimits): Promise<number> {
    const { rows } = await this.#database.query<{ readonly running: number; readonly ahead: number }>(
      `SELECT count(*) FILTER (WHERE entry.state = 'running' AND entry.id <> $3)::int AS running,
              count(*) FILTER (WHERE entry.state = 'scheduled' AND limited.position < own.position)::int AS ahead
         FROM agent_os_hook_limited own
         JOIN agent_os_hook_executions self ON self.queue = $1 AND self.id = $3 AND self.fence < $4
         JOIN agent_os_hook_limited limited ON limited.queue = $1 AND limited.hook = $2
         JOIN agent_os_hook_executions entry ON entry.queue = $1 AND entry.id = limited.execution
        WHERE own.queue = $1 AND own.execution = $3
        GROUP BY own.execution`,
      [this.#queue, hook, executionId, fence],
    );
    const [place] = rows;
    if (!place) return 0;
    const { running, ahead } = place;
    const pauses = Math.min(1 + ahead, MOST_LIMITED_PAUSES);
    const forPlace = running >= (concurrency ?? Infinity) ? pauses * LIMITED_PAUSE : 0;
    return Math.max(forPlace, rate ? await this.#waitForRate(hook, rate, ahead) : 0);
  }

  /** @param ahead - the number of executions that are to start earlier, if the next one has to wait */
  async #waitForRate(hook: string, { max, per }: HookRate, ahead: number): Promise<number> {
    const { rows } = await this.#database.query<{ readonly ago: number }>(
      `SELECT (floor(extract(epoch FROM clock_timestamp()) * 1000) - at)::float8 AS ago
         FROM agent_os_hook_starts WHERE queue = $1 AND hook = $2 ORDER BY at DESC LIMIT $3`,
      [this.#queue, hook, max],
    );
    const oldest = rows[max - 1];
    if (!oldest || oldest.ago >= per) return 0;
    // It takes the place of a later start, so many periods later.
    const replaced = rows[max - 1 - (ahead % max)] ?? oldest;
    return Math.max(1, Math.ceil(per - replaced.ago) + Math.floor(ahead / max) * per);
  }

  async #countStart({ hook, rate }: HookLimits): Promise<void> {
    if (!rate) return;
    await this.#database.query(
      `WITH forgotten AS (
         DELETE FROM agent_os_hook_starts starts USING agent_os_hook_limits limits
          WHERE starts.queue = $1 AND starts.hook = $2 AND limits.queue = $1 AND limits.hook = $2
            AND starts.at < extract(epoch FROM clock_timestamp()) * 1000 - limits.per
       )
       INSERT INTO agent_os_hook_starts (queue, hook, at)
       VALUES ($1, $2, floor(extract(epoch FROM clock_timestamp()) * 1000))`,
      [this.#queue, hook],
    );
  }

  /**
   * Locks the batches first, in the order of their ids, as everything does that locks several rows: two statements that
   * locked the same rows in another order would deadlock.
   */
  async #claimAll(calls: readonly ClaimCall[]): Promise<Claim[]> {
    const ids = calls.map(({ claimed }) => claimed.executionId);
    const { rows } = await this.#database.query<ClaimedRow>(
      `WITH given AS MATERIALIZED (
         SELECT $1::text AS queue, * FROM unnest($2::text[], $3::int[], $4::bigint[], $5::text[], $6::boolean[])
             AS given(id, fence, at, job, "needsSnapshot")
       ), ${BATCHES_OF_GIVEN}, own AS MATERIALIZED (
         SELECT batch.queue, batch.id, batch.delivered, batch.carry, batch.retrying
           FROM batches JOIN agent_os_hook_batches batch ON batch.queue = batches.queue AND batch.id = batches.id
          ORDER BY batch.id FOR NO KEY UPDATE OF batch
       ), claimed AS (
         UPDATE agent_os_hook_executions entry
            SET state = 'running', fence = given.fence,
                execution = entry.execution || jsonb_build_object(
                  'state', 'running',
                  'attempts', (entry.execution->>'attempts')::int + 1,
                  'startedAt', coalesce((entry.execution->>'startedAt')::bigint, given.at))
           FROM given, own
          WHERE entry.queue = given.queue AND entry.id = given.id AND entry.batch = own.id AND entry.fence < given.fence
            AND entry.ended_at IS NULL AND (own.retrying IS NULL OR own.retrying = entry.id)
            AND (entry.job IS NULL OR given.job IS NULL OR entry.job = given.job)
         RETURNING entry.queue, entry.id, entry.run_id, entry.execution, own.id AS batch, own.delivered, own.carry,
                   given."needsSnapshot"
       )
       SELECT claimed.id, claimed.execution, claimed.delivered, claimed.carry,
              snapshot.json, snapshot.meta, snapshot.files, snapshot.is_deleted AS "isDeleted"
         FROM claimed LEFT JOIN agent_os_hook_snapshots snapshot
           ON claimed."needsSnapshot" AND snapshot.queue = claimed.queue AND snapshot.batch = claimed.batch
          AND snapshot.run_id = claimed.run_id`,
      [
        this.#queue,
        ids,
        calls.map(({ claimed }) => claimed.fence),
        calls.map(({ startedAt }) => startedAt),
        calls.map(({ request }) => request.jobId ?? null),
        calls.map(({ request }) => request.snapshotOf !== undefined),
      ],
    );
    const claimed = new Map(rows.map((row) => [row.id, row]));
    const refused = calls.filter((call) => !claimed.has(call.claimed.executionId));
    const kinds = refused.length === 0 ? undefined : await this.#kindsOf(refused);
    return calls.map(({ claimed: { executionId } }): Claim => {
      const row = claimed.get(executionId);
      return row ? toClaim(row) : { kind: kinds?.get(executionId) ?? 'gone' };
    });
  }

  /** Why executions could not be claimed, by their id. */
  async #kindsOf(calls: readonly ClaimCall[]): Promise<ReadonlyMap<string, 'ended' | 'busy' | 'lost'>> {
    const { rows } = await this.#database.query<{
      readonly id: string;
      readonly job: string | null;
      readonly fence: number;
      readonly hasEnded: boolean;
    }>(
      `SELECT id, job, fence, ended_at IS NOT NULL AS "hasEnded" FROM agent_os_hook_executions
        WHERE queue = $1 AND id = ANY ($2::text[])`,
      [this.#queue, calls.map(({ claimed }) => claimed.executionId)],
    );
    const states = new Map(rows.map((row) => [row.id, row]));
    const kinds = new Map<string, 'ended' | 'busy' | 'lost'>();
    for (const { claimed, request } of calls) {
      const { executionId, fence } = claimed;
      const state = states.get(executionId);
      if (!state) continue;
      const isOfOther = state.job !== null && request.jobId !== undefined && state.job !== request.jobId;
      const isLost = state.fence >= fence;
      kinds.set(executionId, state.hasEnded || isOfOther ? 'ended' : isLost ? 'lost' : 'busy');
    }
    return kinds;
  }

  unclaim(claimed: Fence): Promise<void> {
    return this.#change(
      claimed,
      `'state', 'scheduled', 'attempts', (execution->>'attempts')::int - 1`,
      'scheduled',
    );
  }

  attempt(claimed: Fence, attempts: number): Promise<void> {
    return this.#change(claimed, `'attempts', ${Math.floor(attempts)}`, 'running');
  }

  handBack(claimed: Fence): Promise<void> {
    return this.#change(claimed, `'state', 'scheduled'`, 'scheduled');
  }

  end(claimed: Fence, ended: HookExecution): Promise<RecordedEnd> {
    const { executionId, fence } = claimed;
    const { state, reason, errorName, attempts, endedAt } = ended;
    const call = { executionId, fence, ended: { state, reason, errorName, attempts, endedAt } };
    if (!claimed.isRetry) return this.#ends.call(call);
    return this.#endRetry(claimed, () => this.#end(call));
  }

  async retry(executionId: string, addJob: (found: RetriedExecution) => Promise<void>): Promise<RetryResult> {
    return this.#database.transaction(async () => {
      const { rows } = await this.#database.query<
        RetriedExecution & { readonly state: string; readonly key: string | null }
      >(
        `SELECT entry.state, entry.key, entry.batch, entry.fence, batch.tree, snapshot.origin
           FROM agent_os_hook_executions entry
           LEFT JOIN agent_os_hook_batches batch ON batch.queue = entry.queue AND batch.id = entry.batch
           LEFT JOIN agent_os_hook_snapshots snapshot
             ON snapshot.queue = entry.queue AND snapshot.batch = entry.batch AND snapshot.run_id = entry.run_id
          WHERE entry.queue = $1 AND entry.id = $2 FOR UPDATE OF entry`,
        [this.#queue, executionId],
      );
      const [row] = rows;
      if (!row) return 'gone';
      const { state, key, ...found } = row;
      if (state !== 'failed' && state !== 'timed_out') return 'conflict';
      if (key !== null && (await this.#hasWaiting(key))) return 'conflict';
      // A statement of its own: the batch may have been removed while this one waited for the lock.
      const { rows: kept } = await this.#database.query(
        `UPDATE agent_os_hook_batches batch SET open = open + 1, failed = failed - 1, ended_at = NULL
           FROM agent_os_hook_snapshots snapshot, agent_os_hook_executions entry
          WHERE batch.queue = $1 AND batch.id = $2 AND entry.queue = $1 AND entry.id = $3
            AND snapshot.queue = $1 AND snapshot.batch = $2 AND snapshot.run_id = entry.run_id
            AND snapshot.origin IS NOT NULL
         RETURNING batch.id`,
        [this.#queue, found.batch, executionId],
      );
      if (kept.length === 0) return 'gone';
      const jobId = retryJobId(found.batch);
      await this.#database.query(
        `UPDATE agent_os_hook_executions
            SET state = 'scheduled', ended_at = NULL, fence = fence + ${RETRY_FENCES}, job = $3,
                execution = (execution - '{endedAt,reason,errorName}'::text[]) || '{"state":"scheduled"}'
          WHERE queue = $1 AND id = $2`,
        [this.#queue, executionId, jobId],
      );
      await addJob({ ...found, jobId, fence: found.fence + RETRY_FENCES });
      return 'retried';
    });
  }

  endWaiting(executionId: string, ended: WaitingEnd): Promise<RecordedEnd> {
    return this.#end({ executionId, ended });
  }

  async #end(call: EndCall): Promise<RecordedEnd> {
    const [recorded = { isRecorded: false }] = await this.#endAll([call]);
    return recorded;
  }

  async lost(executionId?: string): Promise<readonly LostExecution[]> {
    const { rows } = await this.#database.query<LostExecution>(
      `SELECT entry.execution, entry.fence, CASE WHEN job.id IS NULL THEN 'gone' ELSE 'failed' END AS reason
         FROM agent_os_hook_executions entry LEFT JOIN job ON job.queue = entry.queue AND job.id = entry.job
        WHERE entry.queue = $1 AND entry.ended_at IS NULL AND entry.job IS NOT NULL AND ($2::text IS NULL OR entry.id = $2)
          AND (job.id IS NULL OR job.state IN ('failed', 'completed'))
        LIMIT ${LOST_AT_ONCE}`,
      [this.#queue, executionId ?? null],
    );
    return rows;
  }

  /** Locks the batches first, as claims do. A batch goes with its last hook, unless one has failed: it may be retried. */
  async #endAll(calls: readonly EndCall[]): Promise<RecordedEnd[]> {
    const { rows } = await this.#database.query<{ readonly id: string; readonly batchEnded: string | null }>(
      `WITH given AS MATERIALIZED (
         SELECT $1::text AS queue, * FROM unnest($2::text[], $3::int[], $4::text[], $5::bigint[], $6::text[])
             AS given(id, fence, state, at, fields)
       ), ${BATCHES_OF_GIVEN}, own AS MATERIALIZED (
         SELECT batch.queue, batch.id, batch.open, batch.failed
           FROM batches JOIN agent_os_hook_batches batch ON batch.queue = batches.queue AND batch.id = batches.id
          ORDER BY batch.id FOR NO KEY UPDATE OF batch
       ), ended AS (
         UPDATE agent_os_hook_executions entry
            SET state = given.state, ended_at = given.at, execution = entry.execution || given.fields::jsonb
           FROM given, own
          WHERE entry.queue = given.queue AND entry.id = given.id AND entry.batch = own.id AND entry.ended_at IS NULL
            AND (CASE WHEN given.fence IS NULL THEN entry.state = 'scheduled' ELSE entry.fence = given.fence END)
         RETURNING entry.id, entry.batch, given.state, given.at
       ), changed AS MATERIALIZED (
         SELECT own.queue, own.id, own.open - count(*) AS open, max(ended.at) AS at,
                own.failed + count(*) FILTER (WHERE ended.state IN ('failed', 'timed_out')) AS failed
           FROM ended JOIN own ON own.id = ended.batch GROUP BY own.queue, own.id, own.open, own.failed
       ), kept AS (
         UPDATE agent_os_hook_batches batch
            SET open = changed.open, failed = changed.failed, ended_at = CASE WHEN changed.open = 0 THEN changed.at END
           FROM changed
          WHERE batch.queue = changed.queue AND batch.id = changed.id AND (changed.open > 0 OR changed.failed > 0)
       ), removed AS (
         DELETE FROM agent_os_hook_batches batch USING changed
          WHERE batch.queue = changed.queue AND batch.id = changed.id AND changed.open = 0 AND changed.failed = 0
       )
       SELECT ended.id, CASE WHEN changed.open = 0 THEN changed.id END AS "batchEnded"
         FROM ended JOIN changed ON changed.id = ended.batch`,
      [
        this.#queue,
        calls.map(({ executionId }) => executionId),
        calls.map(({ fence }) => fence ?? null),
        calls.map(({ ended }) => ended.state),
        calls.map(({ ended }) => ended.endedAt ?? null),
        calls.map(({ ended }) => JSON.stringify(ended)),
      ],
    );
    const ended = new Map(rows.map((row) => [row.id, row]));
    return calls.map(({ executionId }) => {
      const row = ended.get(executionId);
      if (!row) return { isRecorded: false };
      return { isRecorded: true, ...(row.batchEnded === null ? {} : { batchEnded: row.batchEnded }) };
    });
  }

  async ended(batchIds: readonly string[]): Promise<readonly string[]> {
    const { rows } = await this.#database.query<{ readonly id: string }>(
      `SELECT given.id FROM unnest($2::text[]) AS given(id)
         LEFT JOIN agent_os_hook_batches batch ON batch.queue = $1 AND batch.id = given.id
        WHERE batch.id IS NULL OR batch.ended_at IS NOT NULL`,
      [this.#queue, [...batchIds]],
    );
    return rows.map(({ id }) => id);
  }

  async countOpen(limit: number): Promise<number> {
    const { rows } = await this.#database.query<{ readonly count: number }>(
      `SELECT count(*)::int AS count FROM (
         SELECT FROM agent_os_hook_batches WHERE queue = $1 AND ended_at IS NULL LIMIT $2) AS found`,
      [this.#queue, limit],
    );
    return rows[0]?.count ?? 0;
  }

  async list(filter: HookExecutionFilter): Promise<HookExecution[]> {
    const { id, runId, runIds, userId, hook, state, endedFrom, endedBefore, limit = 100 } = filter;
    const { rows } = await this.#database.query<{ readonly execution: HookExecution }>(
      `SELECT execution FROM agent_os_hook_executions
        WHERE queue = $1 AND ($2::text IS NULL OR run_id = $2) AND ($3::text IS NULL OR hook = $3)
          AND ($4::text IS NULL OR state = $4)
          AND ($5::text IS NULL OR (CASE WHEN $5 = 'some' THEN user_id = $6 ELSE user_id IS NULL END))
          AND ($8::text IS NULL OR id = $8) AND ($11::text[] IS NULL OR run_id = ANY ($11))
          AND ($9::bigint IS NULL OR ended_at >= $9) AND ($10::bigint IS NULL OR ended_at < $10)
        ORDER BY scheduled_at DESC, position DESC LIMIT $7`,
      [
        this.#queue,
        runId ?? null,
        hook ?? null,
        state ?? null,
        ...userCriterion(userId),
        Number.isFinite(limit) ? limit : 2 ** 31,
        id ?? null,
        endedFrom ?? null,
        endedBefore ?? null,
        runIds ?? null,
      ],
    );
    return rows.map(({ execution }) => execution);
  }

  async counts(): Promise<ExecutionCounts> {
    const { rows } = await this.#database.query<{
      readonly state: HookExecutionState;
      readonly count: number;
    }>('SELECT state, count(*)::int AS count FROM agent_os_hook_executions WHERE queue = $1 GROUP BY state', [
      this.#queue,
    ]);
    return Object.fromEntries(rows.map(({ state, count }) => [state, count]));
  }

  async tally({ userId, isOpen }: Omit<HookTotalsFilter, 'mode'>): Promise<readonly CountedExecutions[]> {
    const { rows } = await this.#database.query<
      Omit<CountedExecutions, 'duration'> & { readonly duration: number | null }
    >(
      `SELECT execution->'component' AS component, execution->>'phase' AS phase, execution->>'mode' AS mode, hook, state,
              (ended_at - (execution->>'startedAt')::float8)::float8 AS duration,
              count(*)::int AS count, min(scheduled_at)::float8 AS "scheduledAt"
         FROM agent_os_hook_executions
        WHERE queue = $1
          AND ($2::text IS NULL OR (CASE WHEN $2 = 'some' THEN user_id = $3 ELSE user_id IS NULL END))
          AND (NOT $4::boolean OR ended_at IS NULL)
        GROUP BY 1, 2, 3, 4, 5, 6`,
      [this.#queue, ...userCriterion(userId), isOpen ?? false],
    );
    return rows.map(({ duration, ...counted }) => ({
      ...counted,
      ...(duration === null ? {} : { duration }),
    }));
  }

  forget(runs: RunCriteria, endedAt: number): Promise<ForgottenHooks> {
    return this.#database.transaction(() => this.#forget(runs, endedAt));
  }

  /** Rows are locked as in claims: batches before executions, and each kind in the order of its ids. */
  async #forget({ runIds, sessionIds, userId }: RunCriteria, endedAt: number): Promise<ForgottenHooks> {
    const { rows: found } = await this.#database.query<{ readonly batch: string; readonly runId: string }>(
      `SELECT batch, run_id AS "runId" FROM (
          SELECT batch, run_id, origin FROM agent_os_hook_snapshots
           WHERE queue = $1 AND NOT is_deleted AND origin IS NOT NULL
          UNION ALL
          -- Processes of the version before store no origin, and no encoded data. The index knows these rows by their null.
          SELECT batch, run_id, CASE WHEN json LIKE '{%' THEN json::jsonb->'runContext' END FROM agent_os_hook_snapshots
           WHERE queue = $1 AND NOT is_deleted AND origin IS NULL AND origin->>'sessionId' IS NULL
        ) run
        WHERE ($2::text[] IS NULL OR run_id = ANY ($2))
          AND ($3::text[] IS NULL OR origin->>'sessionId' = ANY ($3))
          AND ($4::text IS NULL OR (CASE WHEN $4 = 'some' THEN origin->>'userId' = $5 ELSE origin->>'userId' IS NULL END))
          AND NOT ($2::text[] IS NULL AND $3::text[] IS NULL AND $4::text IS NULL)`,
      [this.#queue, runIds ?? null, sessionIds ?? null, ...userCriterion(userId)],
    );
    if (found.length === 0) return { dropped: [], batchesEnded: [] };
    const batchIds = [...new Set(found.map(({ batch }) => batch))];
    const parameters = [this.#queue, found.map(({ batch }) => batch), found.map(({ runId }) => runId)];
    await this.#database.query(
      'SELECT id FROM agent_os_hook_batches WHERE queue = $1 AND id = ANY ($2) ORDER BY id FOR UPDATE',
      [this.#queue, batchIds],
    );
    const { rows: dropped } = await this.#database.query<{ readonly id: string; readonly batch: string }>(
      `WITH waiting AS (
         SELECT entry.id FROM agent_os_hook_executions entry
           JOIN unnest($2::text[], $3::text[]) AS run(batch, id) ON entry.batch = run.batch AND entry.run_id = run.id
          WHERE entry.queue = $1 AND entry.state = 'scheduled' AND entry.ended_at IS NULL
          ORDER BY entry.id FOR UPDATE OF entry
       )
       UPDATE agent_os_hook_executions entry
          SET state = 'dropped', ended_at = $4, execution = entry.execution || $5::jsonb
         FROM waiting WHERE entry.queue = $1 AND entry.id = waiting.id
       RETURNING entry.id, entry.batch`,
      [...parameters, endedAt, JSON.stringify({ state: 'dropped', reason: 'deleted', endedAt })],
    );
    const { rows: batches } = await this.#database.query<{ readonly id: string; readonly open: number }>(
      `UPDATE agent_os_hook_batches batch
          SET open = batch.open - found.dropped,
              ended_at = CASE WHEN batch.open = found.dropped THEN coalesce(batch.ended_at, $4::bigint) END
         FROM (SELECT given.id, (SELECT count(*) FROM unnest($3::text[]) AS of(id) WHERE of.id = given.id)::int AS dropped
                 FROM unnest($2::text[]) AS given(id)) AS found
        WHERE batch.queue = $1 AND batch.id = found.id
       RETURNING batch.id, batch.open`,
      [this.#queue, batchIds, dropped.map(({ batch }) => batch), endedAt],
    );
    await this.#database.query(
      `UPDATE agent_os_hook_snapshots snapshot SET is_deleted = true, json = '', meta = NULL, files = '[]', origin = NULL
         FROM unnest($2::text[], $3::text[]) AS run(batch, id)
        WHERE snapshot.queue = $1 AND snapshot.batch = run.batch AND snapshot.run_id = run.id`,
      parameters,
    );
    await this.#removeUnused(batchIds);
    return {
      dropped: dropped.map(({ id }) => id),
      batchesEnded: batches.filter(({ open }) => open === 0).map(({ id }) => id),
    };
  }

  /** Removes the data of batches that only deleted runs have used. */
  async #removeUnused(batchIds: readonly string[]): Promise<void> {
    const parameters = [this.#queue, batchIds];
    const usedBy = (batch: string): string =>
      `EXISTS (SELECT 1 FROM agent_os_hook_snapshots run WHERE run.queue = $1 AND run.batch = ${batch} AND NOT run.is_deleted`;
    await this.#database.query(
      `DELETE FROM agent_os_hook_files file
        WHERE queue = $1 AND batch = ANY ($2) AND NOT ${usedBy('file.batch')} AND jsonb_exists(run.files, file.hash))`,
      parameters,
    );
    await this.#database.query(
      `UPDATE agent_os_hook_batches batch SET carry = NULL
        WHERE queue = $1 AND id = ANY ($2) AND NOT ${usedBy('batch.id')})`,
      parameters,
    );
    await this.#database.query(
      `DELETE FROM agent_os_hook_batches batch
        WHERE queue = $1 AND id = ANY ($2) AND open = 0 AND (failed = 0 OR NOT ${usedBy('batch.id')}))`,
      parameters,
    );
  }

  /** Rows that another sweep has locked are left to it: the two would deadlock. */
  async sweep({ remembered, keepFailed }: SweepLimits): Promise<void> {
    for (const isOfKind of [`state NOT IN ('failed', 'timed_out')`, `state IN ('failed', 'timed_out')`])
      await this.#database.query(
        `DELETE FROM agent_os_hook_executions WHERE queue = $1 AND id = ANY (ARRAY(
           SELECT id FROM agent_os_hook_executions
            WHERE queue = $1 AND ${isOfKind} AND ended_at <= (
              SELECT ended_at FROM agent_os_hook_executions
               WHERE queue = $1 AND ${isOfKind} AND ended_at IS NOT NULL ORDER BY ended_at DESC OFFSET $2 LIMIT 1)
              FOR UPDATE SKIP LOCKED))`,
        [this.#queue, remembered],
      );
    await this.#database.query(
      `DELETE FROM agent_os_hook_batches WHERE queue = $1 AND id = ANY (ARRAY(
         SELECT id FROM agent_os_hook_batches WHERE queue = $1 AND ended_at < $2 FOR UPDATE SKIP LOCKED))`,
      [this.#queue, Date.now() - keepFailed],
    );
    // BullMQ would read all jobs that are kept at each end of a hook.
    await this.#database.query(
      `DELETE FROM job WHERE queue = $1 AND id = ANY (ARRAY(
         SELECT id FROM job
          WHERE queue = $1 AND state = 'completed' AND finished_at_ms <= greatest($2::bigint, (
            SELECT finished_at_ms FROM job
             WHERE queue = $1 AND state = 'completed' ORDER BY finished_at_ms DESC OFFSET $3 LIMIT 1))
            FOR UPDATE SKIP LOCKED))`,
      [this.#queue, Date.now() - KEPT_JOBS.age * 1_000, KEPT_JOBS.count],
    );
  }

  async #hasWaiting(key: string): Promise<boolean> {
    await this.#lockKeys([key]);
    const { rows } = await this.#database.query(
      `SELECT 1 FROM agent_os_hook_executions WHERE queue = $1 AND key = $2 AND state = 'scheduled' LIMIT 1`,
      [this.#queue, key],
    );
    return rows.length > 0;
  }

  /** A retry that does not run any longer lets the other hooks of its tree run. */
  #endRetry<R>({ executionId, fence, isRetry }: Fence, record: () => Promise<R>): Promise<R> {
    if (!isRetry) return record();
    return this.#database.transaction(async () => {
      // In the order of claims: batches first.
      const { rows } = await this.#database.query<{ readonly id: string }>(
        'SELECT id FROM agent_os_hook_batches WHERE queue = $1 AND retrying = $2 ORDER BY id FOR UPDATE',
        [this.#queue, executionId],
      );
      await this.#database.query(
        `UPDATE agent_os_hook_batches SET retrying = NULL
          WHERE queue = $1 AND id = ANY ($2::text[])
            AND EXISTS (SELECT 1 FROM agent_os_hook_executions WHERE queue = $1 AND id = $3 AND fence = $4)`,
        [this.#queue, rows.map(({ id }) => id), executionId, fence],
      );
      return record();
    });
  }

  async #change(claimed: Fence, changes: string, state: string): Promise<void> {
    if (state === 'scheduled') await this.#endRetry(claimed, () => this.#update(claimed, changes, state));
    else await this.#update(claimed, changes, state);
  }

  async #update({ executionId, fence }: Fence, changes: string, state: string): Promise<void> {
    await this.#database.query(
      `UPDATE agent_os_hook_executions SET state = $4, execution = execution || jsonb_build_object(${changes})
        WHERE queue = $1 AND id = $2 AND fence = $3 AND ended_at IS NULL`,
      [this.#queue, executionId, fence, state],
    );
  }
}

function toClaim({ execution, delivered, carry, json, meta, files, isDeleted }: ClaimedRow): Claim {
  const batch = { ...(delivered === null ? {} : { delivered }), ...(carry === null ? {} : { carry }) };
  const claim = { kind: 'claimed', execution, batch } as const;
  if (isDeleted) return { ...claim, snapshot: 'deleted' };
  return json === null || files === null ? claim : { ...claim, snapshot: { json, meta, files } };
}

/** Two parameters: whether there has to be a user, or none; and the user. */
function userCriterion(userId: string | null | undefined): [string | null, string | null] {
  return [userId === undefined ? null : userId === null ? 'none' : 'some', userId ?? null];
}

function isFailed({ state }: Pick<HookExecution, 'state'>): boolean {
  return state === 'failed' || state === 'timed_out';
}
