import { and, asc, eq, getTableColumns, gte, inArray, isNull, lte, sql, type SQL } from 'drizzle-orm';

import { fromExactJson, toExactJson } from '../data/exact-json.js';
import type { ComponentIdentity } from '../model/component.js';
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
type EntryRow = Omit<typeof sessionEntriesTable.$inferSelect, 'position'>;

/** What is read of a session; JSON as text. */
export const sessionColumns = {
  ...getTableColumns(sessionsTable),
  summary: textOf<string | null>(sessionsTable.summary),
};

/** What is read of an entry of a session; JSON as text. */
export const entryColumns = {
  sessionId: sessionEntriesTable.sessionId,
  area: sessionEntriesTable.area,
  key: sessionEntriesTable.key,
  value: textOf<string>(sessionEntriesTable.value),
  valueMeta: sessionEntriesTable.valueMeta,
};

/** What is read of a run; JSON as text. */
export const runColumns = { json: textOf<string>(runsTable.run), meta: runsTable.runMeta };

/** The columns of a run: `run` and `runMeta` hold all of it. */
export function toRunRow(sessionId: string, run: StoredRun): typeof runsTable.$inferInsert {
  const { metrics, model, status, userId, createdAt } = run.output;
  const { json, meta } = toExactJson(run);
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
    run: json,
    runMeta: meta,
    size: Buffer.byteLength(json) + (meta === null ? 0 : Buffer.byteLength(meta)),
  };
}

function textOrNull(text: string | undefined): string | null {
  return text === undefined ? null : storableText(text);
}

/** Sessions with what stands in other tables, in the order of the rows: three queries at most, however many they are. */
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

/** The sessions without a first input that have runs whose input is not kept. */
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

/** What of a session's rows, in the order of their positions, is its state or its metadata. */
export function toRecord(entries: readonly EntryRow[], wanted: EntryRow['area']): PlainRecord {
  const own = entries.filter(({ area }) => area === wanted);
  return Object.fromEntries(
    own.map(({ key, value, valueMeta }) => [keyOf(key), fromExactJson({ json: value, meta: valueMeta })]),
  );
}

/** A session of which nobody has said it is an agent's. */
const knownKind = sql`coalesce(${sessionsTable.componentKind}, 'agent')`;

/** The name that people see. */
const shownName = sql`coalesce(${sessionsTable.name}, ${sessionsTable.firstInput}, CASE WHEN EXISTS (SELECT FROM ${runsTable} WHERE ${runsTable.sessionId} = ${sessionsTable.id} AND ${isNotShown()}) THEN ${WITHHELD_INPUT}::text END, '')`;

/** That what a run was asked is not for keeping, if it is not kept. */
function isNotShown(): SQL {
  return sql`(${runsTable.withdrawn} OR ${runsTable.status} <> 'COMPLETED')`;
}

/** The same in bytes, so that every database sorts it alike. */
export const sortedName = sql`${shownName} COLLATE "C"`;

/** The condition that a filter stands for. */
export function conditionOf({ kind, componentId, userId, name }: SessionFilter): SQL | undefined {
  return and(
    kind === undefined ? undefined : eq(knownKind, kind),
    componentId === undefined ? undefined : eq(sessionsTable.componentId, componentId),
    ownedBy(userId),
    name === undefined || name === '' ? undefined : sql`${shownName} ILIKE ${containing(name)}`,
  );
}

/** That a session is this owner's; anybody's will do if there is none. */
export function ownedBy(owner: SessionOwner | undefined): SQL | undefined {
  checkUserId(owner);
  if (owner === undefined) return undefined;
  return owner === null ? isNull(sessionsTable.userId) : eq(sessionsTable.userId, owner);
}

/** The condition that a filter of runs stands for, but for the owner of their session. */
export function runCondition({
  runId,
  componentId,
  status,
  isWithdrawn,
  createdAfter,
  createdBefore,
}: StoredRunFilter): SQL | undefined {
  const { startedAt } = runsTable;
  return and(
    runId === undefined ? undefined : eq(runsTable.runId, runId),
    componentId === undefined ? undefined : eq(runsTable.componentId, componentId),
    status === undefined ? undefined : eq(runsTable.status, status),
    isWithdrawn === undefined ? undefined : eq(runsTable.withdrawn, isWithdrawn),
    createdAfter === undefined ? undefined : gte(startedAt, new Date(createdAfter * 1_000)),
    createdBefore === undefined ? undefined : lte(startedAt, new Date(createdBefore * 1_000)),
  );
}

/** That a run was added to the session before this one. */
export function addedBefore(sessionId: string, runId: string): SQL {
  const { position } = runsTable;
  return sql`${position} < (SELECT ${position} FROM ${runsTable} WHERE ${runsTable.sessionId} = ${sessionId} AND ${runsTable.runId} = ${runId})`;
}

/** Bytes of a run and of those that were added after it. */
export const totalSize = sql<number>`sum(${runsTable.size}) OVER (ORDER BY ${runsTable.position} DESC)`;

/** That a run and those that were added after it have at most so many bytes, or that there are none after it. */
export function isWithin(total: SQL.Aliased<number>, maxSize: number): SQL {
  return sql`(${total} <= ${maxSize} OR ${total} = ${runsTable.size})`;
}

/** A pattern in which the text stands for itself. */
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
