import { and, asc, count, desc, eq, exists, inArray, type SQL } from 'drizzle-orm';

import { fromExactJson, toExactJson } from '../data/exact-json.js';
import type { PlainRecord } from '../model/run-context.js';
import type { Session } from '../model/session.js';
import type { SessionChanges } from '../sessions/session.changes.js';
import {
  SessionStore,
  type NewSession,
  type RunSession,
  type SessionFilter,
  type SessionOwner,
  type SessionPage,
  type SessionUpdate,
  type StoredRun,
  type StoredRunFilter,
  type StoredSession,
  type StoreWithin,
} from '../sessions/session.store.js';
import { connectionOf, SqlAccess, type Transaction } from './sql.access.js';
import { withMetadata } from '../sessions/kept-session.js';
import { storableAnnotation, storableAppend, storableSession, storableUpdate } from '../sessions/storable.js';
import { storableText } from '../sessions/storable.text.js';
import type { SqlDatabase } from './sql.database.js';
import { runsTable, sessionEntriesTable, sessionsTable } from './sql.schema.js';
import { changeEntries, toSessionRow, touchSession } from './sql.session.changes.js';
import {
  addedBefore,
  conditionOf,
  entryColumns,
  isWithin,
  ownedBy,
  runColumns,
  runCondition,
  runContent,
  sessionColumns,
  sortedName,
  toRecord,
  toRunRow,
  toSessions,
  totalSize,
} from './sql.session.rows.js';
import { inBatches, now } from './sql.values.js';

/** Default number of runs per read. */
const DEFAULT_LIMIT = 100;

/**
 * Sessions in PostgreSQL, readable by SQL: runs, state and metadata are `jsonb`. Plain data is restored exactly. The
 * database's locale determines which letters match regardless of case. Call {@link migrate} first.
 */
export class SqlSessionStore extends SessionStore {
  readonly #access: SqlAccess;

  /** @param database - its pool gets listeners for lost connections; closing it is up to the application */
  constructor(database: SqlDatabase) {
    super();
    this.#access = new SqlAccess(database);
  }

  override get client(): object | undefined {
    return this.#access.client;
  }

