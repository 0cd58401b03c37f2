import { and, asc, eq, getTableColumns, gte, inArray, isNull, lte, sql, type SQL } from 'drizzle-orm';

import { fromExactJson, toExactJson } from '../data/exact-json.js';
import type { ComponentIdentity } from '../model/component-identity.js';
import type { PlainRecord } from '../model/run-context.js';
import { tokensOf } from '../model/run-usage.js';
import type {
  SessionFilter,
  SessionOwner,
  SessionUsage,
  StoredRun,
  StoredRunFilter,
  StoredSession,
} from '../sessions/session.store.js';
import { WITHHELD_INPUT } from '../sessions/session.filter.js';
import { checkUserId } from '../sessions/user-id.js';
import { keyOf, storableText } from '../sessions/storable.text.js';
import type { SqlDatabase } from './sql.database.js';
import { runsTable, sessionEntriesTable, sessionsTable } from './sql.schema.js';
import { readUsage } from './sql.session.usage.js';
import { textOf } from './sql.values.js';

type SessionRow = typeof sessionsTable.$inferSelect;
type RunContent = Pick<typeof runsTable.$inferSelect, 'run' | 'runMeta' | 'size'>;
type EntryRow = Omit<typeof sessionEntriesTable.$inferSelect, 'position'>;

/** The columns to read of a session; JSON as text. */
export const sessionColumns = {
  ...getTableColumns(sessionsTable),
  summary: textOf<string | null>(sessionsTable.summary),
};

/** The columns to read of a session's entry; JSON as text. */
export const entryColumns = {
  sessionId: sessionEntriesTable.sessionId,
  area: sessionEntriesTable.area,
  key: sessionEntriesTable.key,
  value: textOf<string>(sessionEntriesTable.value),
  valueMeta: sessionEntriesTable.valueMeta,
};

/** The columns to read of a run; JSON as text. */
export const runColumns = { json: textOf<string>(runsTable.run), meta: runsTable.runMeta };

/** The columns of a run: `run` and `runMeta` hold all of it. */
export function toRunRow(sessionId: string, run: StoredRun): typeof runsTable.$inferInsert {
  const { metrics, model, status, userId, createdAt } = run.output;
  return {
    runId: run.runId,
    sessionId,
    parentRunId: textOrNull(run.parentRunId),
    userId: textOrNull(userId),
    componentKind: run.component.kind,
    componentId: run.component.id,
    status,
    errorCode: textOrNull(run.errorCode),
    withdrawn: run.isWithdrawn ?? false,
    modelId: textOrNull(model?.id),
    modelProvider: textOrNull(model?.provider),
    modelName: textOrNull(model?.name),
    ...tokensOf(metrics),
    startedAt: new Date(createdAt * 1_000),
    endedAt: Number.isFinite(metrics.duration)
      ? new Date((createdAt + (metrics.duration ?? 0)) * 1_000)
      : null,
    ...runContent(run),
  };
}

/** The columns that hold all of a run. */
export function runContent(run: StoredRun): RunContent {
  const { json, meta } = toExactJson(run);
  return {
    run: json,
    runMeta: meta,
    size: Buffer.byteLength(json) + (meta === null ? 0 : Buffer.byteLength(meta)),
  };
}

function textOrNull(text: string | undefined): string | null {
  return text === undefined ? null : storableText(text);
}

/** Sessions with their data from other tables, in the order of the rows: at most three queries for all of them. */
export async function toSessions(
  database: SqlDatabase,
  rows: readonly SessionRow[],
): Promise<StoredSession[]> {
  if (rows.length === 0) return [];
  const ids = rows.map(({ id }) => id);
  const entries = await database
    .select(entryColumns)
    .from(sessionEntriesTable)
    .where(inArray(sessionEntriesTable.sessionId, ids))
    .orderBy(asc(sessionEntriesTable.position));
  const usage = await readUsage(database, ids);
  const withheld = await readWithheld(database, rows);
  const [entriesOf, usageOf] = [groupBySession(entries), groupBySession(usage)];
  return rows.map((row) => ({
    ...toSession(row, entriesOf.get(row.id) ?? [], usageOf.get(row.id) ?? []),
    ...(withheld.has(row.id) ? { isInputWithheld: true } : {}),
  }));
}

/** The sessions without a first input that have runs whose input is withheld. */
async function readWithheld(
  database: SqlDatabase,
  rows: readonly SessionRow[],
): Promise<ReadonlySet<string>> {
  const ids = rows.filter(({ firstInput }) => firstInput === null).map(({ id }) => id);
  if (ids.length === 0) return new Set();
  const found = await database
    .selectDistinct({ id: runsTable.sessionId })
    .from(runsTable)
    .where(and(inArray(runsTable.sessionId, ids), isNotShown()));
  return new Set(found.map(({ id }) => id));
}

