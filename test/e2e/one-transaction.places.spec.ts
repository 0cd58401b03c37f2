import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { drizzle as drizzlePool } from 'drizzle-orm/node-postgres';
import { drizzle as drizzlePglite } from 'drizzle-orm/pglite';
import { Agent, defineGuardrail, OutputCheckError } from 'nestjs-agentos';
import { bullmq, type BullmqSettings, type BullmqStore } from 'nestjs-agentos/bullmq';
import { migrate, SqlSessionStore, type SqlDatabase } from 'nestjs-agentos/sql';
import { createGate, type Gate } from 'nestjs-agentos/testing';
import { Pool } from 'pg';

import { ExecutorStage } from '../../src/testing/contracts/executor.stage.js';
import { inBackground } from '../support/background-hook.js';
import { ON_SERVERS } from '../support/part.js';
import { createPglite } from '../support/pglite.js';
import { isPostgresInstalled, createDatabase } from '../support/postgres.js';
import { nextQueue, STARTING_TIME } from '../support/queue-places.js';
import { closeApps, startApp, type TestApp } from '../support/test-app.js';
import { describeWherePossible } from '../support/where-possible.js';

/** A database for sessions and hooks. */
interface Place {
  readonly database: SqlDatabase;
  readonly store: BullmqStore;
  query(text: string): Promise<{ readonly rows: readonly unknown[] }>;
  close(): Promise<void>;
}

async function openPglite(): Promise<Place> {
  const pglite = await createPglite();
  const database = drizzlePglite({ client: pglite });
  return {
    database,
    store: { folder: { database, close: () => Promise.resolve() } },
    query: async (text) => {
      const results = await pglite.exec(text);
      return { rows: results.at(-1)?.rows ?? [] };
    },
    close: () => pglite.close(),
  };
}

async function openPostgres(): Promise<Place> {
  const created = await createDatabase();
  const pool = new Pool({ connectionString: created.url });
  return {
    database: drizzlePool({ client: pool }),
    store: { pool },
    query: (text) => pool.query(text),
    close: async () => {
      await pool.end();
      await created.drop();
    },
  };
}

/** A fault of the database: writes of a table fail at once, or when their transaction is committed. */
const faultAt = (table: string, time: 'write' | 'commit'): string => `
  CREATE OR REPLACE FUNCTION fail_on_purpose() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'on purpose'; END $$;
  CREATE ${time === 'write' ? '' : 'CONSTRAINT'} TRIGGER fault ${time === 'write' ? 'BEFORE' : 'AFTER'} INSERT ON ${table}
    ${time === 'write' ? '' : 'DEFERRABLE INITIALLY DEFERRED'} FOR EACH ROW EXECUTE FUNCTION fail_on_purpose();`;

/** The runs of a session that were stored in the transaction of their hooks. */
const together = (sessionId: string): string =>
  `SELECT 1 FROM agent_os_runs run JOIN agent_os_hook_snapshots hook USING (run_id)
    WHERE run.session_id = '${sessionId}' AND run.xmin = hook.xmin`;

const PLACES = ON_SERVERS
  ? [
      {
        name: 'PostgreSQL',
        isPossible: isPostgresInstalled() || process.env['CI'] !== undefined,
        open: openPostgres,
      },
    ]
  : [{ name: 'PGlite', isPossible: true, open: openPglite }];

