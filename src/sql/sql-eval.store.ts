import { and, asc, count, desc, eq, inArray, isNull, sql, type SQL } from 'drizzle-orm';

import {
  EvalStore,
  type Evaluation,
  type EvaluationCriteria,
  type EvaluationFilter,
} from '../sessions/eval.store.js';
import type { SessionOwner } from '../sessions/session.store.js';
import { checkUserId } from '../sessions/user-id.js';
import { storableEvaluation, storableText } from '../sessions/storable.text.js';
import { SqlAccess } from './sql.access.js';
import type { SqlDatabase } from './sql.database.js';
import { evaluationsTable } from './sql.schema.js';
import { inBatches } from './sql.values.js';

type EvaluationRow = typeof evaluationsTable.$inferSelect;

/** Evaluations in PostgreSQL. Call {@link migrate} first. */
export class SqlEvalStore extends EvalStore {
  readonly #access: SqlAccess;

  /** @param database - its pool gets listeners for lost connections; closing it is up to the application */
  constructor(database: SqlDatabase) {
    super();
    this.#access = new SqlAccess(database);
  }

  override async save(given: Evaluation): Promise<void> {
    checkUserId(given.userId);
    const { component, model, createdAt, updatedAt, ...evaluation } = storableEvaluation(given);
    const { kind: componentKind, id: componentId, name: componentName } = component;
    await this.#access.write((database) =>
      database.insert(evaluationsTable).values({
        ...evaluation,
        componentKind,
        componentId,
        componentName,
        ...(model ? { modelId: model.id, modelProvider: model.provider, modelName: model.name ?? null } : {}),
        createdAt: new Date(createdAt),
        ...(updatedAt === undefined ? {} : { updatedAt: new Date(updatedAt) }),
      }),
    );
  }

  override async list(filter: EvaluationFilter = {}): Promise<readonly Evaluation[]> {
    const { sortBy = 'createdAt', sortOrder = 'desc', limit = 100, offset = 0 } = filter;
    const order = sortOrder === 'asc' ? asc : desc;
    const rows = await this.#access.run((database) =>
      database
        .select()
        .from(evaluationsTable)
        .where(conditionOf(filter))
        .orderBy(order(SORTED_BY[sortBy]), order(evaluationsTable.id))
        .limit(limit)
        .offset(offset),
    );
    return rows.map(toEvaluation);
  }

  override async count(criteria: EvaluationCriteria = {}): Promise<number> {
    const [found] = await this.#access.run((database) =>
      database.select({ value: count() }).from(evaluationsTable).where(conditionOf(criteria)),
    );
    return found?.value ?? 0;
  }

  override async find(id: string): Promise<Evaluation | undefined> {
    const [row] = await this.#access.run((database) =>
      database.select().from(evaluationsTable).where(eq(evaluationsTable.id, id)),
    );
    return row && toEvaluation(row);
  }

  override async rename(id: string, name: string, owner?: SessionOwner): Promise<Evaluation | undefined> {
    const [row] = await this.#access.change([id], (transaction) =>
      transaction
        .update(evaluationsTable)
        .set({ name: storableText(name), updatedAt: new Date() })
        .where(and(eq(evaluationsTable.id, id), ownedBy(owner)))
        .returning(),
    );
    return row && toEvaluation(row);
  }

  override async delete(ids: readonly string[], owner?: SessionOwner): Promise<void> {
    for (const batch of inBatches(ids))
      await this.#access.change(batch, (transaction) =>
        transaction.delete(evaluationsTable).where(and(inArray(evaluationsTable.id, batch), ownedBy(owner))),
      );
  }
}

/** Names are sorted by bytes, so that the order is the same in every database. */
const SORTED_BY = {
  createdAt: evaluationsTable.createdAt,
  updatedAt: sql`coalesce(${evaluationsTable.updatedAt}, ${evaluationsTable.createdAt})`,
  name: sql`${evaluationsTable.name} COLLATE "C"`,
} as const;

function conditionOf(criteria: EvaluationCriteria): SQL | undefined {
  const { userId, ...others } = criteria;
  const columns = [
    ['runId', evaluationsTable.runId],
    ['sessionId', evaluationsTable.sessionId],
    ['componentKind', evaluationsTable.componentKind],
    ['componentId', evaluationsTable.componentId],
    ['modelId', evaluationsTable.modelId],
    ['name', evaluationsTable.name],
  ] as const;
  return and(
    ...columns.map(([key, column]) => (others[key] === undefined ? undefined : eq(column, others[key]))),
    ownedBy(userId),
  );
}

function ownedBy(userId: SessionOwner | undefined): SQL | undefined {
  checkUserId(userId);
  if (userId === undefined) return undefined;
  return userId === null ? isNull(evaluationsTable.userId) : eq(evaluationsTable.userId, userId);
}

function toEvaluation({
  componentKind: kind,
  componentId: id,
  componentName: name,
  modelId,
  modelProvider: provider,
  modelName,
  userId,
  score,
  threshold,
  createdAt,
  updatedAt,
  ...rest
}: EvaluationRow): Evaluation {
  const model =
    modelId === null || provider === null
      ? undefined
      : { id: modelId, provider, ...(modelName === null ? {} : { name: modelName }) };
  return {
    ...rest,
    component: { kind, id, name },
    ...(model ? { model } : {}),
    ...(userId === null ? {} : { userId }),
    ...(score === null ? {} : { score }),
    ...(threshold === null ? {} : { threshold }),
    createdAt: createdAt.getTime(),
    ...(updatedAt === null ? {} : { updatedAt: updatedAt.getTime() }),
  };
}
