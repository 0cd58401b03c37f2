import { and, desc, eq } from 'drizzle-orm';

import { EvalStore, type Evaluation, type EvaluationFilter } from '../sessions/eval.store.js';
import type { SqlDatabase } from './sql.database.js';
import { evaluationsTable } from './sql.schema.js';

/** Evaluations in PostgreSQL. Call {@link migrate} once before. */
export class SqlEvalStore extends EvalStore {
  readonly #database: SqlDatabase;

  constructor(database: SqlDatabase) {
    super();
    this.#database = database;
  }

  override async save({ component, createdAt, ...evaluation }: Evaluation): Promise<void> {
    const { kind: componentKind, id: componentId, name: componentName } = component;
    const row = { ...evaluation, componentKind, componentId, componentName, createdAt: new Date(createdAt) };
    await this.#database.insert(evaluationsTable).values(row);
  }

  override async list(filter: EvaluationFilter = {}): Promise<readonly Evaluation[]> {
    const { runId, sessionId, componentId, name, limit = 100 } = filter;
    const conditions = [
      runId === undefined ? undefined : eq(evaluationsTable.runId, runId),
      sessionId === undefined ? undefined : eq(evaluationsTable.sessionId, sessionId),
      componentId === undefined ? undefined : eq(evaluationsTable.componentId, componentId),
      name === undefined ? undefined : eq(evaluationsTable.name, name),
    ];
    const rows = await this.#database
      .select()
      .from(evaluationsTable)
      .where(and(...conditions))
      .orderBy(desc(evaluationsTable.createdAt), desc(evaluationsTable.id))
      .limit(limit);
    return rows.map(toEvaluation);
  }
}

function toEvaluation(row: typeof evaluationsTable.$inferSelect): Evaluation {
  const {
    componentKind: kind,
    componentId: id,
    componentName: name,
    score,
    threshold,
    createdAt,
    ...rest
  } = row;
  return {
    ...rest,
    component: { kind, id, name },
    ...(score === null ? {} : { score }),
    ...(threshold === null ? {} : { threshold }),
    createdAt: createdAt.getTime(),
  };
}
