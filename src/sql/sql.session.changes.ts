import { stringify } from 'devalue';
import { and, eq, inArray, sql } from 'drizzle-orm';

import type { RecordChanges } from '../sessions/session.changes.js';
import type { SessionInit, StoredRun } from '../sessions/session.store.js';
import type { SqlDatabase } from './sql.database.js';
import { sessionEntriesTable, sessionsTable } from './sql.schema.js';
import { inBatches, now, toText } from './sql.values.js';

/** What {@link SqlDatabase.transaction} calls its function with. */
export type Transaction = Parameters<Parameters<SqlDatabase['transaction']>[0]>[0];

/** The columns of a session that nobody has used yet. */
export function toSessionRow({ id, userId, component }: SessionInit): typeof sessionsTable.$inferInsert {
  return {
    id,
    userId: userId ?? null,
    componentKind: component?.kind ?? null,
    componentId: component?.id ?? null,
    componentName: component?.name ?? null,
  };
}

/** Makes the session that a run belongs to, if it is new. Whose it is, and how it began, is what was known first. */
export async function touchSession(
  transaction: Transaction,
  init: SessionInit,
  run: StoredRun,
  name: string | undefined,
): Promise<void> {
  const { componentKind, componentId, componentName, firstInput } = sessionsTable;
  const renamed = name === undefined ? {} : { name: toText(name) };
  await transaction
    .insert(sessionsTable)
    .values({ ...toSessionRow(init), firstInput: firstInputOf(run), ...renamed })
    .onConflictDoUpdate({
      target: sessionsTable.id,
      set: {
        updatedAt: now,
        componentKind: sql`coalesce(${componentKind}, excluded.component_kind)`,
        componentId: sql`coalesce(${componentId}, excluded.component_id)`,
        componentName: sql`coalesce(${componentName}, excluded.component_name)`,
        firstInput: sql`coalesce(${firstInput}, excluded.first_input)`,
        ...renamed,
      },
    });
}

/** A refused input is empty, and what a member was asked is not what the session is about. */
function firstInputOf({ parentRunId, input }: StoredRun): string | null {
  const asked = toText(input.content);
  return parentRunId === undefined && asked !== '' ? asked : null;
}

/** Makes changes to a session's state or metadata, key by key. */
export async function changeEntries(
  transaction: Transaction,
  sessionId: string,
  area: 'state' | 'metadata',
  { set, removed }: RecordChanges,
): Promise<void> {
  const { sessionId: session, area: areaColumn, key: keyColumn } = sessionEntriesTable;
  for (const keys of inBatches(removed)) {
    await transaction
      .delete(sessionEntriesTable)
      .where(and(eq(session, sessionId), eq(areaColumn, area), inArray(keyColumn, keys)));
  }
  for (const entries of inBatches(Object.entries(set))) {
    await transaction
      .insert(sessionEntriesTable)
      .values(entries.map(([key, value]) => ({ sessionId, area, key, value: stringify(value) })))
      .onConflictDoUpdate({ target: [session, areaColumn, keyColumn], set: { value: sql`excluded.value` } });
  }
}
