import type { PGlite } from '@electric-sql/pglite';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { drizzle } from 'drizzle-orm/pglite';
import { Agent, agentAsJudge, defineHook, InMemorySessionStore, StepFailedError } from 'nestjs-agentos';
import { SqlEvalStore, SqlSessionStore } from 'nestjs-agentos/sql';

import { forLog, quoted, reasonOf } from '../../src/errors/log.text.js';
import { runJson, runSse } from '../support/http-client.js';
import { createPglite } from '../support/pglite.js';
import { raise } from '../support/raise.js';
import { evaluationOf, storedRunOf } from '../support/stored-data.js';
import { closeApps, startApp } from '../support/test-app.js';
import { recordUnhandledRejections } from '../support/unhandled-rejections.js';

const NOTHING = { set: {}, removed: [] };
const SECRET = 'the question of a user';
const FORGED = 'id\nERROR [AgentOs] forged\u001b[2J\u2028\u202e';

describe('The log of a store without tables', () => {
  let client: PGlite;
  let sessions: SqlSessionStore;
  let evals: SqlEvalStore;
  beforeAll(async () => {
    client = await createPglite();
    const database = drizzle({ client });
    [sessions, evals] = [new SqlSessionStore(database), new SqlEvalStore(database)];
  }, 60_000);
  afterAll(() => client.close());

  it('holds the reason and no parameters, whichever method fails', async () => {
    const changes = { state: { set: { key: SECRET }, removed: [SECRET] }, metadata: NOTHING, name: SECRET };
    const run = storedRunOf({ content: SECRET }, { input: { content: SECRET } });
    const evaluation = evaluationOf({ input: SECRET, output: SECRET });
    const calls = [
      () => sessions.open(SECRET),
      () => sessions.append({ id: SECRET }, run, changes),
      () => sessions.runs(SECRET, { runId: SECRET }),
      () => sessions.find(SECRET, SECRET),
      () => sessions.list({ name: SECRET }),
      () => sessions.create({ id: SECRET, state: { key: SECRET } }),
      () => sessions.update(SECRET, changes),
      () => sessions.delete([SECRET]),
      () => evals.save(evaluation),
      () => evals.list({ name: SECRET }),
      () => evals.count({ name: SECRET }),
      () => evals.find(SECRET),
      () => evals.rename(SECRET, SECRET),
      () => evals.delete([SECRET]),
    ];
    for (const call of calls) {
      const thrown: unknown = await call().catch((error: unknown) => error);
      const { reason, stack = '' } = forLog(thrown);
      expect(reason).toMatch(/^relation "agent_os_\w+" does not exist$/);
      expect(stack).toMatch(/^\s+at /);
      expect(String(thrown) + String((thrown as Error).stack)).not.toContain(SECRET);
    }
  });

  it('names once the reason why a run, a route or a judge failed, on one line, whatever ids clients send', async () => {
    const engine = (): string => '{"score": 9, "reason": "It is."}';
    const judge = agentAsJudge({ criteria: 'polite', engine });
    const agent = new Agent({ id: 'agent', engine: () => SECRET, postHooks: [judge] });
    const { url, log, agentOs } = await startApp({
      agentOs: { agents: [agent], sessionStore: sessions, evalStore: evals },
    });

    await runJson(url, '/agents/agent', SECRET);
    await runJson(url, '/agents/agent', SECRET, { session_id: FORGED });
    await runSse(url, '/agents/agent', SECRET, { session_id: FORGED });
    for (const path of ['/sessions?type=agent', '/sessions/x', '/sessions/x/runs', '/eval-runs'])
      await fetch(url + path);
    await agentOs.drain();
    await closeApps();

    const errors = log.entries.filter(({ level }) => level === 'error');
    expect(errors.length).toBeGreaterThanOrEqual(6);
    for (const { message, stack = '' } of errors) {
      expect(message).toMatch(/relation "agent_os_\w+" does not exist$/);
      expect(message + stack).not.toMatch(/Failed query|params:|insert into|does not exist.*does not exist/s);
      // eslint-disable-next-line no-control-regex
      expect(message).not.toMatch(/[\n\u001b\u2028\u202e]/);
    }
    expect(log.entries.map(({ message, stack = '' }) => message + stack).join()).not.toContain(SECRET);
  }, 60_000);
});

