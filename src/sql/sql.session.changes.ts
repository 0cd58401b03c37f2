import { and, eq, sql } from 'drizzle-orm';

import { toExactJson } from '../data/exact-json.js';
import type { RecordChanges } from '../sessions/session.changes.js';
import type { NewSession, RunSession, StoredRun } from '../sessions/session.store.js';
import { checkUserId } from '../sessions/user-id.js';
import { storableKey, storableText } from '../sessions/storable.text.js';
import type { Transaction } from './sql.access.js';
import { sessionEntriesTable, sessionsTable } from './sql.schema.js';
import { ownedBy } from './sql.session.rows.js';
import { now } from './sql.values.js';

/** The columns of a new session. */
export function toSessionRow({ id, userId, component, kind }: NewSession): typeof sessionsTable.$inferInsert {
  checkUserId(userId);
  return {
    id,
    userId: userId ?? null,
    componentKind: component?.kind ?? kind ?? null,
    componentId: component?.id ?? null,
    componentName: component ? storableText(component.name) : null,
  };
}

/**
 * Creates the session of a run, if it is new, and locks its row. The first known owner, component and input are kept.
 *
 * @returns false if the session was deleted, or belongs to another owner
 */
export async function touchSession(
  transaction: Transaction,
  session: RunSession,
  run: StoredRun,
  name: string | undefined,
): Promise<boolean> {
  const { id, owner, isKnown = false } = session;
  const { componentKind, componentId, componentName, firstInput } = sessionsTable;
  const row = { ...toSessionRow(session), firstInput: firstInputOf(run) };
  const renamed = name === undefined ? {} : { name: storableText(name) };
  const set = {
    updatedAt: now,
    // Until a component is known, the kind is the one that was given last.
    componentKind: sql`CASE WHEN ${componentId} IS NULL THEN coalesce(${row.componentKind}, ${componentKind}) ELSE ${componentKind} END`,
    componentId: sql`coalesce(${componentId}, ${row.componentId})`,
    componentName: sql`coalesce(${componentName}, ${row.componentName})`,
    firstInput: sql`coalesce(${firstInput}, ${row.firstInput})`,
    ...renamed,
  };
  const isOwned = ownedBy(owner);
  const touched = isKnown
    ? transaction
        .update(sessionsTable)
        .set(set)
        .where(and(eq(sessionsTable.id, id), isOwned))
        .returning({ id: sessionsTable.id })
    : transaction
        .insert(sessionsTable)
        .values({ ...row, ...renamed })
        .onConflictDoUpdate({ target: sessionsTable.id, set, ...(isOwned ? { setWhere: isOwned } : {}) })
        .returning({ id: sessionsTable.id });
  return (await touched).length > 0;
}

/** Null for a refused input, which is empty, and for the task of a member, which is not the session's topic. */
function firstInputOf({ parentRunId, input }: StoredRun): string | null {
  const asked = storableText(input.content);
  return parentRunId === undefined && asked !== '' ? asked : null;
}

/** Changes a session's state or metadata, key by key. */
export async function changeEntries(
  transaction: Transaction,
  sessionId: string,
  area: 'state' | 'metadata',
  { set, removed }: RecordChanges,
): Promise<void> {
  const { sessionId: session, area: areaColumn, key: keyColumn } = sessionEntriesTable;
  if (removed.length > 0) {
    const keys = sql`SELECT json_array_elements_text(${JSON.stringify(removed.map(storableKey))}::json)`;
    await transaction
      .delete(sessionEntriesTable)
      .where(and(eq(session, sessionId), eq(areaColumn, area), sql`${keyColumn} = ANY (ARRAY(${keys}))`));
  }
  const rows = Object.entries(set).map(([key, value]) => {
    const { json, meta } = toExactJson(value);
    return { key: storableKey(key), value: json, value_meta: meta };
  });
  if (rows.length === 0) return;
  // All rows in one parameter: drizzle needs seconds for a statement of thousands. Existing keys keep their position.
  await transaction.execute(sql`
    INSERT INTO ${sessionEntriesTable} (session_id, area, key, value, value_meta)
    SELECT ${sessionId}::text, ${area}::text, key, value::jsonb, value_meta
    FROM ROWS FROM (json_to_recordset(${JSON.stringify(rows)}::json) AS (key text, value text, value_meta text))
      WITH ORDINALITY AS entries (key, value, value_meta, place)
    ORDER BY place
    ON CONFLICT (session_id, area, key) DO UPDATE SET value = excluded.value, value_meta = excluded.value_meta`);
}
