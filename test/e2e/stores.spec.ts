import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { PGlite } from '@electric-sql/pglite';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { getTableConfig } from 'drizzle-orm/pg-core';
import { drizzle } from 'drizzle-orm/pglite';
import {
  Agent,
  Hook,
  hookRef,
  InMemoryEvalStore,
  InMemorySessionStore,
  Team,
  type PreHookContext,
} from 'nestjs-agentos';
import { SessionStore } from 'nestjs-agentos/stores';
import { piiGuardrail } from 'nestjs-agentos/guardrails';
import { migrate, SqlEvalStore, SqlSessionStore, type SqlDatabase } from 'nestjs-agentos/sql';
import { evalStoreContract, sessionStoreContract, createGate, failingStore } from 'nestjs-agentos/testing';

import * as schema from '../../src/sql/sql.schema.js';
import { describeContract } from '../support/contracts.js';
import { createPglite } from '../support/pglite.js';
import { runJson, runSse } from '../support/http-client.js';
import { describeSqlStores, type StoresUnderTest } from '../support/sql-stores.js';
import { closeApps, startApp } from '../support/test-app.js';

describeContract(
  'in memory',
  sessionStoreContract(() => new InMemorySessionStore()),
  evalStoreContract(() => new InMemoryEvalStore()),
);

describeSqlStores('embedded PostgreSQL (PGlite)', async (): Promise<StoresUnderTest> => {
  const client = await createPglite();
  const database = drizzle({ client });
  await migrate(database);
  return {
    sessions: new SqlSessionStore(database),
    evals: new SqlEvalStore(database),
    close: () => client.close(),
  };
});

it('A run whose id no database accepts does not exist for clients', async () => {
  const client = await createPglite();
  const database = drizzle({ client });
  await migrate(database);
  const agent = new Agent({ id: 'agent', engine: () => 'fine' });
  const stores = { sessionStore: new SqlSessionStore(database), evalStore: new SqlEvalStore(database) };
  const http = { userId: () => 'ann' };
  const { url } = await startApp({ agentOs: { agents: [agent], http, ...stores } });
  await runJson(url, '/agents/agent', 'hi', { session_id: 's' });

  for (const [method, path] of [
    ['GET', '/agents/agent/runs/%00?session_id=s'],
    ['GET', '/sessions/s/runs/%00'],
    ['POST', '/agents/agent/runs/%00/cancel?session_id=s'],
    ['POST', '/agents/agent/runs/%00/resume'],
    ['GET', '/eval-runs/%00'],
  ] as const) {
    const body = path.endsWith('resume') ? { body: new URLSearchParams({ session_id: 's' }) } : {};
    expect([path, (await fetch(url + path, { method, ...body })).status]).toEqual([path, 404]);
  }
  await closeApps();
  await client.close();
});

