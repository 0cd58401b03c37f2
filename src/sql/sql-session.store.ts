import { and, asc, desc, eq, inArray, sql } from 'drizzle-orm';
import { parse, stringify } from 'devalue';

import type { PlainRecord } from '../model/run-context.js';
import type { Session } from '../model/session.js';
import type { RecordChanges, SessionChanges } from '../sessions/session.changes.js';
import {
  SessionStore,
  type SessionInit,
  type StoredRun,
  type StoredRunFilter,
} from '../sessions/session.store.js';
import type { SqlDatabase } from './sql.database.js';
import { runsTable, sessionEntriesTable, sessionsTable } from './sql.schema.js';

type Transaction = Parameters<Parameters<SqlDatabase['transaction']>[0]>[0];
type Area = 'state' | 'metadata';

/** Runs that are read at once, unless the caller says otherwise. */
const DEFAULT_LIMIT = 100;

/**
 * Sessions in PostgreSQL. Plain data of every kind survives; only a `Buffer` comes back as the `Uint8Array` it is.
 * Call {@link migrate} once before.
 */
export class SqlSessionStore extends SessionStore {
  readonly #database: SqlDatabase;

  constructor(database: SqlDatabase) {
    super();
    this.#database = database;
  }

  override async open(init: SessionInit): Promise<Session> {
    const { id } = init;
    const [row] = await this.#database.select().from(sessionsTable).where(eq(sessionsTable.id, id));
    if (!row) return { ...init, state: {}, metadata: {} };
    const entries = await this.#database
      .select()
      .from(sessionEntriesTable)
      .where(eq(sessionEntriesTable.sessionId, id));
    const record = (area: Area): PlainRecord =>
      Object.fromEntries(
        entries.filter((entry) => entry.area === area).map(({ key, value }) => [key, parse(value)]),
      );
    return {
      id,
      ...(row.userId === null ? {} : { userId: row.userId }),
      ...(row.name === null ? {} : { name: row.name }),
      state: record('state'),
      metadata: record('metadata'),
    };
  }

  override async append(session: SessionInit, run: StoredRun, changes: SessionChanges): Promise<void> {
    await this.#database.transaction(async (transaction) => {
      // Locks the session's row, so that runs of one session are appended one after another.
      await touch(transaction, session, changes.name);
      await change(transaction, session.id, 'state', changes.state);
      await change(transaction, session.id, 'metadata', changes.metadata);
      await transaction.insert(runsTable).values({
        runId: run.runId,
        sessionId: session.id,
        componentKind: run.component.kind,
        componentId: run.component.id,
        status: run.output.status,
        run: stringify(run),
      });
    });
  }

  override async runs(sessionId: string, filter: StoredRunFilter = {}): Promise<readonly StoredRun[]> {
    const { componentId, status, limit = DEFAULT_LIMIT } = filter;
    const wanted = and(
      eq(runsTable.sessionId, sessionId),
      componentId === undefined ? undefined : eq(runsTable.componentId, componentId),
      status === undefined ? undefined : eq(runsTable.status, status),
    );
    const latest = this.#database
      .select({ run: runsTable.run, position: runsTable.position })
      .from(runsTable)
      .where(wanted)
      .orderBy(desc(runsTable.position))
      .limit(limit)
      .as('latest');
    const rows = await this.#database.select({ run: latest.run }).from(latest).orderBy(asc(latest.position));
    return rows.map(({ run }) => parse(run) as StoredRun);
  }
}

async function touch(
  transaction: Transaction,
  { id, userId }: SessionInit,
  name: string | undefined,
): Promise<void> {
  const renamed = name === undefined ? {} : { name };
  await transaction
    .insert(sessionsTable)
    .values({ id, userId: userId ?? null, ...renamed })
    .onConflictDoUpdate({ target: sessionsTable.id, set: { updatedAt: sql`now()`, ...renamed } });
}

async function change(
  transaction: Transaction,
  sessionId: string,
  area: Area,
  changes: RecordChanges,
): Promise<void> {
  const { sessionId: session, area: areaColumn, key: keyColumn } = sessionEntriesTable;
  if (changes.removed.length > 0) {
    const isRemoved = inArray(keyColumn, [...changes.removed]);
    await transaction
      .delete(sessionEntriesTable)
      .where(and(eq(session, sessionId), eq(areaColumn, area), isRemoved));
  }
  const rows = Object.entries(changes.set).map(([key, value]) => ({
    sessionId,
    area,
    key,
    value: stringify(value),
  }));
  if (rows.length === 0) return;
  await transaction
    .insert(sessionEntriesTable)
    .values(rows)
    .onConflictDoUpdate({ target: [session, areaColumn, keyColumn], set: { value: sql`excluded.value` } });
}
