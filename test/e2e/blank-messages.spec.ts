import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Agent, Team, Workflow, type Message } from 'nestjs-agentos';
import type { EngineRequest } from 'nestjs-agentos/engine';

import { post } from '../support/http-client.js';
import { closeApps, startApp, type TestApp } from '../support/test-app.js';

type Fields = Record<string, string>;

let asked: readonly Message[] = [];
/** Answers with its question, without the marks around it: `[ ]` is answered with a blank. */
const mirror = new Agent({
  id: 'mirror',
  historyRuns: 10,
  engine: ({ messages, input }: EngineRequest) => {
    asked = messages;
    return input.replace(/[[\]]/g, '');
  },
});
const team = new Team({ id: 'team', members: [mirror], engine: ({ input }) => input });
const flow = new Workflow({ id: 'flow', steps: [mirror] });

let app: TestApp;
beforeAll(
  async () =>
    void (app = await startApp({ agentOs: { agents: [mirror], teams: [team], workflows: [flow] } })),
);
afterAll(closeApps);

const file = JSON.stringify([{ content: 'aGVsbG8=', mime_type: 'text/plain', filename: 'note.txt' }]);

describe('A blank answer', () => {
  it.each(['[]', '[ ]', '[\n\n]', '[\u00a0\ufeff]', '[\u200b]'])(
    '(%j) is left out of the history with its question',
    async (blank) => {
      const sessionId = `session-${encodeURIComponent(blank)}`;
      for (const question of ['one', blank, 'two']) await app.agentOs.run('mirror', question, { sessionId });
      expect(asked.map(({ role, content }) => [role, content])).toEqual([
        ['user', 'one'],
        ['assistant', 'one'],
        ['user', 'two'],
      ]);
    },
  );
});

describe('A blank question', () => {
  const RUNS = ['/agents/mirror/runs', '/teams/team/runs', '/workflows/flow/runs'];
  const KINDS = RUNS.flatMap((path) =>
    ['', ' ', '\n\t', '\u00a0', '\u200b', ' \u2060'].flatMap((message) =>
      ([{ stream: 'false' }, { stream: 'true' }, { stream: 'false', background: 'true' }] as Fields[]).map(
        (fields) => ({
          path: path.replace(/\/runs$/, ''),
          message,
          ...fields,
        }),
      ),
    ),
  );

  it.each<Fields>(KINDS)('without files is refused with 422: %j', async ({ path = '', ...fields }) => {
    const response = await post(app.url, path, fields);
    expect(response.status).toBe(422);
    expect(await response.json()).toMatchObject({ detail: [{ loc: ['body', 'message'] }] });
  });

  it('without a message field is a missing field', async () => {
    const body = (await (await post(app.url, '/agents/mirror', { stream: 'false' })).json()) as {
      detail: unknown;
    };
    expect(body.detail).toEqual([
      { type: 'missing', loc: ['body', 'message'], msg: 'Field required', input: null },
    ]);
  });

  it.each<Fields>([{ message: ' ' }, { message: '' }, {}])('with a file is answered: %j', async (fields) => {
    const response = await post(app.url, '/agents/mirror', { ...fields, stream: 'false', input_files: file });
    expect(response.status).toBe(200);
  });

  it('with files appears in the history as the names of the files, if it was answered', async () => {
    const describing = new Agent({
      id: 'describing',
      historyRuns: 10,
      engine: ({ messages }) => JSON.stringify(messages),
    });
    const other = await startApp({ agentOs: { agents: [describing] } });
    const fields = { stream: 'false', session_id: 'files' };
    await post(other.url, '/agents/describing', { ...fields, message: '', input_files: file });
    const { content } = await other.agentOs.run('describing', 'And now?', { sessionId: 'files' });
    const history = JSON.parse(content) as Message[];
    expect(history.map(({ content }) => content)[0]).toBe('The user sent without a word: "note.txt".');
    expect(history).toHaveLength(3);
  });

  it('is accepted from application code: an engine may need no text', async () => {
    expect((await app.agentOs.run('mirror', '')).status).toBe('COMPLETED');
  });
});