/** A session's state or metadata, from its rows in the order of their positions. */
export function toRecord(entries: readonly EntryRow[], wanted: EntryRow['area']): PlainRecord {
  const own = entries.filter(({ area }) => area === wanted);
  return Object.fromEntries(
    own.map(({ key, value, valueMeta }) => [keyOf(key), fromExactJson({ json: value, meta: valueMeta })]),
  );
}

/** The kind of a session; that of an agent if none was given. */
const knownKind = sql`coalesce(${sessionsTable.componentKind}, 'agent')`;

/** The displayed name. */
const shownName = sql`coalesce(${sessionsTable.name}, ${sessionsTable.firstInput}, CASE WHEN EXISTS (SELECT FROM ${runsTable} WHERE ${runsTable.sessionId} = ${sessionsTable.id} AND ${isNotShown()}) THEN ${WITHHELD_INPUT}::text END, '')`;

/** Condition: an empty input of a run counts as withheld. */
function isNotShown(): SQL {
  return sql`(${runsTable.withdrawn} OR ${runsTable.status} <> 'COMPLETED')`;
}

/** The displayed name sorted by bytes, so that the order is the same in every database. */
export const sortedName = sql`${shownName} COLLATE "C"`;

/** The condition of a filter. */
export function conditionOf({ kind, componentId, userId, name }: SessionFilter): SQL | undefined {
  return and(
    kind === undefined ? undefined : eq(knownKind, kind),
    componentId === undefined ? undefined : eq(sessionsTable.componentId, componentId),
    ownedBy(userId),
    name === undefined || name === '' ? undefined : sql`${shownName} ILIKE ${containing(name)}`,
  );
}

/** Condition: a session belongs to this owner. Without an owner every session matches. */
export function ownedBy(owner: SessionOwner | undefined): SQL | undefined {
  checkUserId(owner);
  if (owner === undefined) return undefined;
  return owner === null ? isNull(sessionsTable.userId) : eq(sessionsTable.userId, owner);
}

/** The condition of a filter of runs, without the owner of their session. */
export function runCondition({
  runId,
  componentId,
  statuses,
  isWithdrawn,
  createdAfter,
  createdBefore,
}: StoredRunFilter): SQL | undefined {
  const { startedAt } = runsTable;
  return and(
    runId === undefined ? undefined : eq(runsTable.runId, runId),
    componentId === undefined ? undefined : eq(runsTable.componentId, componentId),
    statuses === undefined ? undefined : inArray(runsTable.status, [...statuses]),
    isWithdrawn === undefined ? undefined : eq(runsTable.withdrawn, isWithdrawn),
    createdAfter === undefined ? undefined : gte(startedAt, new Date(createdAfter * 1_000)),
    createdBefore === undefined ? undefined : lte(startedAt, new Date(createdBefore * 1_000)),
  );
}

/** Condition: a run was added to the session before this one. */
export function addedBefore(sessionId: string, runId: string): SQL {
  const { position } = runsTable;
  return sql`${position} < (SELECT ${position} FROM ${runsTable} WHERE ${runsTable.sessionId} = ${sessionId} AND ${runsTable.runId} = ${runId})`;
}

/** Total size in bytes of a run and all runs added after it. */
export const totalSize = sql<number>`sum(${runsTable.size}) OVER (ORDER BY ${runsTable.position} DESC)`;

/** Condition: a run and those added after it have at most `maxSize` bytes together, or it is the latest run. */
export function isWithin(total: SQL.Aliased<number>, maxSize: number): SQL {
  return sql`(${total} <= ${maxSize} OR ${total} = ${runsTable.size})`;
}

/** A pattern that matches the text literally. */
function containing(text: string): string {
  return `%${storableText(text).replace(/[\\%_]/g, '\\$&')}%`;
}

function toSession(
  { id, userId, name, firstInput, summary, summaryMeta, createdAt, updatedAt, ...row }: SessionRow,
  entries: readonly EntryRow[],
  usage: readonly { readonly usage: SessionUsage }[],
): StoredSession {
  const component = componentOf(row);
  return {
    id,
    kind: row.componentKind ?? 'agent',
    ...(userId === null ? {} : { userId }),
    ...(name === null ? {} : { name }),
    ...(component ? { component } : {}),
    ...(firstInput === null ? {} : { firstInput }),
    ...(summary === null
      ? {}
      : { summary: fromExactJson({ json: summary, meta: summaryMeta }) as PlainRecord }),
    state: toRecord(entries, 'state'),
    metadata: toRecord(entries, 'metadata'),
    usage: usage.map((item) => item.usage),
    createdAt: createdAt.getTime(),
    updatedAt: updatedAt.getTime(),
  };
}

function componentOf({
  componentKind: kind,
  componentId: id,
  componentName: name,
}: Pick<SessionRow, 'componentKind' | 'componentId' | 'componentName'>): ComponentIdentity | undefined {
  return kind === null || id === null ? undefined : { kind, id, name: name ?? id };
}

function groupBySession<T extends { readonly sessionId: string }>(rows: readonly T[]): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const row of rows) groups.set(row.sessionId, [...(groups.get(row.sessionId) ?? []), row]);
  return groups;
}
