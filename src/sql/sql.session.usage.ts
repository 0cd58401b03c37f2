import { and, asc, inArray, min, sql, sum } from 'drizzle-orm';

import type { ModelIdentity } from '../model/run-output.js';
import type { RunUsage } from '../model/run-usage.js';
import type { SessionUsage } from '../sessions/session.store.js';
import type { SqlDatabase } from './sql.database.js';
import { runsTable } from './sql.schema.js';

/** A session's usage of one model. */
export interface UsageRow {
  readonly sessionId: string;
  readonly usage: SessionUsage;
}

const { sessionId, modelId, modelProvider, modelName, position } = runsTable;
const { inputTokens, outputTokens, totalTokens, reasoningTokens, cacheReadTokens, cacheWriteTokens } =
  runsTable;

const SUMS = {
  inputTokens: sum(inputTokens).mapWith(Number),
  outputTokens: sum(outputTokens).mapWith(Number),
  totalTokens: sum(totalTokens).mapWith(Number),
  reasoningTokens: sum(reasoningTokens).mapWith(Number),
  cacheReadTokens: sum(cacheReadTokens).mapWith(Number),
  cacheWriteTokens: sum(cacheWriteTokens).mapWith(Number),
};

/** Condition: a run has used tokens. */
const isCounted = sql`greatest(${inputTokens}, ${outputTokens}, ${totalTokens}, ${reasoningTokens}, ${cacheReadTokens}, ${cacheWriteTokens}) > 0`;

/** The latest name of a model. */
const latestName = sql<string | null>`(array_agg(${modelName} ORDER BY ${position} DESC))[1]`;

/** The usage of the sessions, by model in the order of first use: one query for all of them. */
export async function readUsage(database: SqlDatabase, ids: readonly string[]): Promise<UsageRow[]> {
  const rows = await database
    .select({ sessionId, id: modelId, provider: modelProvider, name: latestName, ...SUMS })
    .from(runsTable)
    .where(and(inArray(sessionId, [...ids]), isCounted))
    .groupBy(sessionId, modelId, modelProvider)
    .orderBy(asc(min(position)));
  return rows.map(({ sessionId: session, id, provider, name, ...sums }) => ({
    sessionId: session,
    usage: { ...modelOf(id, provider, name), ...known(sums) },
  }));
}

function modelOf(
  id: string | null,
  provider: string | null,
  name: string | null,
): { readonly model?: ModelIdentity } {
  if (id === null || provider === null) return {};
  return { model: { id, provider, ...(name === null ? {} : { name }) } };
}

/** Leaves out sums over no values, which are null. */
function known(sums: Readonly<Record<keyof RunUsage, number | null>>): RunUsage {
  return Object.fromEntries(Object.entries(sums).filter(([, tokens]) => tokens !== null));
}
