import { parse, stringify } from 'devalue';
import { and, asc, eq, inArray, isNull, min, sql, sum, type SQL } from 'drizzle-orm';

import type { ComponentIdentity } from '../model/component.js';
import type { PlainRecord } from '../model/run-context.js';
import type { RunUsage } from '../model/run-output.js';
import type { SessionFilter, SessionUsage, StoredRun, StoredSession } from '../sessions/session.store.js';
import type { SqlDatabase } from './sql.database.js';
import { runsTable, sessionEntriesTable, sessionsTable } from './sql.schema.js';

type SessionRow = typeof sessionsTable.$inferSelect;
type EntryRow = typeof sessionEntriesTable.$inferSelect;

/** Text cannot have zero bytes in PostgreSQL. */
export function toText(text: string): string {
  return text.replaceAll('\0', '');
}

/** The columns of a run, `run` holds all of it. */
export function toRunRow(sessionId: string, run: StoredRun): typeof runsTable.$inferInsert {
  const { metrics, model, status, createdAt } = run.output;
  const { inputTokens, outputTokens, totalTokens, reasoningTokens, cacheReadTokens, cacheWriteTokens } =
    metrics;
  return {
    runId: run.runId,
    sessionId,
    componentKind: run.component.kind,
    componentId: run.component.id,
    status,
    run: stringify(run),
    ...(model ? { modelId: model.id, modelProvider: model.provider, modelName: model.name ?? null } : {}),
    inputTokens,
    outputTokens,
    totalTokens,
    reasoningTokens,
    cacheReadTokens,
    cacheWriteTokens,
    createdAt: new Date(createdAt * 1_000),
  };
}

/** Sessions with what stands in other tables, in the order of the rows: two queries, however many they are. */
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
  const [entriesOf, usageOf] = [groupBySession(entries), groupBySession(usage)];
  return rows.map((row) => toSession(row, entriesOf.get(row.id) ?? [], usageOf.get(row.id) ?? []));
}

/** What of a session's rows is its state or its metadata. */
export function toRecord(entries: readonly EntryRow[], wanted: EntryRow['area']): PlainRecord {
  const own = entries.filter(({ area }) => area === wanted);
  return Object.fromEntries(own.map(({ key, value }) => [key, parse(value)]));
}

/** The name that people see. */
const shownName = sql`coalesce(${sessionsTable.name}, ${sessionsTable.firstInput}, '')`;

/** The same in bytes, so that every database sorts it alike. */
export const sortedName = sql`${shownName} COLLATE "C"`;

/** The condition that a filter stands for. */
export function conditionOf({ kind, componentId, userId, name }: SessionFilter): SQL | undefined {
  return and(
    kind === undefined ? undefined : eq(sessionsTable.componentKind, kind),
    componentId === undefined ? undefined : eq(sessionsTable.componentId, componentId),
    userId === undefined ? undefined : ownedBy(userId),
    name === undefined || name === '' ? undefined : sql`${shownName} ILIKE ${containing(name)}`,
  );
}

function ownedBy(userId: string | null): SQL {
  return userId === null ? isNull(sessionsTable.userId) : eq(sessionsTable.userId, userId);
}

/** A pattern in which the text stands for itself. */
function containing(text: string): string {
  return `%${toText(text).replace(/[\\%_]/g, '\\$&')}%`;
}

const TOKENS = {
  inputTokens: sum(runsTable.inputTokens).mapWith(Number),
  outputTokens: sum(runsTable.outputTokens).mapWith(Number),
  totalTokens: sum(runsTable.totalTokens).mapWith(Number),
  reasoningTokens: sum(runsTable.reasoningTokens).mapWith(Number),
  cacheReadTokens: sum(runsTable.cacheReadTokens).mapWith(Number),
  cacheWriteTokens: sum(runsTable.cacheWriteTokens).mapWith(Number),
};

async function readUsage(
  database: SqlDatabase,
  ids: readonly string[],
): Promise<{ readonly sessionId: string; readonly usage: SessionUsage }[]> {
  const { sessionId, modelId, modelProvider, position } = runsTable;
  const modelName = min(runsTable.modelName);
  const rows = await database
    .select({ sessionId, modelId, modelProvider, modelName, ...TOKENS })
    .from(runsTable)
    .where(inArray(sessionId, [...ids]))
    .groupBy(sessionId, modelId, modelProvider)
    .orderBy(asc(min(position)));
  return rows.map(
    ({ sessionId: session, modelId: id, modelProvider: provider, modelName: name, ...tokens }) => {
      const model =
        id === null || provider === null
          ? {}
          : { model: { id, provider, ...(name === null ? {} : { name }) } };
      return { sessionId: session, usage: { ...model, ...known(tokens) } };
    },
  );
}

/** A sum over nothing is null. */
function known(tokens: Readonly<Record<keyof RunUsage, number | null>>): RunUsage {
  return Object.fromEntries(Object.entries(tokens).filter(([, count]) => count !== null && count > 0));
}

function toSession(
  { id, userId, name, firstInput, summary, createdAt, updatedAt, ...row }: SessionRow,
  entries: readonly EntryRow[],
  usage: readonly { readonly usage: SessionUsage }[],
): StoredSession {
  const component = componentOf(row);
  return {
    id,
    ...(userId === null ? {} : { userId }),
    ...(name === null ? {} : { name }),
    ...(component ? { component } : {}),
    ...(firstInput === null ? {} : { firstInput }),
    ...(summary === null ? {} : { summary: parse(summary) as PlainRecord }),
    state: toRecord(entries, 'state'),
    metadata: toRecord(entries, 'metadata'),
    usage: usage.map((item) => item.usage).filter((item) => Object.keys(item).some((key) => key !== 'model')),
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
