import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import {
  Agent,
  defineGuardrail,
  InMemorySessionStore,
  InputCheckError,
  OutputCheckError,
  parallel,
  step,
  Team,
  Workflow,
  type PostHookContext,
  type PreHookContext,
} from 'nestjs-agentos';
import { toUIMessageStream } from 'nestjs-agentos/ai-sdk';
import type { EngineRequest, EngineYield, LeaderRequest } from 'nestjs-agentos/engine';
import type { StoredRun } from 'nestjs-agentos/stores';
import { createGate, type Gate } from 'nestjs-agentos/testing';

import { inBackground } from '../support/background-hook.js';
import {
  chat,
  question,
  readChat,
  resumeChat,
  sendChat,
  textOf,
  type ChatAnswer,
} from '../support/chat-client.js';
import { ADAPTERS, closeApps, startApp, type TestApp } from '../support/test-app.js';
import { userId } from '../support/users.js';

const PIXEL =
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';
const DATA_URL = `data:image/png;base64,${PIXEL}`;

/** All requests that engines have got. */
let asked: EngineRequest[] = [];
/** What background hooks have seen. */
let hooksRun: string[] = [];
let gate: Gate = createGate();
/** Opens when a run of `waiting` was cancelled. */
let stopped: Gate = createGate();

async function* everything({ input }: EngineRequest): AsyncGenerator<EngineYield> {
  yield { type: 'model-request-started' };
  yield { type: 'reasoning', text: 'I look ' };
  yield { type: 'reasoning', text: 'it up.' };
  yield 'Let me see.';
  yield { type: 'tool-call', id: 'c1', name: 'weather', arguments: { city: input } };
  yield { type: 'tool-call', id: 'c2', name: 'news', arguments: {} };
  yield { type: 'tool-result', id: 'c1', result: '{"degrees":20}' };
  yield { type: 'tool-result', id: 'c2', result: 'The tool failed.', failed: true };
  yield { type: 'model-request-completed', inputTokens: 10, outputTokens: 5 };
  yield { type: 'model-request-started' };
  yield '\n\n20 ';
  yield 'degrees.';
  yield { type: 'source', source: { kind: 'url', id: 'page', url: 'https://example.com', title: 'Page' } };
  yield { type: 'source', source: { kind: 'document', id: 'book', title: 'Book', excerpt: 'Warm.' } };
  yield { type: 'file', file: { id: 'sky', kind: 'image', mediaType: 'image/png', content: PIXEL } };
  yield { type: 'model-request-completed', inputTokens: 20, outputTokens: 5 };
}

const remember = (request: EngineRequest): string => {
  asked.push(request);
  return request.messages.map(({ content }) => content).join(' | ');
};
const refuseBad = defineGuardrail(
  ({ runInput }: PreHookContext) => {
    if (runInput.content.includes('bad'))
      throw new InputCheckError('Not allowed.', {
        trigger: 'prompt_injection',
        additionalData: { word: 'bad' },
      });
  },
  { name: 'refuseBad' },
);
const refuseAnswer = defineGuardrail(
  () => {
    throw new OutputCheckError('The answer is not shown.');
  },
  { name: 'refuseAnswer' },
);
const helper = new Agent({
  id: 'helper',
  name: 'Helper',
  engine: remember,
  preHooks: [refuseBad],
  postHooks: [
    inBackground('note', ({ runOutput }: PostHookContext) => void hooksRun.push(runOutput.content)),
  ],
});
const editing = (edit: (content: string) => string) => (context: PostHookContext) => {
  context.runOutput.content = edit(context.runOutput.content);
};
async function* waiting(): AsyncGenerator<EngineYield> {
  yield { type: 'reasoning', text: 'Wait.' };
  yield 'One, ';
  await gate.opened;
  yield 'two.';
}