  override async open(id: string): Promise<Session | undefined> {
    const rows = await this.#access.run((database) =>
      database
        .select({ session: { userId: sessionsTable.userId, name: sessionsTable.name }, entry: entryColumns })
        .from(sessionsTable)
        .leftJoin(sessionEntriesTable, eq(sessionEntriesTable.sessionId, sessionsTable.id))
        .where(eq(sessionsTable.id, id))
        .orderBy(asc(sessionEntriesTable.position)),
    );
    if (!rows[0]) return undefined;
    const { userId, name } = rows[0].session;
    const entries = rows.flatMap(({ entry }) => entry ?? []);
    return {
      id,
      ...(userId === null ? {} : { userId }),
      ...(name === null ? {} : { name }),
      state: toRecord(entries, 'state'),
      metadata: toRecord(entries, 'metadata'),
    };
  }

  override append(
    session: RunSession,
    given: StoredRun,
    made: SessionChanges,
    within?: StoreWithin,
  ): Promise<boolean> {
    const { run, changes } = storableAppend(session.id, given, made);
    return this.#access.change([session.id], async (transaction) => {
      // Locks the session's row, so that runs of a session are appended one after another.
      if (!(await touchSession(transaction, session, run, changes.name))) return false;
      await changeEntries(transaction, session.id, 'state', changes.state);
      await changeEntries(transaction, session.id, 'metadata', changes.metadata);
      await transaction.insert(runsTable).values(toRunRow(session.id, run));
      await within?.(connectionOf(transaction));
      return true;
    });
  }

  override async runs(sessionId: string, filter: StoredRunFilter = {}): Promise<readonly StoredRun[]> {
    const { position } = runsTable;
    const { owner, before, maxSize, limit = DEFAULT_LIMIT } = filter;
    const rows = await this.#access.run((database) => {
      const latest = database
        .select({ position, size: totalSize.as('total_size') })
        .from(runsTable)
        .where(
          and(
            eq(runsTable.sessionId, sessionId),
            sessionOwnedBy(database, sessionId, owner),
            runCondition(filter),
            before === undefined ? undefined : addedBefore(sessionId, before),
          ),
        )
        .orderBy(desc(position))
        .limit(limit)
        .as('latest');
      // The size is computed first, so that only the runs that fit are read.
      return database
        .select(runColumns)
        .from(runsTable)
        .innerJoin(latest, eq(position, latest.position))
        .where(
          and(
            eq(runsTable.sessionId, sessionId),
            maxSize === undefined ? undefined : isWithin(latest.size, maxSize),
          ),
        )
        .orderBy(asc(position));
    });
    return rows.map((row) => fromExactJson(row) as StoredRun);
  }

  override find(id: string, owner?: SessionOwner): Promise<StoredSession | undefined> {
    return this.#read(async (database) => {
      const rows = await database
        .select(sessionColumns)
        .from(sessionsTable)
        .where(and(eq(sessionsTable.id, id), ownedBy(owner)));
      const [session] = await toSessions(database, rows);
      return session;
    });
  }

  override list(filter: SessionFilter = {}): Promise<SessionPage> {
    const { sortBy = 'createdAt', sortOrder = 'desc', limit = 20, offset = 0 } = filter;
    const condition = conditionOf(filter);
    const order = sortOrder === 'asc' ? asc : desc;
    return this.#read(async (database) => {
      const rows = await database
        .select(sessionColumns)
        .from(sessionsTable)
        .where(condition)
        .orderBy(order(sortBy === 'name' ? sortedName : sessionsTable[sortBy]), order(sessionsTable.id))
        .limit(limit)
        .offset(offset);
      const [total] = await database.select({ value: count() }).from(sessionsTable).where(condition);
      return { sessions: await toSessions(database, rows), total: total?.value ?? 0 };
    });
  }

  override create(given: NewSession): Promise<boolean> {
    const { name, state = {}, metadata = {}, ...init } = storableSession(given);
    return this.#access.change([init.id], async (transaction) => {
      const values = { ...toSessionRow(init), ...(name === undefined ? {} : { name: storableText(name) }) };
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

  override update(id: string, given: SessionUpdate, owner?: SessionOwner): Promise<boolean> {
    const { name, summary, state, metadata } = storableUpdate(id, given);
    const kept = summary && toExactJson(summary);
    return this.#access.change([id], async (transaction) => {
      const set = {
        updatedAt: now,
        ...(name === undefined ? {} : { name: storableText(name) }),
        ...(kept ? { summary: kept.json, summaryMeta: kept.meta } : {}),
      };
      const updated = await transaction
        .update(sessionsTable)
        .set(set)
        .where(and(eq(sessionsTable.id, id), ownedBy(owner)))
        .returning({ id: sessionsTable.id });
      if (updated.length === 0) return false;
      await changeEntries(transaction, id, 'state', state);
      await changeEntries(transaction, id, 'metadata', metadata);
      return true;
    });
  }

  override annotate(runId: string, given: Readonly<PlainRecord>, owner?: SessionOwner): Promise<boolean> {
    const metadata = storableAnnotation(runId, given);
    return this.#access.change([runId], async (transaction) => {
      // Locks the run's row, so that annotations of a run are applied one after another.
      const [row] = await transaction
        .select(runColumns)
        .from(runsTable)
        .innerJoin(sessionsTable, eq(sessionsTable.id, runsTable.sessionId))
        .where(and(eq(runsTable.runId, runId), eq(runsTable.withdrawn, false), ownedBy(owner)))
        .for('update', { of: runsTable });
      if (!row) return false;
      const run = withMetadata(fromExactJson(row) as StoredRun, metadata);
      await transaction.update(runsTable).set(runContent(run)).where(eq(runsTable.runId, runId));
      return true;
    });
  }

  /** Also deletes their state, metadata and runs. */
  override async delete(ids: readonly string[], owner?: SessionOwner): Promise<readonly string[]> {
    const deleted: string[] = [];
    for (const batch of inBatches(ids)) {
      const rows = await this.#access.change(batch, (transaction) =>
        transaction
          .delete(sessionsTable)
          .where(and(inArray(sessionsTable.id, batch), ownedBy(owner)))
          .returning({ id: sessionsTable.id }),
      );
      deleted.push(...rows.map(({ id }) => id));
    }
    return deleted;
  }

  /** Reads one snapshot: between two statements a session may be deleted and started again by another user. */
  #read<T>(read: (transaction: Transaction) => Promise<T>): Promise<T> {
    return this.#access.transaction(read, { isolationLevel: 'repeatable read', accessMode: 'read only' });
  }
}

/** Condition: the session of the runs belongs to this owner. */
function sessionOwnedBy(
  database: SqlDatabase,
  sessionId: string,
  owner: SessionOwner | undefined,
): SQL | undefined {
  if (owner === undefined) return undefined;
  const { id } = sessionsTable;
  const own = database
    .select({ id })
    .from(sessionsTable)
    .where(and(eq(id, sessionId), ownedBy(owner)));
  return exists(own);
}
