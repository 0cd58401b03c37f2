import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { drizzle } from 'drizzle-orm/node-postgres';
import type { RunOutput } from 'nestjs-agentos';
import type { StoredRun } from 'nestjs-agentos/stores';
import { migrate, SqlEvalStore, SqlSessionStore } from 'nestjs-agentos/sql';
import { Pool } from 'pg';

import { codeBlocks, readDocument } from '../support/documents.js';
import {
  isPostgresInstalled,
  NEEDS_POSTGRES,
  createDatabase,
  type PostgresDatabase,
} from '../support/postgres.js';
import { evaluationOf, storedRunOf } from '../support/stored-data.js';
import { describeWherePossible } from '../support/where-possible.js';

const QUERIES = codeBlocks(readDocument('docs/guide/sessions.md'), 'sql');
const UNCHANGED = { set: {}, removed: [] };
const TOOL = { id: 't', name: 'search', arguments: {}, startedAt: 1, endedAt: 2 };
const DAY = 86_400;

const isTested = isPostgresInstalled() || process.env['CI'] !== undefined;

describeWherePossible(isTested, 'The queries of the guide', NEEDS_POSTGRES, () => {
  let created: PostgresDatabase;
  let pool: Pool;
  let sessions: SqlSessionStore;
  /** Epoch seconds of yesterday at noon, as the database has it. */
  let yesterday: number;

  beforeAll(async () => {
    created = await createDatabase();
    pool = new Pool({ connectionString: created.url, max: 2 });
    const database = drizzle({ client: pool });
    await migrate(database);
    sessions = new SqlSessionStore(database);
    const { rows } = await pool.query<{ at: string }>(
      `SELECT extract(epoch FROM (current_date - 1)::timestamptz + interval '12 hours') AS at`,
    );
    yesterday = Number(rows[0]?.at);
    await fill(new SqlEvalStore(database));
  }, 60_000);

  afterAll(async () => {
    await pool.end();
    await created.drop();
  });

  async function keep(output: Partial<RunOutput>, fields: Partial<StoredRun> = {}): Promise<void> {
    const run = storedRunOf({ sessionId: 's1', createdAt: yesterday, userId: 'ann', ...output }, fields);
    const { sessionId, userId = 'ann' } = run.output;
    const session = { id: sessionId, userId, component: run.component };
    await sessions.append(session, run, { state: UNCHANGED, metadata: UNCHANGED });
  }

  async function fill(evals: SqlEvalStore): Promise<void> {
    const metrics = (inputTokens: number, duration: number) => ({
      inputTokens,
      outputTokens: 1,
      totalTokens: inputTokens + 1,
      duration,
    });
    await sessions.create({ id: 's1', userId: 'ann', state: { plan: { tier: 'gold', since: new Date(0) } } });
    await sessions.create({ id: 's2', userId: 'bob', state: { plan: { tier: 'silver' }, other: 'gold' } });
    await keep({ runId: 'ok', metrics: metrics(10, 2), tools: [{ ...TOOL, result: 'found' }] });
    await keep(
      {
        runId: 'failed',
        status: 'ERROR',
        content: 'It broke\0.',
        metrics: metrics(20, 4),
        tools: [{ ...TOOL, failed: true }, TOOL],
      },
      {
        input: { content: 'Why?' },
        errorCode: 'run_failed',
      },
    );
    await keep({ runId: 'older', status: 'ERROR', createdAt: yesterday - 40 * DAY, metrics: {}, tools: [] });
    await keep({ runId: 'part', parentRunId: 'ok', metrics: metrics(1, 2), tools: [] });
    await keep({ runId: 'of-bob', sessionId: 's2', userId: 'bob', metrics: metrics(100, 1), tools: [] });
    await evals.save(evaluationOf({ id: 'e1', passed: true, score: 8 }));
    await evals.save(evaluationOf({ id: 'e2', passed: false, score: 2 }));
  }

  async function answerTo(part: string): Promise<readonly unknown[]> {
    const found = QUERIES.filter((query) => query.includes(part));
    expect(found).toHaveLength(1);
    return (await pool.query<Readonly<Record<string, unknown>>>(found[0] ?? '')).rows;
  }

  const at = (seconds: number): Date => new Date(seconds * 1_000);

  it.each<readonly [question: string, part: string, expected: () => readonly unknown[]]>([
    [
      'which runs failed yesterday',
      `status = 'ERROR' AND started_at >= current_date - 1`,
      () => [
        {
          run_id: 'failed',
          component_id: 'helper',
          error_code: 'run_failed',
          question: 'Why?',
          answer: 'It broke\ufffd.',
        },
      ],
    ],
    [
      'how many tokens each user has used',
      `interval '30 days'`,
      () => [
        { user_id: 'bob', model_id: 'mock-1', input: '100', output: '1' },
        { user_id: 'ann', model_id: 'mock-1', input: '31', output: '3' },
      ],
    ],
    [
      'how many runs there are, fail, and how long they take',
      'percentile_cont',
      () => [
        { runs: '1', failed: '1', seconds_p95: null },
        { runs: '4', failed: '1', seconds_p95: expect.closeTo(3.7) },
      ],
    ],
    [
      'which tools are called and fail',
      'jsonb_array_elements',
      () => [{ tool: 'search', calls: '3', failed: '1' }],
    ],
    [
      'what was said in a session',
      'parent_run_id IS NULL',
      () => [
        { started_at: at(yesterday), question: 'hi', answer: 'Hello' },
        { started_at: at(yesterday), question: 'Why?', answer: 'It broke\ufffd.' },
        { started_at: at(yesterday - 40 * DAY), question: 'hi', answer: 'Hello' },
      ],
    ],
    [
      'which sessions have something in their state',
      'value @>',
      () => [{ session_id: 's1', user_id: 'ann', tier: 'gold' }],
    ],
    [
      'how many answers judges pass',
      'FILTER (WHERE passed)',
      () => [{ component_id: 'helper', name: 'politeness', judged: '2', passed: '1', score: 5 }],
    ],
  ])('tell %s', async (_question, part, expected) => {
    const answer = await answerTo(part);

    expect(answer).toHaveLength(expected().length);
    expect(answer).toMatchObject(expected());
  });

  it('are all tested', () => {
    expect(QUERIES).toHaveLength(7);
  });
});
