import { afterAll, afterEach, beforeAll, expect, it } from '@jest/globals';
import { drizzle } from 'drizzle-orm/node-postgres';
import { Agent } from 'nestjs-agentos';
import { bullmq } from 'nestjs-agentos/bullmq';
import { migrate, SqlSessionStore } from 'nestjs-agentos/sql';
import { createGate, type Gate } from 'nestjs-agentos/testing';
import { Client, Pool } from 'pg';

import { inBackground } from '../support/background-hook.js';
import { isPostgresInstalled, createDatabase, type PostgresDatabase } from '../support/postgres.js';
import { nextQueue, STARTING_TIME } from '../support/queue-places.js';
import { closeApps, startApp } from '../support/test-app.js';
import { describeWherePossible } from '../support/where-possible.js';

describeWherePossible(
  isPostgresInstalled() || process.env['CI'] !== undefined,
  'A run and its background hooks in PostgreSQL',
  'install PostgreSQL',
  () => {
    let created: PostgresDatabase;
    /** What happens to the answer to a commit. */
    let onCommit: 'answer' | 'lose' | 'delay' = 'answer';
    let delayed: Gate;

    /** A connection whose answers to commits may be lost, or late. */
    class UncertainClient extends Client {
      override query = new Proxy(super.query.bind(this), {
        apply: (query, client, parameters: unknown[]) => {
          const [statement] = parameters as [string | { readonly text?: string }];
          const text = typeof statement === 'string' ? statement : statement.text;
          const answer: unknown = Reflect.apply(query, client, parameters);
          if (text?.toLowerCase() !== 'commit' || onCommit === 'answer') return answer;
          const how = onCommit;
          onCommit = 'answer';
          return Promise.resolve(answer).then(async (rows) => {
            if (how === 'lose') throw new Error('Connection terminated unexpectedly');
            await delayed.opened;
            return rows;
          });
        },
      });
    }

    beforeAll(async () => {
      created = await createDatabase();
    }, STARTING_TIME);
    afterEach(closeApps);
    afterAll(() => created.drop());

    it.each(['lose', 'delay'] as const)(
      'are both stored, and the run is answered, if the answer to their commit is lost or late (%s)',
      async (how) => {
        const pool = new Pool({ connectionString: created.url, Client: UncertainClient });
        const database = drizzle({ client: pool });
        await migrate(database);
        const sessions = new SqlSessionStore(database);
        delayed = createGate();
        const ran: string[] = [];
        const hook = inBackground('notify', ({ session }) => void ran.push(session.id));
        const { agentOs, log } = await startApp({
          agentOs: {
            agents: [new Agent({ id: 'support', engine: () => 'answer', postHooks: [hook] })],
            executor: bullmq({ pool, queue: nextQueue(), onUnavailable: 'fail', storeTimeout: 1_000 }),
            sessionStore: sessions,
            storeTimeout: 3_000,
          },
        });
        onCommit = how;
        const { content } = await agentOs.run('support', 'question', { sessionId: how });
        delayed.open();
        await agentOs.drain();
        expect([content, (await sessions.runs(how)).length, ran]).toEqual(['answer', 1, [how]]);
        expect((await agentOs.executions.totals()).volatile).toBe(0);
        expect(log.messages('warn').join()).toContain('are stored, although the store did not say so');
        await closeApps();
        await pool.end();
      },
    );
  },
);
