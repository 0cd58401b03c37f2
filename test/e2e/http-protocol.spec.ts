import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Agent, Team, Workflow, type AgentOsHttpOptions } from 'nestjs-agentos';
import type { EngineRequest } from 'nestjs-agentos/engine';

import {
  multipartOf,
  parseFrames,
  postBody,
  runJson,
  type JsonAnswer,
  type RunBody,
} from '../support/http-client.js';
import { ADAPTERS, closeApps, startApp, type TestApp } from '../support/test-app.js';

let requests: EngineRequest[];
beforeEach(() => {
  requests = [];
});
afterEach(closeApps);

const echo = new Agent({
  id: 'echo',
  engine: (request) => {
    requests.push(request);
    return request.input;
  },
});
const desk = new Team({
  id: 'desk',
  members: [echo],
  engine: ({ input, delegate }) => delegate('echo', input),
});
const flow = new Workflow({ id: 'flow', steps: [echo] });

async function send(url: string, body: RunBody): Promise<JsonAnswer> {
  const response = await postBody(url, '/agents/echo', body);
  return { status: response.status, body: (await response.json()) as JsonAnswer['body'] };
}

describe.each(ADAPTERS)('A run request on %s', (adapter) => {
  const start = (http: AgentOsHttpOptions = {}): Promise<TestApp> =>
    startApp({ adapter, agentOs: { agents: [echo], teams: [desk], workflows: [flow], http } });

  describe('passes its fields to the run', () => {
    const fields = {
      message: 'Grüße 👋',
      stream: 'false',
      session_id: 's1',
      user_id: 'ann',
      metadata: '{"tier":"pro"}',
    };

    it.each<[string, RunBody]>([
      ['urlencoded', new URLSearchParams(fields)],
      ['as multipart', multipartOf(fields)],
      ['as JSON', JSON.stringify({ ...fields, stream: false, metadata: { tier: 'pro' } })],
      ['as JSON of texts', JSON.stringify(fields)],
    ])('%s', async (_name, body) => {
      const { url } = await start();
      expect(await send(url, body)).toMatchObject({
        status: 200,
        body: {
          content: 'Grüße 👋',
          session_id: 's1',
          user_id: 'ann',
          agent_id: 'echo',
          status: 'COMPLETED',
        },
      });
      expect(requests).toMatchObject([
        { input: 'Grüße 👋', context: { userId: 'ann', metadata: { tier: 'pro' } } },
      ]);
    });

    it('of agents, teams and workflows alike', async () => {
      const { url } = await start();
      const paths = ['/agents/echo', '/teams/desk', '/workflows/flow'];
      const answers = await Promise.all(paths.map((path) => runJson(url, path, 'hi')));
      expect(answers.map(({ status, body }) => [status, body['content']])).toEqual(
        paths.map(() => [200, 'hi']),
      );
    });

    it('as agent-ui sends them: multipart, with an empty session, and a stream unless it says otherwise', async () => {
      const { url } = await start();
      const response = await postBody(url, '/agents/echo', multipartOf({ message: 'hi', session_id: '' }));
      expect(response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
      const frames = parseFrames(await response.text());
      expect(frames[0]?.data['session_id']).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4/);
      expect(frames.at(-1)?.data).toMatchObject({ event: 'RunCompleted', content: 'hi' });
    });

    it('without the fields that the protocol does not know', async () => {
      const { url } = await start();
      const others = {
        run_id: 'mine',
        agent: 'x',
        agent_id: 'x',
        temperature: '2',
        __proto__x: '1',
        history_runs: '0',
      };
      const { status, body } = await runJson(url, '/agents/echo', 'hi', others);
      expect([status, body['agent_id'], body['run_id']]).toEqual([
        200,
        'echo',
        expect.stringMatching(/^[0-9a-f-]{36}$/),
      ]);
      expect(Object.keys(requests[0]?.context ?? {}).sort()).toEqual([
        'dependencies',
        'metadata',
        'runId',
        'sessionId',
        'sessionState',
      ]);
    });

    it.each([false, true])(
      'with a client context only if acceptClientContext (%s) says so',
      async (acceptClientContext) => {
        const { url } = await start({ acceptClientContext });
        await runJson(url, '/agents/echo', 'hi', {
          dependencies: '{"role":"admin"}',
          session_state: '{"cart":[1]}',
        });
        const { dependencies, sessionState } = requests[0]?.context ?? {};
        expect([dependencies, sessionState]).toEqual(
          acceptClientContext ? [{ role: 'admin' }, { cart: [1] }] : [{}, {}],
        );
      },
    );
  });

  describe('chooses a stream or JSON', () => {
    const TRUE = ['true', 'True', '1', 'yes', 'YES', 'on', 't', 'y'];
    const FALSE = ['false', 'FALSE', '0', 'no', 'off', 'Off', 'f', 'n'];

    it('in any of the forms that the protocol allows', async () => {
      const { url } = await start();
      const typeOf = async (stream: unknown): Promise<string | undefined> => {
        const body =
          typeof stream === 'string'
            ? new URLSearchParams({ message: 'hi', stream })
            : JSON.stringify({ message: 'hi', stream });
        const response = await postBody(url, '/agents/echo', body);
        await response.text();
        return response.headers.get('content-type')?.split(';')[0];
      };
      const given = [...TRUE, true, 1, '', null, ...FALSE, false, 0];
      const types = await Promise.all(given.map(typeOf));
      const streams = given.filter((_value, index) => types[index] === 'text/event-stream');
      const objects = given.filter((_value, index) => types[index] === 'application/json');
      expect([streams, objects]).toEqual([
        [...TRUE, true, 1, '', null],
        [...FALSE, false, 0],
      ]);
    });

    it('and is refused with any other value', async () => {
      const { url } = await start();
      expect(await runJson(url, '/agents/echo', 'hi', { stream: 'maybe' })).toEqual({
        status: 422,
        body: {
          detail: [
            {
              type: 'bool_parsing',
              loc: ['body', 'stream'],
              msg: 'Input should be a valid boolean, unable to interpret input',
              input: 'maybe',
            },
          ],
        },
      });
    });
  });

  describe('is refused, before anything runs,', () => {
    const missing = { type: 'missing', loc: ['body', 'message'], msg: 'Field required' };

    it.each<[string, RunBody, unknown]>([
      ['without a body', new URLSearchParams(), null],
      ['with an empty multipart body', multipartOf({ stream: 'false' }), null],
      ['with an empty message', new URLSearchParams({ message: '', stream: 'false' }), ''],
      ['with an empty message in a stream', new URLSearchParams({ message: '' }), ''],
    ])('%s: 422', async (_name, body, input) => {
      const { url } = await start();
      expect(await send(url, body)).toEqual({ status: 422, body: { detail: [{ ...missing, input }] } });
      expect(requests).toEqual([]);
    });

    it('with several problems, naming them all: 422', async () => {
      const { url } = await start();
      const answer = await send(
        url,
        JSON.stringify({ message: 5, stream: 'x', session_id: {}, metadata: '{"a":' }),
      );
      expect(answer.status).toBe(422);
      expect(answer.body['detail']).toEqual([
        { type: 'string_type', loc: ['body', 'message'], msg: 'Input should be a valid string', input: 5 },
        expect.objectContaining({ type: 'bool_parsing', loc: ['body', 'stream'], input: 'x' }),
        expect.objectContaining({ type: 'string_type', loc: ['body', 'session_id'], input: {} }),
        {
          type: 'json_invalid',
          loc: ['body', 'metadata'],
          msg: 'Input should be a JSON object',
          input: '{"a":',
        },
      ]);
    });

    it.each(['[1]', '"text"', 'null', '1'])(
      'with metadata that is not an object (%s): 422',
      async (metadata) => {
        const { url } = await start();
        const { status, body } = await runJson(url, '/agents/echo', 'hi', { metadata });
        expect([status, body]).toEqual([
          422,
          { detail: [expect.objectContaining({ type: 'json_invalid', input: metadata })] },
        ]);
      },
    );

    it.each(['message', 'stream', 'background', 'stream_events', 'session_id', 'user_id', 'metadata'])(
      'with a %s that comes twice: 422',
      async (name) => {
        const { url } = await start();
        const form = new URLSearchParams({ message: 'hi', stream: 'false' });
        form.set(name, 'true');
        form.append(name, 'true');
        expect(await send(url, form)).toMatchObject({
          status: 422,
          body: { detail: [{ loc: ['body', name], input: ['true', 'true'] }] },
        });
        expect(requests).toEqual([]);
      },
    );

    it('with a value that is nested thousands of levels deep: 422', async () => {
      const { url } = await start();
      const deep = `${'['.repeat(10_000)}${']'.repeat(10_000)}`;
      for (const name of ['message', 'metadata', 'session_id', 'images']) {
        const message = name === 'message' ? '' : '"message":"hi",';
        expect(await send(url, `{${message}"${name}":${deep}}`)).toMatchObject({
          status: 422,
          body: { detail: [{ loc: ['body', name], input: null }] },
        });
      }
      const init = { method: 'POST', headers: { 'content-type': 'application/json' } };
      const session = await fetch(`${url}/sessions`, { ...init, body: `{"session_name":${deep}}` });
      expect([session.status, await session.json()]).toMatchObject([
        422,
        { detail: [{ loc: ['body', 'session_name'], input: null }] },
      ]);
    });

    it('with a session id that no store can keep: 422', async () => {
      const { url } = await start();
      expect(await runJson(url, '/agents/echo', 'hi', { session_id: 'x'.repeat(256) })).toMatchObject({
        status: 422,
        body: { detail: [{ type: 'string_too_long', loc: ['body', 'session_id'] }] },
      });
    });

    it.each([
      ['/agents/nobody', 'Agent not found'],
      ['/teams/nobody', 'Team not found'],
      ['/workflows/nobody', 'Workflow not found'],
      ['/teams/echo', 'Team not found'],
      ['/agents/desk', 'Agent not found'],
      ['/agents/__proto__', 'Agent not found'],
    ])('for %s, which does not exist: 404', async (path, detail) => {
      const { url } = await start();
      expect(await runJson(url, path, 'hi')).toEqual({ status: 404, body: { detail } });
    });
  });
});