const agents = [
  helper,
  new Agent({ id: 'brief', engine: remember, historyRuns: 1 }),
  new Agent({ id: 'everything', engine: everything }),
  new Agent({
    id: 'guarded',
    engine: everything,
    postHooks: [defineGuardrail(() => undefined, { name: 'agree' })],
  }),
  new Agent({ id: 'refused', engine: everything, postHooks: [refuseAnswer] }),
  new Agent({
    id: 'waiting',
    engine: waiting,
    postHooks: [inBackground('stopped', () => void stopped.open(), { on: ['cancelled'] })],
  }),
  new Agent({ id: 'appending', engine: () => 'Hi', postHooks: [editing((content) => `${content}!`)] }),
  new Agent({ id: 'rewriting', engine: () => 'Hi', postHooks: [editing(() => 'Bye')] }),
  new Agent({ id: 'structured', engine: () => ({ content: '{"a":1}', data: { a: 1 } }) }),
  new Agent({
    id: 'failing',
    engine: async function* (): AsyncGenerator<EngineYield> {
      yield 'Half';
      throw new Error('a secret');
    },
  }),
];
const teams = [
  new Team({
    id: 'desk',
    members: [helper, new Agent({ id: 'broken', engine: () => Promise.reject(new Error('a secret')) })],
    engine: async ({ delegate }: LeaderRequest) => {
      await delegate('broken', 'help').catch(() => undefined);
      return `Helper: ${await delegate('helper', 'help')}`;
    },
  }),
];
const workflows = [
  new Workflow({
    id: 'flow',
    steps: [
      step('ask', helper),
      parallel('both', [step('left', () => 'l'), step('right', () => 'r')]),
      step('last', ({ input }) => `Result: ${input}`),
    ],
  }),
];

const sessionStore = new InMemorySessionStore();
let app: TestApp;
let chats = 0;
const newChat = (): { id: string } => ({ id: `chat-${++chats}` });