for (const { name, isPossible, open } of PLACES)
  describeWherePossible(isPossible, `A run and its background hooks in ${name}`, `install ${name}`, () => {
    let place: Place;
    let sessions: SqlSessionStore;
    /** Opened by the test, or at its end. */
    let gate: Gate;
    let ran: string[];
    let faults: string[];

    beforeAll(async () => {
      place = await open();
      await migrate(place.database);
      sessions = new SqlSessionStore(place.database);
    }, STARTING_TIME);
    afterEach(async () => {
      gate.open();
      for (const table of faults) await place.query(`DROP TRIGGER fault ON ${table}`);
      await closeApps();
    });
    afterAll(() => place.close());

    const start = async (settings: BullmqSettings = {}): Promise<TestApp> => {
      gate = createGate();
      ran = [];
      faults = [];
      const hook = inBackground(
        'notify',
        async ({ session }) => {
          await gate.opened;
          ran.push(session.id);
        },
        { on: ['completed', 'rejected'] },
      );
      const refuse = defineGuardrail(() => {
        throw new OutputCheckError('This answer is refused.');
      });
      return startApp({
        agentOs: {
          agents: [
            new Agent({ id: 'support', engine: () => 'answer', postHooks: [hook] }),
            new Agent({ id: 'refused', engine: () => 'a secret', postHooks: [refuse, hook] }),
            new Agent({
              id: 'deleting',
              engine: async () => {
                await sessions.delete(['deleted']);
                return 'answer';
              },
              postHooks: [hook],
            }),
          ],
          executor: bullmq({ ...place.store, queue: nextQueue(), ...settings }),
          sessionStore: sessions,
          storeTimeout: 60_000,
        },
      });
    };

    const failAt = async (table: string, time: 'write' | 'commit'): Promise<void> => {
      await place.query(faultAt(table, time));
      faults.push(table);
    };
    const count = async (query: string): Promise<number> => (await place.query(query)).rows.length;
    const isStored = async (id: string): Promise<boolean> => (await sessions.runs(id)).length > 0;

    it('are stored in one transaction', async () => {
      const { agentOs, log } = await start();
      await agentOs.run('support', 'question', { sessionId: 'one' });
      expect(await count(together('one'))).toBe(1);
      gate.open();
      await agentOs.drain();
      expect([ran, await isStored('one')]).toEqual([['one'], true]);
      expect(log.messages('log').join()).not.toContain('two transactions');
    });

    it('are stored in one transaction if an output guardrail refuses the answer, which is not stored', async () => {
      const { agentOs } = await start();
      await expect(agentOs.run('refused', 'question', { sessionId: 'refused' })).rejects.toThrow('refused');
      expect(await count(together('refused'))).toBe(1);
      expect(JSON.stringify(await sessions.runs('refused'))).not.toContain('a secret');
      gate.open();
      await agentOs.drain();
      expect(ran).toEqual(['refused']);
    });

    it.each(['write', 'commit'] as const)(
      'are both rolled back, and the run fails, if the %s of the hooks fails and onUnavailable is fail',
      async (time) => {
        const { agentOs } = await start({ onUnavailable: 'fail' });
        await failAt('agent_os_hook_snapshots', time);
        await expect(agentOs.run('support', 'question', { sessionId: `no ${time}` })).rejects.toMatchObject({
          code: 'hooks_not_stored',
        });
        expect([await isStored(`no ${time}`), await count('SELECT 1 FROM agent_os_hook_batches')]).toEqual([
          false,
          0,
        ]);
        expect(await count("SELECT 1 FROM bullmq.job WHERE state <> 'completed'")).toBe(0);
        expect(await agentOs.executions.list({ state: 'dropped' })).toHaveLength(1);
      },
    );

    it('leave the run alone, with volatile hooks, if hooks cannot be stored and onUnavailable is in-process', async () => {
      const { agentOs } = await start();
      await failAt('agent_os_hook_batches', 'write');
      await agentOs.run('support', 'question', { sessionId: 'volatile' });
      gate.open();
      await agentOs.drain();
      expect([await isStored('volatile'), ran, (await agentOs.executions.totals()).volatile]).toEqual([
        ...[true, ['volatile'], 1],
      ]);
    });

    it.each(['write', 'commit'] as const)(
      'leave the hooks alone if the %s of the run fails',
      async (time) => {
        const { agentOs, log } = await start({ onUnavailable: 'fail' });
        await failAt('agent_os_runs', time);
        await agentOs.run('support', 'question', { sessionId: `lost ${time}` });
        gate.open();
        await agentOs.drain();
        expect([await isStored(`lost ${time}`), ran]).toEqual([false, [`lost ${time}`]]);
        expect(
          log.messages('error').filter((message) => message.includes('could not be stored')),
        ).toHaveLength(1);
        expect((await agentOs.executions.totals()).volatile).toBe(0);
      },
    );

    it('are both dropped if the session was deleted meanwhile', async () => {
      const { agentOs, log } = await start({ onUnavailable: 'fail' });
      await sessions.create({ id: 'deleted' });
      await agentOs.run('deleting', 'question', { sessionId: 'deleted' });
      gate.open();
      await agentOs.drain();
      const [dropped] = await agentOs.executions.list({ state: 'dropped' });
      expect([await sessions.find('deleted'), ran, dropped?.reason]).toEqual([undefined, [], 'deleted']);
      expect(log.messages('warn').filter((message) => message.includes('was not stored'))).toHaveLength(1);
    });

    it('are stored for many runs at once', async () => {
      const { agentOs } = await start({ storeTimeout: 60_000 });
      gate.open();
      const ids = Array.from({ length: 20 }, (_, index) => `many ${index}`);
      await Promise.all(ids.map((sessionId) => agentOs.run('support', 'question', { sessionId })));
      await agentOs.drain();
      const stored = await Promise.all(ids.map((id) => sessions.runs(id)));
      expect([stored.flat().length, ran.toSorted()]).toEqual([20, ids.toSorted()]);
    });

    it.each([
      { onUnavailable: 'fail', result: 'not stored yet' },
      { onUnavailable: 'in-process', result: 'stored alone' },
    ] as const)(
      'are stored one by one if the session is locked for too long, with onUnavailable: $onUnavailable',
      async ({ onUnavailable, result }) => {
        const executor = bullmq({ ...place.store, queue: nextQueue(), onUnavailable, storeTimeout: 2_000 });
        const stage = new ExecutorStage(executor);
        const role = name === 'PGlite' ? 'both' : 'server';
        await executor.start({ ...stage.host, role, sessionClient: sessions.client ?? {} });
        const [session, asked] = [createGate(), createGate()];
        const batch = stage.batch('locked', { hook: stage.step('hook') });
        let outcome: Promise<string> | undefined;
        jest.useFakeTimers({ doNotFake: ['nextTick', 'setImmediate', 'performance', 'Date'] });
        try {
          const accepting = executor.accept(batch, (within) => {
            asked.open();
            // The connection is never used.
            const storing = session.opened.then(() => within?.({}));
            outcome = storing.then(
              () => 'stored alone',
              () => 'not stored yet',
            );
            return storing.then(() => true);
          });
          await asked.opened;
          jest.advanceTimersByTime(1_000);
          await accepting;
        } finally {
          jest.useRealTimers();
        }
        session.open();
        expect([await outcome, await stage.executions.list({ state: 'scheduled' })]).toMatchObject([
          ...[result, [{ runId: 'locked' }]],
        ]);
        await executor.stop(AbortSignal.abort());
      },
    );
  });

describe('Background hooks that are in another database than the sessions', () => {
  afterEach(closeApps);

  it('are announced at the start as stored in a second transaction', async () => {
    const pglite = await createPglite();
    const folder = { database: drizzlePglite({ client: pglite }), close: () => Promise.resolve() };
    const agents = [new Agent({ id: 'support', engine: () => 'answer' })];
    const { log } = await startApp({ agentOs: { agents, executor: bullmq({ folder }) } });
    const lines = log.messages('log').filter((message) => message.includes('two transactions'));
    expect(lines).toHaveLength(1);
    await closeApps();
    await pglite.close();
  });
});