describe('The tables of the SQL stores', () => {
  let client: PGlite;
  let database: SqlDatabase;
  beforeAll(async () => {
    client = await createPglite();
    database = drizzle({ client });
  }, 60_000);
  afterAll(() => client.close());
  beforeEach(() => client.exec('DROP SCHEMA public CASCADE; CREATE SCHEMA public'));

  const versions = async (): Promise<unknown[]> =>
    (await client.query<{ version: number }>('SELECT version FROM agent_os_schema')).rows;

  it('state their version, and are created once', async () => {
    await migrate(database);
    await new SqlSessionStore(database).create({ id: 's' });
    await migrate(database);

    expect(await versions()).toEqual([{ version: 1 }]);
    expect(await new SqlSessionStore(database).find('s')).toMatchObject({ id: 's' });
  });

  it('have the columns and indexes that the queries name, and no others', async () => {
    await migrate(database);
    const { rows: columns } = await client.query<Readonly<Record<string, unknown>>>(
      `SELECT table_name || '.' || column_name AS name, is_nullable = 'NO' AS required,
        CASE WHEN column_default LIKE 'nextval%' THEN 'bigserial' ELSE data_type END AS type
       FROM information_schema.columns WHERE table_schema = 'public'`,
    );
    const { rows: indexes } = await client.query<{ name: string }>(
      `SELECT indexname AS name FROM pg_indexes WHERE schemaname = 'public' AND indexname NOT LIKE '%_pkey'`,
    );
    const tables = Object.values(schema).map(getTableConfig);
    const expected = tables.flatMap(({ name, columns: own, primaryKeys }) =>
      own.map((column) => ({
        name: `${name}.${column.name}`,
        required: column.notNull || primaryKeys.some((key) => key.columns.includes(column)),
        type: column.getSQLType().replace(/^timestamp( \(3\))? with time zone$/, 'timestamp with time zone'),
      })),
    );

    const byName = (left: { name?: unknown }, right: { name?: unknown }): number =>
      String(left.name) < String(right.name) ? -1 : 1;
    expect(columns.sort(byName)).toEqual(expected.sort(byName));
    expect(indexes.map(({ name }) => name).sort()).toEqual(
      tables.flatMap(({ indexes: own }) => own.map(({ config }) => config.name)).sort(),
    );
  });

  it('of a later version are left unchanged, with an error that says so', async () => {
    await migrate(database);
    await client.exec('INSERT INTO agent_os_schema (version) VALUES (7)');

    await expect(migrate(database)).rejects.toThrow(
      'The tables of the database have version 7, but this version of nestjs-agentos supports them up to version 1. ' +
        'Update nestjs-agentos, or use another database or schema.',
    );
    expect(await versions()).toEqual([{ version: 1 }, { version: 7 }]);
  });

  it('of no released version are left unchanged, with an error that names the remedy', async () => {
    await client.exec(
      `CREATE TABLE agent_os_sessions (id text); INSERT INTO agent_os_sessions VALUES ('old')`,
    );

    await expect(migrate(database)).rejects.toMatchObject({
      name: 'SqlStoreError',
      code: '42P07',
      message: expect.stringMatching(
        /^The tables could not be created \(relation "agent_os_sessions" already exists\)\. .*Drop the tables/,
      ),
    });
    expect((await client.query('SELECT id FROM agent_os_sessions')).rows).toEqual([{ id: 'old' }]);
    expect((await client.query(`SELECT to_regclass('agent_os_schema') AS found`)).rows).toEqual([
      { found: null },
    ]);
  });
});