describe.each(ADAPTERS)('A chat client of the AI SDK, on %s,', (adapter) => {
  beforeAll(async () => {
    app = await startApp({
      adapter,
      bodyLimit: 20 * 1024 * 1024,
      agentOs: { agents, teams, workflows, sessionStore, http: { userId } },
    });
  });
  afterAll(closeApps);
  afterEach(() => {
    gate.open();
    [asked, hooksRun, gate] = [[], [], createGate()];
  });

  const ask = (path: string, message: Parameters<typeof chat>[2], options = {}): Promise<ChatAnswer> =>
    chat(app.url, path, message, { ...newChat(), ...options });

  it('reads a stream of version 1 that ends with [DONE]', async () => {
    const response = await post('/agents/helper', { id: 'raw', messages: [question('Hi')] });
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
    expect(response.headers.get('x-vercel-ai-ui-message-stream')).toBe('v1');
    const frames = (await response.text()).split('\n\n');
    expect(frames.slice(-2)).toEqual(['data: [DONE]', '']);
    expect(frames.slice(0, -2).every((frame) => /^data: \{.*\}$/.test(frame))).toBe(true);
  });

  it.each(['everything', 'guarded'])('gets all parts of the answer, in steps: %s', async (id) => {
    const { message, error } = await ask(`/agents/${id}`, 'Rome');
    expect(error).toBeUndefined();
    const shown = message.parts.map((part) => JSON.parse(JSON.stringify(part)) as Record<string, unknown>);
    expect(shown).toMatchObject([
      { type: 'step-start' },
      { type: 'reasoning', text: 'I look it up.', state: 'done' },
      { type: 'text', text: 'Let me see.', state: 'done' },
      {
        type: 'tool-weather',
        toolCallId: 'c1',
        state: 'output-available',
        input: { city: 'Rome' },
        output: { degrees: 20 },
      },
      { type: 'tool-news', toolCallId: 'c2', state: 'output-error', errorText: 'The tool failed.' },
      { type: 'step-start' },
      { type: 'text', text: '20 degrees.', state: 'done' },
      { type: 'source-url', sourceId: 'page', url: 'https://example.com', title: 'Page' },
      {
        type: 'source-document',
        sourceId: 'book',
        title: 'Book',
        mediaType: 'text/plain',
        providerMetadata: { agentOs: { excerpt: 'Warm.' } },
      },
      { type: 'file', mediaType: 'image/png', url: DATA_URL },
    ]);
    expect(shown).toHaveLength(10);
  });

  it('gets the ids of the run and of the session, and the usage, as metadata of the message', async () => {
    const { message, chunks } = await ask('/agents/everything', 'Rome', { id: 'known' });
    expect(message.metadata).toMatchObject({
      runId: message.id,
      sessionId: 'known',
      usage: { inputTokens: 30, outputTokens: 10, totalTokens: 40 },
    });
    expect(chunks.at(-1)).toMatchObject({ type: 'finish', finishReason: 'stop' });
    const stored = await fetch(`${app.url}/sessions/known/runs/${message.id}`);
    expect(stored.status).toBe(200);
  });

  it('sends its messages, of which the last is the question: the session has the others', async () => {
    const same = newChat();
    const first = question('one');
    const { message } = await ask('/agents/helper', first, same);
    const stream = await sendChat(app.url, '/agents/helper', [first, message, question('two')], same);
    expect(textOf((await readChat(stream)).message)).toBe('one | one | two');
    expect(asked.map(({ context }) => context.sessionId)).toEqual([same.id, same.id]);
  });

  describe('that asks a question again', () => {
    const again = { trigger: 'regenerate-message' } as const;
    const read = async (...given: Parameters<typeof sendChat>): Promise<string> =>
      textOf((await readChat(await sendChat(...given))).message);
    const runsOf = (id: string): Promise<readonly StoredRun[]> => sessionStore.runs(id);

    it('replaces the latest answer in the history of the session', async () => {
      const same = newChat();
      await ask('/agents/helper', 'one', same);
      const { message: replaced } = await ask('/agents/helper', 'two', same);
      const path = '/agents/helper';
      expect(await read(app.url, path, [question('two')], { ...same, ...again })).toBe('one | one | two');
      expect(await read(app.url, path, [question('three')], same)).toBe(
        'one | one | two | one | one | two | three',
      );
      const answer = await fetch(`${app.url}/sessions/${same.id}/runs`);
      const from = ((await answer.json()) as { regenerated_from?: string }[]).map(
        ({ regenerated_from: id }) => id,
      );
      expect(from).toEqual([undefined, undefined, replaced.id, undefined]);
    });

    it('replaces the answer that it names, and all later ones', async () => {
      const same = newChat();
      await ask('/agents/helper', 'one', same);
      const { message } = await ask('/agents/helper', 'two', same);
      await ask('/agents/helper', 'three', same);
      const options = { ...same, ...again, messageId: message.id };
      expect(await read(app.url, '/agents/helper', [question('two')], options)).toBe('one | one | two');
      expect(await read(app.url, '/agents/helper', [question('four')], same)).toBe(
        'one | one | two | one | one | two | four',
      );
    });

    it('replaces all answers after the last one that it sends', async () => {
      const same = newChat();
      const first = question('one');
      const { message } = await ask('/agents/helper', first, same);
      await ask('/agents/helper', 'two', same);
      await ask('/agents/helper', 'three', same);
      const sent = [first, message, question('two')];
      expect(await read(app.url, '/agents/helper', sent, { ...same, ...again })).toBe('one | one | two');
    });

    it('again and again replaces all earlier answers to it, and those that have failed', async () => {
      const same = newChat();
      for (const text of ['one', 'two']) await ask('/agents/helper', text, same);
      await read(app.url, '/agents/helper', [question('bad')], { ...same, ...again });
      for (let time = 0; time < 2; time++)
        expect(await read(app.url, '/agents/helper', [question('two')], { ...same, ...again })).toBe(
          'one | one | two',
        );
      const [, two, refused, third] = await runsOf(same.id);
      expect((await runsOf(same.id)).at(-1)?.output.replaces).toEqual([
        third?.runId,
        refused?.runId,
        two?.runId,
      ]);
    });

    it('leaves as many answers in the history as the component wants', async () => {
      const same = newChat();
      for (const text of ['one', 'two']) await ask('/agents/brief', text, same);
      await read(app.url, '/agents/brief', [question('two')], { ...same, ...again });
      await read(app.url, '/agents/brief', [question('two')], { ...same, ...again });
      expect(asked.map(({ messages }) => messages.map(({ content }) => content)[0])).toEqual([
        'one',
        'one',
        'one',
        'one',
      ]);
    });

    it('replaces the runs of the members of a team, too', async () => {
      const same = newChat();
      await ask('/teams/desk', 'one', same);
      await ask('/teams/desk', 'two', same);
      await read(app.url, '/teams/desk', [question('two')], { ...same, ...again });
      expect(asked.map(({ messages }) => messages.length)).toEqual([1, 3, 3]);
    });

    it('does not see the sessions of other users', async () => {
      const same = newChat();
      const { message } = await ask('/agents/helper', 'one', { ...same, headers: { 'x-user': 'ann' } });
      const response = await post(
        '/agents/helper',
        { ...same, ...again, messageId: message.id, messages: [question('one')] },
        { 'x-user': 'ben' },
      );
      expect(response.status).toBe(404);
    });

    it('replaces nothing in a session without answers', async () => {
      const same = newChat();
      expect(await read(app.url, '/agents/helper', [question('one')], { ...same, ...again })).toBe('one');
      expect((await runsOf(same.id))[0]?.output).not.toHaveProperty('replaces');
    });
  });

  it('starts a new session without the id of a chat', async () => {
    const response = await post('/agents/helper', { messages: [question('Hi')] });
    const { message } = await readFrames(response);
    expect(message.metadata?.sessionId).toMatch(/^[0-9a-f-]{36}$/);
  });

  it('sends files, which the engine gets like uploaded ones', async () => {
    const file = { type: 'file', mediaType: 'image/png', filename: 'dot.png', url: DATA_URL } as const;
    const { error } = await ask('/agents/helper', question('Look', file));
    expect(error).toBeUndefined();
    expect(asked[0]?.files).toMatchObject([
      { kind: 'image', name: 'dot.png', mediaType: 'image/png', content: PIXEL },
    ]);
  });

  it('gets the answer before hooks in the background run', async () => {
    await ask('/agents/helper', 'Hi');
    await app.agentOs.drain();
    expect(hooksRun).toEqual(['Hi']);
  });

  it.each([
    [
      'of the input',
      '/agents/helper',
      'bad',
      'Not allowed.',
      { type: 'input_check_error', id: 'prompt_injection', data: { word: 'bad' } },
    ],
    ['of the answer', '/agents/refused', 'Hi', 'The answer is not shown.', { type: 'output_check_error' }],
  ])('is told of a refusal %s in the text for people', async (_what, path, text, errorText, error) => {
    const answer = await ask(path, text);
    expect(answer.error).toBe(errorText);
    expect(answer.message.metadata?.error).toMatchObject(error);
    expect(JSON.stringify(answer)).not.toMatch(/degrees|look/);
  });

  it('is told that a run has failed, not why, and keeps what it has read', async () => {
    const { error, message, chunks } = await ask('/agents/failing', 'Hi');
    expect(error).toMatch(/failed/);
    expect(textOf(message)).toBe('Half');
    expect(message.parts.at(-1)).toMatchObject({ type: 'text', state: 'done' });
    expect(JSON.stringify(chunks)).not.toContain('a secret');
  });

  it('sees what a hook has added to the answer, and what it has made of it', async () => {
    expect(textOf((await ask('/agents/appending', 'Hi')).message)).toBe('Hi!');
    const { message } = await ask('/agents/rewriting', 'Hi');
    expect(message.parts.at(-1)).toMatchObject({ type: 'data-answer', data: { content: 'Bye' } });
  });

  it('gets a structured answer as data', async () => {
    const { message } = await ask('/agents/structured', 'Hi');
    expect(message.parts.at(-1)).toMatchObject({
      type: 'data-answer',
      data: { content: '{"a":1}', data: { a: 1 } },
    });
  });

  it('sees the members of a team as data, and the answer of the team as text', async () => {
    const { message } = await ask('/teams/desk', 'Hi');
    expect(textOf(message)).toBe('Helper: help');
    const members = message.parts.flatMap((part) => (part.type === 'data-member' ? [part.data] : []));
    expect(members).toMatchObject([
      { component: { id: 'broken' }, status: 'failed', parentRunId: message.id, error: expect.any(String) },
      { component: { kind: 'agent', id: 'helper', name: 'Helper' }, status: 'completed', content: 'help' },
    ]);
    expect(JSON.stringify(message)).not.toContain('a secret');
  });

  it('sees the steps of a workflow as data, and the result of the last one as text', async () => {
    const { message, chunks } = await ask('/workflows/flow', 'Hi');
    const steps = message.parts.flatMap((part) => (part.type === 'data-step' ? [part.data] : []));
    expect(steps).toMatchObject([
      { name: 'ask', type: 'step', status: 'completed', content: 'Hi' },
      { name: 'both', type: 'parallel', status: 'completed' },
      { name: 'left', parentStepId: steps[1]?.stepId, content: 'l' },
      { name: 'right', parentStepId: steps[1]?.stepId, content: 'r' },
      { name: 'last', content: expect.stringMatching(/^Result: /) },
    ]);
    expect(textOf(message)).toMatch(/^Result: /);
    const running = chunks.filter(
      (chunk) => chunk.type === 'data-step' && JSON.stringify(chunk).includes('running'),
    );
    expect(running).toHaveLength(5);
  });

  it('that leaves lets the run finish, and may read the whole message again', async () => {
    const same = newChat();
    const leaving = new AbortController();
    const left = await sendChat(app.url, '/agents/waiting', [question('Hi')], {
      ...same,
      abortSignal: leaving.signal,
    });
    await untilText(left, 'One, ');
    leaving.abort();
    const again = await resumeChat(app.url, '/agents/waiting', same);
    gate.open();
    const { message, chunks } = await readChat(again as NonNullable<typeof again>);
    expect(textOf(message)).toBe('One, two.');
    expect(message.parts.filter(({ type }) => type === 'reasoning')).toHaveLength(1);
    expect(chunks.at(-1)?.type).toBe('finish');
  });

  it('that asks for a message that is not being streamed gets none: 204', async () => {
    const same = newChat();
    expect(await resumeChat(app.url, '/agents/waiting', same)).toBeNull();
    await ask('/agents/helper', 'Hi', same);
    expect(await resumeChat(app.url, '/agents/helper', same)).toBeNull();
  });

  it('reads only the message of its own user, of its own component and session', async () => {
    const same = newChat();
    const ann = { ...same, headers: { 'x-user': 'ann' } };
    const stream = await sendChat(app.url, '/agents/waiting', [question('Hi')], ann);
    const bob = { ...same, headers: { 'x-user': 'bob' } };
    const others = [
      resumeChat(app.url, '/agents/waiting', bob),
      resumeChat(app.url, '/agents/waiting', same),
      resumeChat(app.url, '/agents/helper', ann),
      resumeChat(app.url, '/agents/waiting', { ...ann, ...newChat() }),
    ];
    expect(await Promise.all(others)).toEqual([null, null, null, null]);
    const own = await resumeChat(app.url, '/agents/waiting', ann);
    gate.open();
    expect(textOf((await readChat(own as NonNullable<typeof own>)).message)).toBe('One, two.');
    await readChat(stream);
    const foreign = await post(
      '/agents/helper',
      { id: same.id, messages: [question('Hi')] },
      { 'x-user': 'bob' },
    );
    expect(foreign.status).toBe(404);
  });

  it('stops a run by its id, and is told that it was stopped', async () => {
    const stream = await sendChat(app.url, '/agents/waiting', [question('Hi')], newChat());
    const [own, copy] = stream.tee();
    const runId = await untilText(copy, 'One, ');
    await fetch(`${app.url}/agents/waiting/runs/${runId}/cancel`, { method: 'POST' });
    const { chunks, message } = await readChat(own);
    expect(chunks.at(-1)).toMatchObject({ type: 'abort' });
    expect(message.parts.at(-1)).toMatchObject({ type: 'text', text: 'One, ', state: 'done' });
  });

  it.each<[string, object, number, unknown]>([
    ['no messages', {}, 422, ['body', 'messages']],
    ['messages that are no list', { messages: 'Hi' }, 422, ['body', 'messages']],
    ['an empty list', { messages: [] }, 422, ['body', 'messages']],
    ['a message that is a text', { messages: ['Hi'] }, 422, ['body', 'messages', 0]],
    [
      'an answer as its last message',
      { messages: [{ role: 'assistant', parts: [] }] },
      422,
      ['body', 'messages', 0, 'role'],
    ],
    ['a message without parts', { messages: [{ role: 'user' }] }, 422, ['body', 'messages', 0, 'parts']],
    ['a blank question', { messages: [question(' ')] }, 422, ['body', 'messages', 0, 'parts']],
    [
      'a part that is nothing',
      { messages: [{ role: 'user', parts: [null] }] },
      422,
      ['body', 'messages', 0, 'parts', 0],
    ],
    [
      'a text that is none',
      { messages: [{ role: 'user', parts: [{ type: 'text', text: 5 }] }] },
      422,
      ['body', 'messages', 0, 'parts', 0, 'text'],
    ],
    [
      'a file without address',
      { messages: [{ role: 'user', parts: [{ type: 'file' }] }] },
      422,
      ['body', 'messages', 0, 'parts', 0, 'url'],
    ],
    [
      'a file in no base64',
      { messages: [{ role: 'user', parts: [{ type: 'file', url: 'data:image/png,x' }] }] },
      422,
      ['body', 'messages', 0, 'parts', 0, 'url'],
    ],
    [
      'the address of a file',
      {
        messages: [
          {
            role: 'user',
            parts: [{ type: 'file', mediaType: 'image/png', url: 'https://example.com/a.png' }],
          },
        ],
      },
      422,
      ['body', 'input_files', 0, 'url'],
    ],
    ['a long id', { id: 'x'.repeat(300), messages: [question('Hi')] }, 422, ['body', 'id']],
    ['metadata that are no object', { metadata: 5, messages: [question('Hi')] }, 422, ['body', 'metadata']],
  ])('with %s is told what is wrong', async (_what, body, status, loc) => {
    const response = await post('/agents/helper', body);
    const { detail } = (await response.json()) as { detail: { loc: unknown }[] };
    expect([response.status, detail[0]?.loc]).toEqual([status, loc]);
    expect(asked).toEqual([]);
  });

  it.each<[string, object, number]>([
    [
      'a file of an unknown type',
      { url: 'data:application/x-msdownload;base64,TVo=', filename: 'a.exe' },
      400,
    ],
    ['an empty file', { url: 'data:image/png;base64,' }, 400],
    ['a file that is too large', { url: `data:text/plain;base64,${'YWJj'.repeat(3_500_000)}` }, 413],
  ])('with %s is refused', async (_what, file, status) => {
    const response = await post('/agents/helper', {
      messages: [{ role: 'user', parts: [{ type: 'file', ...file }] }],
    });
    expect(response.status).toBe(status);
  });

  it('with a question that is too large is refused, but not for the messages before it', async () => {
    const large = question('x'.repeat(2 * 1024 * 1024));
    expect((await post('/agents/helper', { messages: [large] })).status).toBe(413);
    const { message } = await readFrames(await post('/agents/helper', { messages: [large, question('Hi')] }));
    expect(textOf(message)).toBe('Hi');
  });

  it('of a component that does not exist is told so', async () => {
    expect((await post('/agents/nobody', { messages: [question('Hi')] })).status).toBe(404);
    expect((await post('/teams/helper', { messages: [question('Hi')] })).status).toBe(404);
    expect((await fetch(`${app.url}/agents/nobody/chat/x/stream`)).status).toBe(404);
  });

  function post(path: string, body: object, headers: Record<string, string> = {}): Promise<Response> {
    return fetch(`${app.url}${path}/chat`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', connection: 'close', ...headers },
      body: JSON.stringify(body),
    });
  }
});

