import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { drizzle } from 'drizzle-orm/pglite';
import {
  Agent,
  defineGuardrail,
  defineHook,
  InMemorySessionStore,
  InputCheckError,
  Team,
  Workflow,
  type PreHookContext,
} from 'nestjs-agentos';
import type { SessionStore } from 'nestjs-agentos/stores';
import { migrate, SqlSessionStore } from 'nestjs-agentos/sql';

import { post } from '../support/http-client.js';
import { callJson } from '../support/json-client.js';
import { createPglite } from '../support/pglite.js';
import { closeApps, startApp, type TestApp } from '../support/test-app.js';

const SECRET = 'my password is hunter2';
const SHOWN = '[message withheld]';

const refuse = defineGuardrail(function refuse({ runInput }: PreHookContext) {
  if (runInput.content === SECRET) throw new InputCheckError('No passwords, please.');
});
const crash = defineHook<PreHookContext>(
  () => {
    throw new Error('broken');
  },
  { name: 'crash', runInBackground: false },
);
const engine = ({ input }: { readonly input: string }): string => `You said ${input}`;
const helper = new Agent({ id: 'helper', engine });

const client = await createPglite();
const database = drizzle({ client });
beforeAll(() => migrate(database), 60_000);
afterAll(async () => {
  await closeApps();
  await client.close();
});

describe.each<[string, () => SessionStore]>([
  ['memory', () => new InMemorySessionStore()],
  ['PostgreSQL', () => new SqlSessionStore(database)],
])('The chat pages of sessions in %s', (_, store) => {
  let served: TestApp;
  beforeAll(async () => {
    served = await startApp({
      agentOs: {
        agents: [
          new Agent({ id: 'agent', engine, preHooks: [refuse] }),
          new Agent({ id: 'broken', engine, preHooks: [crash] }),
        ],
        teams: [new Team({ id: 'team', members: [helper], engine, preHooks: [refuse] })],
        workflows: [new Workflow({ id: 'flow', steps: [helper], preHooks: [refuse] })],
        sessionStore: store(),
      },
    });
  });

  it.each([
    ['agents/agent', 'false'],
    ['agents/agent', 'true'],
    ['teams/team', 'false'],
    ['teams/team', 'true'],
    ['workflows/flow', 'false'],
    ['workflows/flow', 'true'],
    ['agents/broken', 'false'],
  ])(
    'read a placeholder for an input that a hook of %s refused or did not pass; stream=%s',
    async (path, stream) => {
      const { url } = served;
      const sessionId = `${path.replace('/', '-')}-${stream}`;
      const reply = await post(url, `/${path}`, { message: SECRET, session_id: sessionId, stream });
      await reply.text();

      const runs = (await callJson(url, 'GET', `/sessions/${sessionId}/runs`)).body;
      const [run] = runs as { run_id: string }[];
      const one = (await callJson(url, 'GET', `/sessions/${sessionId}/runs/${run?.run_id}`)).body;
      const listed = (await callJson(url, 'GET', `/${path}/runs?session_id=${sessionId}`)).body;
      const details = (await callJson(url, 'GET', `/sessions/${sessionId}`)).body;
      const sessions = (await callJson(url, 'GET', '/sessions')).body;
      expect(runs).toMatchObject([{ run_input: SHOWN }]);
      expect(one).toMatchObject({ run_input: SHOWN });
      expect(listed).toMatchObject([{ run_input: SHOWN }]);
      expect(details).toMatchObject({ session_name: SHOWN });
      expect((sessions as { data: unknown[] }).data).toContainEqual(
        expect.objectContaining({ session_id: sessionId, session_name: SHOWN }),
      );
      expect(JSON.stringify([runs, one, listed, details, sessions])).not.toContain('hunter2');
    },
  );

  it('read a placeholder until the session has an input that may be shown', async () => {
    const { url } = served;
    for (const message of [SECRET, 'How do I reset it?'])
      await (await post(url, '/agents/agent', { message, session_id: 'later' })).text();
    const runs = (await callJson(url, 'GET', '/sessions/later/runs')).body;
    expect(runs).toMatchObject([{ run_input: SHOWN }, { run_input: 'How do I reset it?' }]);
    const details = (await callJson(url, 'GET', '/sessions/later')).body;
    expect(details).toMatchObject({ session_name: 'How do I reset it?' });
  });

  it('read no placeholder for a session that has no runs', async () => {
    const { url } = served;
    await callJson(url, 'POST', '/sessions', { body: { session_id: 'empty' } });
    expect((await callJson(url, 'GET', '/sessions/empty')).body).toMatchObject({ session_name: '' });
  });
});