describe('Sessions of running components', () => {
  afterEach(closeApps);

  class Counter {
    @Hook(false)
    count({ runContext: { sessionState } }: PreHookContext): void {
      sessionState['visits'] = Number(sessionState['visits'] ?? 0) + 1;
    }
  }
  const counting = new Agent({
    id: 'counting',
    preHooks: [hookRef(Counter, 'count')],
    engine: ({ context, messages }) =>
      `visit ${String(context.sessionState['visits'])}, ${messages.length} messages`,
  });

  it('outlive the process in a PGlite folder', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'agent-os-'));
    const answers: unknown[] = [];
    for (let start = 0; start < 2; start++) {
      const client = await (start === 0 ? createPglite(folder) : PGlite.create(folder));
      const database = drizzle({ client });
      await migrate(database);
      const { url, close } = await startApp({
        agentOs: { agents: [counting], sessionStore: new SqlSessionStore(database) },
        providers: [Counter],
      });
      answers.push((await runJson(url, '/agents/counting', 'hi', { session_id: 's1' })).body['content']);
      await close();
      await client.close();
    }
    await rm(folder, { recursive: true });

    expect(answers).toEqual(['visit 1, 1 messages', 'visit 2, 3 messages']);
  }, 60_000);

  it('give an engine its own earlier runs, however many other runs stand between them', async () => {
    const talker = new Agent({
      id: 'talker',
      historyRuns: 3,
      engine: ({ messages }) => `${messages.length} messages`,
    });
    const other = new Agent({ id: 'other', engine: () => 'noise' });
    const { agentOs } = await startApp({ agentOs: { agents: [talker, other] } });
    const options = { sessionId: 'long' };

    for (let turn = 0; turn < 3; turn++) await agentOs.run('talker', 'hi', options);
    for (let turn = 0; turn < 60; turn++) await agentOs.run('other', 'x', options);

    expect((await agentOs.run('talker', 'hi', options)).content).toBe('7 messages');
  });

  it('keep the changes of runs that overlap, if they change different keys', async () => {
    const bothStarted = createGate();
    let started = 0;
    const writer = new Agent({
      id: 'writer',
      engine: async ({ input, context }) => {
        started += 1;
        if (started === 2) bothStarted.open();
        await bothStarted.opened;
        context.sessionState[input] = true;
        return 'written';
      },
    });
    const reader = new Agent({
      id: 'reader',
      engine: ({ context }) => Object.keys(context.sessionState).sort().join(),
    });
    const { url } = await startApp({ agentOs: { agents: [writer, reader] } });
    const session_id = 'shared';

    await Promise.all(['left', 'right'].map((key) => runJson(url, '/agents/writer', key, { session_id })));

    expect((await runJson(url, '/agents/reader', 'x', { session_id })).body['content']).toBe('left,right');
  });

  it('hold the data of a run at its end, whatever becomes of its data afterwards', async () => {
    const [settled, ended] = [createGate(), createGate()];
    const late = new Agent({
      id: 'late',
      engine: async ({ context }) => {
        await settled.opened;
        context.sessionState['late'] = true;
        ended.open();
        return 'late';
      },
    });
    const team = new Team({
      id: 'desk',
      members: [late],
      engine: ({ delegate, context }) => {
        context.sessionState['n'] = 1;
        delegate('late', 'go').catch(() => undefined);
        return 'done';
      },
    });
    const { agentOs, app } = await startApp({ agentOs: { teams: [team] } });
    for await (const event of agentOs.stream('desk', 'hi', { sessionId: 'kept' })) {
      if (event.type === 'run-completed') Object.assign(event.sessionState, { n: 'changed by a reader' });
    }
    settled.open();
    await ended.opened;

    const runs = await app.get(SessionStore).runs('kept');
    const stored = runs.find(({ component }) => component.id === 'desk');
    expect(stored?.events.at(-1)).toMatchObject({ type: 'run-completed', sessionState: { n: 1 } });
    expect(stored?.events.at(-1)).not.toHaveProperty('sessionState.late');
  });

  it('hold no input that a guardrail has refused, and the events of streamed runs', async () => {
    const agent = new Agent({ id: 'agent', engine: () => 'fine', preHooks: [piiGuardrail()] });
    const { url, app } = await startApp({ agentOs: { agents: [agent] } });
    const session_id = 'kept';

    await runJson(url, '/agents/agent', 'my card is 4111111111111111', { session_id });
    await runSse(url, '/agents/agent', 'hello', { session_id });

    const [rejected, completed] = await app.get(SessionStore).runs(session_id);
    expect(JSON.stringify(rejected)).not.toContain('4111111111111111');
    expect(rejected).toMatchObject({
      output: { status: 'ERROR' },
      errorCode: 'input_check_error',
      events: [],
    });
    expect(completed?.events.map(({ type }) => type)).toEqual([
      'run-started',
      'pre-hook-started',
      'pre-hook-completed',
      'run-content-completed',
      'run-completed',
    ]);
  });

  it('do not delay an answer when their store fails', async () => {
    const { store } = failingStore(new InMemorySessionStore(), { append: new Error('the disk is full') });
    const agent = new Agent({ id: 'agent', engine: () => 'fine' });
    const { url, log } = await startApp({ agentOs: { agents: [agent], sessionStore: store } });

    const { status, body } = await runJson(url, '/agents/agent', 'x');

    expect([status, body['content']]).toEqual([200, 'fine']);
    expect(log.messages('error')).toEqual([
      expect.stringMatching(/^Run .+ could not be stored in session .+: the disk is full$/),
    ]);
  });
});