describe('toUIMessageStream()', () => {
  afterEach(closeApps);

  it('makes the same message of the events of a run', async () => {
    const { agentOs } = await startApp({ agentOs: { agents } });
    const { message } = await readChat(toUIMessageStream(agentOs.stream('everything', 'Rome')));
    expect(message.parts.map(({ type }) => type)).toEqual([
      'step-start',
      'reasoning',
      'text',
      'tool-weather',
      'tool-news',
      'step-start',
      'text',
      'source-url',
      'source-document',
      'file',
    ]);
  });

  it('stops reading when it is cancelled', async () => {
    const { agentOs } = await startApp({ agentOs: { agents, onDisconnect: 'cancel' } });
    [stopped, gate] = [createGate(), createGate()];
    const stream = toUIMessageStream(agentOs.stream('waiting', 'Hi'));
    await untilText(stream, 'One, ', true);
    await stopped.opened;
  });
});

/** Reads the frames of a response like a chat client. */
function readFrames(response: Response): Promise<ChatAnswer> {
  const chunks = response.body!.pipeThrough(new TextDecoderStream()).pipeThrough(
    new TransformStream<string, never>({
      transform(text, controller) {
        for (const frame of text.split('\n\n'))
          if (frame.startsWith('data: {')) controller.enqueue(JSON.parse(frame.slice(6)) as never);
      },
    }),
  );
  return readChat(chunks);
}

/** Reads until a piece of text has come, and then no more. @returns the id of the run */
async function untilText(stream: ReadableStream<unknown>, text: string, cancels = false): Promise<string> {
  const reader = stream.getReader();
  let runId = '';
  for (;;) {
    const { value, done } = (await reader.read()) as { value?: Record<string, unknown>; done: boolean };
    if (done) throw new Error('The message has ended.');
    if (value?.['type'] === 'start') runId = String(value['messageId']);
    if (value?.['delta'] === text) break;
  }
  if (cancels) await reader.cancel();
  else reader.releaseLock();
  return runId;
}
