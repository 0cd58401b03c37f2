import { parse, stringify } from 'devalue';
import { and, eq, gte, inArray, isNull, lte, sql, type SQL } from 'drizzle-orm';

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
import { storableText } from '../sessions/storable.text.js';
import type { SqlDatabase } from './sql.database.js';
import { runsTable, sessionEntriesTable, sessionsTable } from './sql.schema.js';
import { readUsage } from './sql.session.usage.js';

type SessionRow = typeof sessionsTable.$inferSelect;
type EntryRow = typeof sessionEntriesTable.$inferSelect;

/** The columns of a run, `run` holds all of it. */
export function toRunRow(sessionId: string, run: StoredRun): typeof runsTable.$inferInsert {
  const { metrics, model, status, createdAt } = run.output;
  return {
    runId: run.runId,
    sessionId,
    componentKind: run.component.kind,
    componentId: run.component.id,
    status,
    withdrawn: run.isWithdrawn ?? false,
    run: stringify(run),
    ...(model ? { modelId: model.id, modelProvider: model.provider, modelName: model.name ?? null } : {}),
    ...tokensOf(metrics),
    createdAt: new Date(createdAt * 1_000),
  };
}

/** Sessions with what stands in other tables, in the order of the rows: three queries at most, however many they are. */
export async function toSessions(
  database: SqlDatabase,
  rows: readonly SessionRow[],
): Promise<StoredSession[]> {
  if (rows.length === 0) return [];
  const ids = rows.map(({ id }) => id);
  const entries = await database
    .select()
    .from(sessionEntriesTable)
    .where(inArray(sessionEntriesTable.sessionId, ids));
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

/** What of a session's rows is its state or its metadata. */
export function toRecord(entries: readonly EntryRow[], wanted: EntryRow['area']): PlainRecord {
  const own = entries.filter(({ area }) => area === wanted);
  return Object.fromEntries(own.map(({ key, value }) => [key, parse(value)]));
}

/** A session of which nobody has said it is an agent's. */
const knownKind = sql`coalesce(${sessionsTable.componentKind}, 'agent')`;

/** The name that people see. */
const shownName = sql`coalesce(${sessionsTable.name}, ${sessionsTable.firstInput}, CASE WHEN EXISTS (SELECT FROM ${runsTable} WHERE ${runsTable.sessionId} = ${sessionsTable.id} AND ${isNotShown()}) THEN ${WITHHELD_INPUT}::text END, '')`;

/** That what a run was asked is not for keeping, if it is not kept. */
function isNotShown(): SQL {
  return sql`(coalesce(${runsTable.withdrawn}, false) OR ${runsTable.status} <> 'COMPLETED')`;
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
  const { createdAt } = runsTable;
  return and(
    runId === undefined ? undefined : eq(runsTable.runId, runId),
    componentId === undefined ? undefined : eq(runsTable.componentId, componentId),
    status === undefined ? undefined : eq(runsTable.status, status),
    isWithdrawn === undefined ? undefined : eq(sql`coalesce(${runsTable.withdrawn}, false)`, isWithdrawn),
    createdAfter === undefined ? undefined : gte(createdAt, new Date(createdAfter * 1_000)),
    createdBefore === undefined ? undefined : lte(createdAt, new Date(createdBefore * 1_000)),
  );
}

/** That a run was added to the session before this one. */
export function addedBefore(sessionId: string, runId: string): SQL {
  const { position } = runsTable;
  return sql`${position} < (SELECT ${position} FROM ${runsTable} WHERE ${runsTable.sessionId} = ${sessionId} AND ${runsTable.runId} = ${runId})`;
}

/** Bytes of a run and of those that were added after it. PostgreSQL knows the size of a text without reading it. */
export const totalSize = sql<number>`sum(octet_length(${runsTable.run})) OVER (ORDER BY ${runsTable.position} DESC)`;

/** That a run and those that were added after it have at most so many bytes, or that there are none after it. */
export function isWithin(total: SQL.Aliased<number>, maxSize: number): SQL {
  return sql`(${total} <= ${maxSize} OR ${total} = octet_length(${runsTable.run}))`;
}

/** A pattern in which the text stands for itself. */
function containing(text: string): string {
  return `%${storableText(text).replace(/[\\%_]/g, '\\$&')}%`;
}

function toSession(
  { id, userId, name, firstInput, summary, createdAt, updatedAt, ...row }: SessionRow,
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
    ...(summary === null ? {} : { summary: parse(summary) as PlainRecord }),
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