describe.each(ADAPTERS)('A session on %s', (adapter) => {
  const counter = new Agent({
    id: 'counter',
    historyRuns: 2,
    engine: ({ input, messages, context }) => {
      context.sessionState['count'] = Number(context.sessionState['count'] ?? 0) + 1;
      requests.push({ input, messages } as EngineRequest);
      return `answer to ${input}`;
    },
  });

  it('remembers its turns and its state, and shows neither to another session', async () => {
    const { url } = await startApp({ adapter, agentOs: { agents: [counter] } });
    const ask = async (message: string, session_id: string): Promise<unknown> =>
      (await runJson(url, '/agents/counter', message, { session_id })).body['session_state'];
    const states = [await ask('one', 's1'), await ask('two', 's1'), await ask('elsewhere', 's2')];
    states.push(await ask('three', 's1'), await ask('four', 's1'));
    expect(states).toEqual([{ count: 1 }, { count: 2 }, { count: 1 }, { count: 3 }, { count: 4 }]);
    const heard = requests.map(({ messages }) => messages.map(({ role, content }) => `${role}: ${content}`));
    expect(heard).toEqual([
      ['user: one'],
      ['user: one', 'assistant: answer to one', 'user: two'],
      ['user: elsewhere'],
      ['user: one', 'assistant: answer to one', 'user: two', 'assistant: answer to two', 'user: three'],
      ['user: two', 'assistant: answer to two', 'user: three', 'assistant: answer to three', 'user: four'],
    ]);
  });
});