/** Its stack holds the message that it had before. */
function renamed(error: Error, message: string): Error {
  const { stack } = error;
  return Object.assign(error, { message, stack });
}

describe('A text in the log', () => {
  it('of an id is on one line, in quotation marks, without control characters, and bounded', () => {
    expect(quoted('plain')).toBe('"plain"');
    expect(quoted(FORGED)).toBe('"id\\nERROR [AgentOs] forged\\u001b[2J\\u2028\\u202e"');
    expect(quoted('\ud800')).toBe('"\\ud800"');
    expect(quoted('👋 "q"')).toBe('"👋 \\"q\\""');
    expect(quoted('x'.repeat(1_000_000)).length).toBeLessThan(310);
  });

  it('of an error is its message on one line, or without a message its code or the errors that it collects', () => {
    expect(reasonOf(new Error('a\nb'))).toBe('a\\nb');
    expect(reasonOf(new Error('x'.repeat(1_000_000))).length).toBeLessThan(1_010);
    expect(reasonOf(Object.assign(new Error(''), { code: 'ECONNRESET' }))).toBe('ECONNRESET');
    expect(reasonOf(new AggregateError([new Error('refused 1'), new Error('refused 2')]))).toBe(
      'refused 1; refused 2',
    );
    const query = Object.assign(new Error('Failed query: … params: secret', { cause: new Error('locked') }), {
      query: 'select',
      params: ['secret'],
    });
    expect(reasonOf(query)).toBe('locked');
    expect(forLog(query).stack).not.toContain('secret');
    expect(new StepFailedError('store', 'triage', query).message).toBe(
      'Step "store" of workflow "triage" failed: locked',
    );
    expect(reasonOf('text')).toBe('A value that is not an Error was thrown: "text"');
  });

  it.each([
    ['a message that was changed since', renamed(new Error('no\n    at forged (x)\nend'), 'yes')],
    ['a stack of its own', Object.assign(new Error('no'), { stack: 'no\n    at \u001b[2J\u2028forged (x)' })],
    ['a stack that is not a text', Object.assign(new Error('no'), { stack: [{ forged: true }] })],
  ])('of a stack consists of its frames, without control characters, for %s', (_name, error) => {
    const { stack = '' } = forLog(error);
    for (const bad of ['at forged', '\u001b', '\u2028']) expect(stack).not.toContain(bad);
    for (const line of stack === '' ? [] : stack.split('\n')) expect(line).toMatch(/^\s+at /);
  });
});

describe('A logger that throws', () => {
  const broken = (): never => {
    throw new Error('disk full');
  };
  class FailingSessions extends InMemorySessionStore {
    override append(): Promise<boolean> {
      throw new Error('store down');
    }
  }

  afterAll(closeApps);

  it('changes no answer and ends no process, and its lines become warnings of the process', async () => {
    const warned: string[] = [];
    const warn = jest
      .spyOn(process, 'emitWarning')
      .mockImplementation((warning) => void warned.push(String(warning)));
    const rejections = recordUnhandledRejections();
    const failing = new Agent({ id: 'failing', engine: () => raise(new Error('engine down')) });
    const hooked = new Agent({
      id: 'hooked',
      engine: ({ context }) => {
        // No plain data: it cannot be stored, and the hook gets no copy of it.
        context.sessionState['function'] = broken;
        return 'answer';
      },
      postHooks: [defineHook(() => undefined, { name: 'notify', runInBackground: true })],
    });
    const { app, url, log, agentOs } = await startApp({
      agentOs: { agents: [failing, hooked], sessionStore: new FailingSessions() },
    });
    app.useLogger({ log: broken, warn: broken, error: broken });
    try {
      expect((await runJson(url, '/agents/failing', 'Hi')).status).toBe(500);
      expect((await runSse(url, '/agents/failing', 'Hi')).map(({ event }) => event)).toContain('RunError');
      expect((await runJson(url, '/agents/hooked', 'Hi')).body).toMatchObject({
        content: 'answer',
        status: 'COMPLETED',
      });
      await agentOs.drain();
    } finally {
      app.useLogger(log);
      warn.mockRestore();
    }
    expect(await rejections.stop()).toEqual([]);
    expect(warned.filter((line) => line.includes('engine down'))).toHaveLength(2);
    expect(warned.some((line) => line.includes('could not be stored'))).toBe(true);
    expect(warned.some((line) => line.includes('"notify"'))).toBe(true);
  });
});
