import { parse, stringify } from 'devalue';
import { and, asc, count, desc, eq, gte, inArray, lte, type SQL } from 'drizzle-orm';

import type { Session } from '../model/session.js';
import type { SessionChanges } from '../sessions/session.changes.js';
import {
  SessionStore,
  type NewSession,
  type SessionFilter,
  type SessionInit,
  type SessionPage,
  type SessionUpdate,
  type StoredRun,
  type StoredRunFilter,
  type StoredSession,
} from '../sessions/session.store.js';
import type { SqlDatabase } from './sql.database.js';
import { runsTable, sessionEntriesTable, sessionsTable } from './sql.schema.js';
import { changeEntries, toSessionRow, touchSession } from './sql.session.changes.js';
import { conditionOf, sortedName, toRecord, toRunRow, toSessions } from './sql.session.rows.js';
import { inBatches, now, toText } from './sql.values.js';

/** Runs that are read at once, unless the caller says otherwise. */
const DEFAULT_LIMIT = 100;

/**
 * Sessions in PostgreSQL. Plain data of every kind survives; only a `Buffer` comes back as the `Uint8Array` it is.
 * Which letters differ in case only is up to the database's locale. Call {@link migrate} once before.
 */
export class SqlSessionStore extends SessionStore {
  readonly #database: SqlDatabase;

  constructor(database: SqlDatabase) {
    super();
    this.#database = database;
  }

  override async open({ id, userId }: SessionInit): Promise<Session> {
    const [row] = await this.#database.select().from(sessionsTable).where(eq(sessionsTable.id, id));
    if (!row) return { id, ...(userId === undefined ? {} : { userId }), state: {}, metadata: {} };
    const entries = await this.#database
      .select()
      .from(sessionEntriesTable)
      .where(eq(sessionEntriesTable.sessionId, id));
    return {
      id,
      ...(row.userId === null ? {} : { userId: row.userId }),
      ...(row.name === null ? {} : { name: row.name }),
      state: toRecord(entries, 'state'),
      metadata: toRecord(entries, 'metadata'),
    };
  }

  override async append(session: SessionInit, run: StoredRun, changes: SessionChanges): Promise<void> {
    await this.#database.transaction(async (transaction) => {
      // Locks the session's row, so that runs of one session are appended one after another.
      await touchSession(transaction, session, run, changes.name);
      await changeEntries(transaction, session.id, 'state', changes.state);
      await changeEntries(transaction, session.id, 'metadata', changes.metadata);
      await transaction.insert(runsTable).values(toRunRow(session.id, run));
    });
  }

  override async runs(sessionId: string, filter: StoredRunFilter = {}): Promise<readonly StoredRun[]> {
    const latest = this.#database
      .select({ run: runsTable.run, position: runsTable.position })
      .from(runsTable)
      .where(and(eq(runsTable.sessionId, sessionId), runCondition(filter)))
      .orderBy(desc(runsTable.position))
      .limit(filter.limit ?? DEFAULT_LIMIT)
      .as('latest');
    const rows = await this.#database.select({ run: latest.run }).from(latest).orderBy(asc(latest.position));
    return rows.map(({ run }) => parse(run) as StoredRun);
  }

  override async find(id: string): Promise<StoredSession | undefined> {
    const rows = await this.#database.select().from(sessionsTable).where(eq(sessionsTable.id, id));
    const [session] = await toSessions(this.#database, rows);
    return session;
  }

  override async list(filter: SessionFilter = {}): Promise<SessionPage> {
    const { sortBy = 'createdAt', sortOrder = 'desc', limit = 20, offset = 0 } = filter;
    const condition = conditionOf(filter);
    const order = sortOrder === 'asc' ? asc : desc;
    const rows = await this.#database
      .select()
      .from(sessionsTable)
      .where(condition)
      .orderBy(order(sortBy === 'name' ? sortedName : sessionsTable[sortBy]), order(sessionsTable.id))
      .limit(limit)
      .offset(offset);
    const [total] = await this.#database.select({ value: count() }).from(sessionsTable).where(condition);
    return { sessions: await toSessions(this.#database, rows), total: total?.value ?? 0 };
  }

  override create({ name, state = {}, metadata = {}, ...init }: NewSession): Promise<boolean> {
    return this.#database.transaction(async (transaction) => {
      const values = { ...toSessionRow(init), ...(name === undefined ? {} : { name: toText(name) }) };
      const created = await transaction
        .insert(sessionsTable)
        .values(values)
        .onConflictDoNothing()
        .returning({ id: sessionsTable.id });
      if (created.length === 0) return false;
      await changeEntries(transaction, init.id, 'state', { set: state, removed: [] });
      await changeEntries(transaction, init.id, 'metadata', { set: metadata, removed: [] });
      return true;
    });
  }

  override update(id: string, { name, summary, state, metadata }: SessionUpdate): Promise<boolean> {
    return this.#database.transaction(async (transaction) => {
      const set = {
        updatedAt: now,
        ...(name === undefined ? {} : { name: toText(name) }),
        ...(summary === undefined ? {} : { summary: stringify(summary) }),
      };
      const updated = await transaction
        .update(sessionsTable)
        .set(set)
        .where(eq(sessionsTable.id, id))
        .returning({ id: sessionsTable.id });
      if (updated.length === 0) return false;
      await changeEntries(transaction, id, 'state', state);
      await changeEntries(transaction, id, 'metadata', metadata);
      return true;
    });
  }

  /** Their state, metadata and runs go with them. */
  override async delete(ids: readonly string[]): Promise<void> {
    for (const batch of inBatches(ids))
      await this.#database.delete(sessionsTable).where(inArray(sessionsTable.id, batch));
  }
}

function runCondition({
  runId,
  componentId,
  status,
  createdAfter,
  createdBefore,
}: StoredRunFilter): SQL | undefined {
  const { createdAt } = runsTable;
  return and(
    runId === undefined ? undefined : eq(runsTable.runId, runId),
    componentId === undefined ? undefined : eq(runsTable.componentId, componentId),
    status === undefined ? undefined : eq(runsTable.status, status),
    createdAfter === undefined ? undefined : gte(createdAt, new Date(createdAfter * 1_000)),
    createdBefore === undefined ? undefined : lte(createdAt, new Date(createdBefore * 1_000)),
  );
}
