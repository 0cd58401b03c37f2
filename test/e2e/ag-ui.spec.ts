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
import type { EngineRequest, EngineYield, LeaderRequest } from 'nestjs-agentos/engine';
import { createGate, type Gate } from 'nestjs-agentos/testing';

import { inBackground } from '../support/background-hook.js';
import {
  askAgUi,
  checkAgUi,
  question,
  type AgUiAnswer,
  type AgUiOptions,
  type SentEvent,
} from '../support/ag-ui-client.js';
import { ADAPTERS, closeApps, startApp, type TestApp } from '../support/test-app.js';
import { userId } from '../support/users.js';

const PIXEL =
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';

/** All requests that engines have got. */
let asked: EngineRequest[] = [];
/** What background hooks have seen. */
let hooksRun: string[] = [];
let gate: Gate = createGate();
/** How many members have begun to answer. */
let begun = 0;

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
  description: 'Helps.',
  engine: remember,
  preHooks: [refuseBad],
  postHooks: [
    inBackground('note', ({ runOutput }: PostHookContext) => void hooksRun.push(runOutput.content)),
    inBackground('complain', () => undefined, { on: ['failed'] }),
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
/** Counts its calls in the state of the session, in two of them in one run. */
async function* counting({ context }: EngineRequest): AsyncGenerator<EngineYield> {
  const state = context.sessionState as { calls?: number; log?: string[]; 'a/b~c'?: boolean };
  for (const id of ['c1', 'c2']) {
    yield { type: 'tool-call', id, name: 'count', arguments: {} };
    state.calls = (state.calls ?? 0) + 1;
    state.log = [...(state.log ?? []), id];
    if (id === 'c2') state['a/b~c'] = true;
    yield { type: 'tool-result', id, result: 'ok' };
  }
  yield 'Counted.';
}

const expert = new Agent({ id: 'everything', engine: everything });
const waiter = new Agent({ id: 'waiting', engine: waiting });
const agents = [
  helper,
  expert,
  new Agent({
    id: 'guarded',
    engine: everything,
    postHooks: [defineGuardrail(() => undefined, { name: 'agree' })],
  }),
  new Agent({ id: 'refused', engine: everything, postHooks: [refuseAnswer] }),
  waiter,
  new Agent({
    id: 'noting',
    engine: () => 'Hi',
    preHooks: [inBackground('early', () => undefined, { on: ['failed'] })],
  }),
  new Agent({ id: 'counting', engine: counting }),
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
/** Answers in two pieces; the second one waits until both members have begun. */
function half(id: string): Agent {
  return new Agent({
    id,
    engine: async function* (): AsyncGenerator<EngineYield> {
      yield `${id} `;
      if (++begun === 2) gate.open();
      await gate.opened;
      yield `${id}.`;
    },
  });
}
const relay = new Team({
  id: 'relay',
  members: [waiter],
  engine: ({ delegate, input }: LeaderRequest) => delegate('waiting', input),
});
const teams = [
  relay,
  new Team({
    id: 'nested',
    members: [relay],
    engine: ({ delegate }: LeaderRequest) => delegate('relay', 'Hi'),
  }),
  new Team({
    id: 'pair',
    members: [half('left'), half('right')],
    engine: async ({ delegate }: LeaderRequest) =>
      (await Promise.all([delegate('left', 'Hi'), delegate('right', 'Hi')])).join(''),
  }),
  new Team({
    id: 'travel',
    members: [expert],
    engine: async ({ delegate, input }: LeaderRequest) => `They say: ${await delegate('everything', input)}`,
  }),
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
  new Workflow({ id: 'relay-flow', steps: [step('wait', waiter)] }),
  new Workflow({ id: 'halting', steps: [step('ask', helper), step('last', () => 'unreached')] }),
];

let app: TestApp;
let threads = 0;
const newThread = (): { threadId: string } => ({ threadId: `thread-of-spec-${++threads}` });

describe.each(ADAPTERS)('A client of AG-UI, on %s,', (adapter) => {
  beforeAll(async () => {
    app = await startApp({
      adapter,
      bodyLimit: 20 * 1024 * 1024,
      agentOs: { agents, teams, workflows, sessionStore: new InMemorySessionStore(), http: { userId } },
    });
  });
  afterAll(closeApps);
  afterEach(() => {
    gate.open();
    [asked, hooksRun, gate, begun] = [[], [], createGate(), 0];
  });

  /** Asks, and checks what every answer must be. */
  async function ask(
    path: string,
    asks: Parameters<typeof askAgUi>[2],
    options: AgUiOptions = {},
  ): Promise<AgUiAnswer> {
    const answer = await askAgUi(app.url, path, asks, { ...newThread(), ...options });
    await checkAgUi(answer.events);
    expect(answer.warnings).toEqual([]);
    return answer;
  }

  it('reads a stream of server-sent events with ids', async () => {
    const response = await post('/agents/helper', requestOf('Hi'));
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
    const frames = (await response.text()).split('\n\n');
    expect(frames.at(-1)).toBe('');
    expect(frames.slice(0, -1).every((frame) => /^data: \{.*\}\nid: [0-9a-f-]{36}:\d+$/.test(frame))).toBe(
      true,
    );
  });

  it('gets its own names of the run and the thread back, and the ids of the run and the session', async () => {
    const { events } = await ask('/agents/helper', 'Hi', { threadId: 'known', runId: 'mine' });
    expect(events[0]).toMatchObject({
      type: 'RUN_STARTED',
      threadId: 'known',
      runId: 'mine',
      protocolVersion: '1.0',
    });
    expect(events.at(-1)).toMatchObject({
      type: 'RUN_FINISHED',
      threadId: 'known',
      runId: 'mine',
      outcome: { type: 'success' },
      result: { content: 'Hi' },
    });
    const stored = await fetch(`${app.url}/sessions/known/runs/${agentOsRunOf(events)}`);
    expect(stored.status).toBe(200);
  });

  it.each(['everything', 'guarded'])('gets all parts of the answer as messages: %s', async (id) => {
    const { messages, events, error } = await ask(`/agents/${id}`, 'Rome');
    expect(error).toBeUndefined();
    expect(messages).toMatchObject([
      { role: 'reasoning', content: 'I look it up.' },
      {
        role: 'assistant',
        content: 'Let me see.',
        toolCalls: [
          { function: { name: 'weather', arguments: '{"city":"Rome"}' } },
          { function: { name: 'news', arguments: '{}' } },
        ],
      },
      { role: 'tool', content: '{"degrees":20}' },
      { role: 'tool', content: 'The tool failed.', metadata: { agentOs: { failed: true } } },
      { role: 'assistant', content: '20 degrees.' },
    ]);
    expect(messages).toHaveLength(5);
    expect(customs(events, 'agentos.source')).toEqual([
      { id: 'page', kind: 'url', url: 'https://example.com', title: 'Page' },
    ]);
    expect(customs(events, 'agentos.file')).toEqual([
      { id: 'sky', url: `data:image/png;base64,${PIXEL}`, mime_type: 'image/png' },
    ]);
  });

  it('gets the tokens that the run has used', async () => {
    const { events } = await ask('/agents/everything', 'Rome');
    expect(events.at(-1)).toMatchObject({ usage: [{ inputTokens: 30, outputTokens: 10, totalTokens: 40 }] });
  });

  it('gets each piece of the answer as it comes', async () => {
    const seen: string[] = [];
    const onEvent = (event: SentEvent): void => {
      if (event.type !== 'TEXT_MESSAGE_CONTENT') return;
      seen.push(String(event['delta']));
      gate.open();
    };
    await ask('/agents/waiting', 'Hi', { onEvent });
    expect(seen).toEqual(['One, ', 'two.']);
  });

  it('sends its messages, of which the last is the question: the session has the others', async () => {
    const same = newThread();
    const first = question('one');
    const { messages } = await ask('/agents/helper', first, same);
    const answer = await ask('/agents/helper', 'two', { ...same, earlier: [first, ...messages] });
    expect(answer.messages).toMatchObject([{ role: 'assistant', content: 'one | one | two' }]);
    expect(asked.map(({ context }) => context.sessionId)).toEqual([same.threadId, same.threadId]);
  });

  it('sends files, which the engine gets like uploaded ones', async () => {
    const source = { type: 'data', value: PIXEL, mimeType: 'image/png' } as const;
    const content = [
      { type: 'text', text: 'Look' },
      { type: 'image', source, metadata: { filename: 'dot.png' } },
    ] as const;
    const { error } = await ask('/agents/helper', question([...content]));
    expect(error).toBeUndefined();
    expect(asked[0]?.files).toMatchObject([
      { kind: 'image', name: 'dot.png', mediaType: 'image/png', content: PIXEL },
    ]);
    expect(asked[0]?.input).toBe('Look');
  });

  it('sends metadata and the name of its user in the properties that it forwards', async () => {
    const forwardedProps = { user_id: 'ann', metadata: { page: 'home' }, theme: 'dark' };
    await ask('/agents/helper', 'Hi', { forwardedProps });
    expect(asked[0]?.context).toMatchObject({ metadata: { page: 'home' } });
  });

  it('sends state and context in vain, unless the server accepts context from clients', async () => {
    const { state } = await ask('/agents/helper', 'Hi', {
      state: { theme: 'dark' },
      context: [{ description: 'page', value: 'home' }],
      forwardedProps: { dependencies: { admin: true } },
    });
    expect(asked[0]?.context).toMatchObject({ sessionState: {}, dependencies: {} });
    expect(state).toEqual({});
    // Not even looked at.
    const wrong = { state: 5, context: 'home', forwardedProps: { dependencies: 5 } };
    expect((await post('/agents/helper', { ...requestOf('Hi'), ...wrong })).status).toBe(200);
  });

  it('gets the answer before hooks in the background run, and is told of those that are scheduled', async () => {
    const { events } = await ask('/agents/helper', 'Hi');
    expect(customs(events, 'agentos.hook')).toMatchObject([
      { hook: 'refuseBad', phase: 'pre', mode: 'inline', state: 'running' },
      { hook: 'refuseBad', phase: 'pre', mode: 'inline', state: 'succeeded' },
      {
        hook: 'note',
        phase: 'post',
        mode: 'background',
        state: 'scheduled',
        component: { kind: 'agent', id: 'helper', name: 'Helper' },
        runId: agentOsRunOf(events),
        executionId: `${agentOsRunOf(events)}:post:note`,
      },
      { hook: 'complain', mode: 'background', state: 'skipped' },
    ]);
    await app.agentOs.drain();
    expect(hooksRun).toEqual(['Hi']);
  });

  it('is told of a hook in the background when the run reaches it, and in the end that it does not run', async () => {
    const { events } = await ask('/agents/noting', 'Hi');
    expect(customs(events, 'agentos.hook')).toMatchObject([
      { hook: 'early', phase: 'pre', state: 'scheduled' },
      { hook: 'early', phase: 'pre', state: 'skipped' },
    ]);
    const types = events.map(({ type }) => type);
    expect(types.indexOf('CUSTOM')).toBeLessThan(types.indexOf('TEXT_MESSAGE_START'));
  });

  it.each([
    [
      'of the input',
      '/agents/helper',
      'bad',
      'Not allowed.',
      'input_check_error',
      { trigger: 'prompt_injection', data: { word: 'bad' } },
    ],
    ['of the answer', '/agents/refused', 'Hi', 'The answer is not shown.', 'output_check_error', {}],
  ])('is told of a refusal %s as the error of the run', async (_what, path, text, message, code, agentOs) => {
    const { error, events, messages } = await ask(path, text);
    expect(error).toMatchObject({ message, code, metadata: { agentOs } });
    expect(messages).toEqual([]);
    expect(JSON.stringify(events)).not.toMatch(/degrees|look/);
  });

  it('is told that a run has failed, not why, and keeps what it has read', async () => {
    const { error, messages, events } = await ask('/agents/failing', 'Hi');
    expect(error).toMatchObject({ type: 'RUN_ERROR', message: expect.stringMatching(/failed/) });
    expect(messages).toMatchObject([{ role: 'assistant', content: 'Half' }]);
    expect(JSON.stringify(events)).not.toContain('a secret');
  });

  it('sees what a hook has added to the answer, and in the result of the run what it has made of it', async () => {
    expect((await ask('/agents/appending', 'Hi')).messages).toMatchObject([{ content: 'Hi!' }]);
    expect((await ask('/agents/rewriting', 'Hi')).result).toEqual({ content: 'Bye' });
  });

  it('gets a structured answer in the result of the run', async () => {
    expect((await ask('/agents/structured', 'Hi')).result).toEqual({ content: '{"a":1}', data: { a: 1 } });
  });

  it('gets the state of the session, and its changes as they happen', async () => {
    const same = newThread();
    const first = await ask('/agents/counting', 'Hi', same);
    expect(first.state).toEqual({ calls: 2, log: ['c1', 'c2'], 'a/b~c': true });
    expect(statesIn(first.events)).toEqual([
      { type: 'STATE_SNAPSHOT', snapshot: { calls: 1, log: ['c1'] } },
      {
        type: 'STATE_DELTA',
        delta: [
          { op: 'replace', path: '/calls', value: 2 },
          { op: 'add', path: '/log/1', value: 'c2' },
          { op: 'add', path: '/a~1b~0c', value: true },
        ],
      },
    ]);
    const second = await ask('/agents/counting', 'Hi', { ...same, state: first.state as object });
    expect(second.state).toMatchObject({ calls: 4, log: ['c1', 'c2', 'c1', 'c2'] });
  });

  it('that does not know the state of the session gets all of it with the first event', async () => {
    const same = newThread();
    await ask('/agents/counting', 'Hi', same);
    const { events } = await ask('/agents/counting', 'Hi', same);
    expect(events[1]).toMatchObject({ type: 'STATE_SNAPSHOT', snapshot: { calls: 2 } });
  });

  it('sees the members of a team as subagents, and the answer of the team as text', async () => {
    const { messages, events } = await ask('/teams/desk', 'Hi');
    const subagents = events.filter(({ type }) => type.startsWith('SUBAGENT'));
    expect(subagents).toMatchObject([
      { type: 'SUBAGENT_STARTED', name: 'broken' },
      { type: 'SUBAGENT_ERROR', message: expect.stringMatching(/failed/) },
      {
        type: 'SUBAGENT_STARTED',
        name: 'Helper',
        description: 'Helps.',
        metadata: { agentOs: { component: { kind: 'agent', id: 'helper' } } },
      },
      { type: 'SUBAGENT_FINISHED', result: { content: 'help' } },
    ]);
    const subagentRunId = subagents[2]?.['subagentRunId'];
    expect(messages).toMatchObject([
      { role: 'assistant', content: 'help', subagentRunId },
      { role: 'assistant', content: 'Helper: help' },
    ]);
    expect(messages[1]).not.toHaveProperty('subagentRunId');
    expect(JSON.stringify(events)).not.toContain('a secret');
    expect(customs(events, 'agentos.hook')).toContainEqual(
      expect.objectContaining({ hook: 'note', state: 'scheduled', runId: subagentRunId }),
    );
  });

  it('of a version before 1.0 sees the members of a team as steps', async () => {
    const { protocolVersion: _, ...older } = requestOf('Hi');
    const events = await readEvents(await post('/teams/desk', older));
    await checkAgUi(events);
    expect(events.filter(({ type }) => type.startsWith('STEP'))).toMatchObject([
      { type: 'STEP_STARTED', stepName: 'broken' },
      { type: 'STEP_FINISHED', stepName: 'broken' },
      { type: 'STEP_STARTED', stepName: 'Helper' },
      { type: 'STEP_FINISHED', stepName: 'Helper' },
    ]);
    expect(events.some(({ type }) => type.startsWith('SUBAGENT'))).toBe(false);
    // It could not tell the texts of members from the answer.
    expect(textsIn(events)).toEqual(['Helper: help']);
  });

  it.each(['/teams/relay', '/teams/nested', '/workflows/relay-flow'])(
    'reads the text of a run below %s as it comes, as that of a subagent',
    async (path) => {
      const seen: (readonly [unknown, unknown])[] = [];
      const onEvent = (event: SentEvent): void => {
        if (event.type !== 'TEXT_MESSAGE_CONTENT') return;
        seen.push([event['delta'], event['subagentRunId']]);
        gate.open();
      };
      const { events, messages } = await ask(path, 'Hi', { onEvent });
      const waiter = events.find(({ type, name }) => type === 'SUBAGENT_STARTED' && name === 'waiting');
      const subagentRunId = waiter?.['subagentRunId'];
      expect(seen.slice(0, 2)).toEqual([
        ['One, ', subagentRunId],
        ['two.', subagentRunId],
      ]);
      expect(messages).toContainEqual(
        expect.objectContaining({ role: 'reasoning', content: 'Wait.', subagentRunId }),
      );
      expect(messages).toContainEqual(
        expect.objectContaining({ role: 'assistant', content: 'One, two.', subagentRunId }),
      );
      expect(messages.at(-1)).toMatchObject({ role: 'assistant', content: 'One, two.' });
      expect(messages.at(-1)).not.toHaveProperty('subagentRunId');
    },
  );

  it('reads two members at once as messages of their own', async () => {
    const { messages, events } = await ask('/teams/pair', 'Hi');
    const owned = messages.filter((message) => 'subagentRunId' in message);
    expect(owned).toMatchObject([{ content: 'left left.' }, { content: 'right right.' }]);
    const owners = events
      .filter(({ type }) => type === 'TEXT_MESSAGE_CONTENT')
      .map((event) => event['subagentRunId']);
    expect(new Set(owners.slice(0, 2)).size).toBe(2);
  });

  it('reads the calls of tools, sources and files of a member as its own', async () => {
    const { messages, events } = await ask('/teams/travel', 'Rome');
    const subagentRunId = events.find(({ type }) => type === 'SUBAGENT_STARTED')?.['subagentRunId'];
    expect(messages.slice(0, 5)).toMatchObject([
      { role: 'reasoning', subagentRunId },
      { role: 'assistant', subagentRunId, toolCalls: [{}, {}] },
      { role: 'tool', subagentRunId },
      { role: 'tool', subagentRunId },
      { role: 'assistant', content: '20 degrees.', subagentRunId },
    ]);
    const owners = events.flatMap(({ name, subagentRunId: owner }) =>
      name === 'agentos.source' || name === 'agentos.file' ? [owner] : [],
    );
    expect(owners).toEqual([subagentRunId, subagentRunId]);
  });

  it('sees the steps of a workflow, and the result of the last one as text', async () => {
    const { messages, events } = await ask('/workflows/flow', 'Hi');
    expect(messages).toMatchObject([
      { content: 'Hi', subagentRunId: expect.any(String) },
      { content: expect.stringMatching(/^Result: /) },
    ]);
    const steps = events.filter(({ type }) => type.startsWith('STEP'));
    const started = steps.filter(({ type }) => type === 'STEP_STARTED');
    expect(started.map(({ stepName }) => stepName)).toEqual(['ask', 'both', 'left', 'right', 'last']);
    const stepId = stepOf(started[1])?.['stepId'];
    // Functions have no runs.
    expect(events.filter(({ type }) => type === 'SUBAGENT_STARTED')).toMatchObject([
      { name: 'Helper', metadata: { agentOs: { stepId: stepOf(started[0])?.['stepId'] } } },
    ]);
    expect(started.map(stepOf)).toMatchObject([
      { type: 'step' },
      { type: 'parallel' },
      { type: 'step', parentStepId: stepId },
      { type: 'step', parentStepId: stepId },
      { type: 'step' },
    ]);
    const finished = steps.filter(({ type }) => type === 'STEP_FINISHED');
    expect(finished.map((event) => [event['stepName'], stepOf(event)?.['content']])).toEqual(
      expect.arrayContaining([
        ['ask', 'Hi'],
        ['left', 'l'],
        ['right', 'r'],
      ]),
    );
  });

  it('is told of a refusal in a step as the error of the run', async () => {
    const { error, messages } = await ask('/workflows/halting', 'bad');
    expect(error).toMatchObject({ message: 'Not allowed.', code: 'input_check_error' });
    expect(messages).toEqual([]);
  });

  it('stops a run by its id, and is told that it was stopped', async () => {
    const { events } = await ask('/agents/waiting', 'Hi', {
      onEvent: (event) => {
        const runId = agentOsRunOf([event]);
        if (runId === undefined) return;
        void fetch(`${app.url}/agents/waiting/runs/${runId}/cancel`, { method: 'POST' });
      },
    });
    expect(events.at(-1)).toMatchObject({ type: 'RUN_FINISHED', outcome: { type: 'cancelled' } });
  });

  it('that leaves lets the run finish', async () => {
    const { threadId } = newThread();
    const abortController = new AbortController();
    const left = askAgUi(app.url, '/agents/waiting', 'Hi', {
      threadId,
      abortController,
      onEvent: ({ type }) => {
        if (type === 'TEXT_MESSAGE_CONTENT') abortController.abort();
      },
    });
    await left;
    gate.open();
    await app.agentOs.drain();
    const stored = await fetch(`${app.url}/sessions/${threadId}/runs`);
    expect(await stored.json()).toMatchObject([{ status: 'COMPLETED', content: 'One, two.' }]);
  });

  it('continues only sessions of its own user', async () => {
    const { threadId } = newThread();
    await ask('/agents/helper', 'Hi', { threadId, headers: { 'x-user': 'ann' } });
    const foreign = await post('/agents/helper', { ...requestOf('Hi'), threadId }, { 'x-user': 'bob' });
    expect(foreign.status).toBe(404);
  });

  it.each<[string, object, unknown]>([
    ['no thread', { threadId: undefined }, ['body', 'threadId']],
    ['no name of the run', { runId: undefined }, ['body', 'runId']],
    ['a long thread', { threadId: 'x'.repeat(300) }, ['body', 'threadId']],
    ['no messages', { messages: undefined }, ['body', 'messages']],
    ['messages that are no list', { messages: 'Hi' }, ['body', 'messages']],
    ['an empty list', { messages: [] }, ['body', 'messages']],
    ['a message that is a text', { messages: ['Hi'] }, ['body', 'messages', 0]],
    [
      'an answer as its last message',
      { messages: [{ id: 'a', role: 'assistant', content: 'Hi' }] },
      ['body', 'messages', 0, 'role'],
    ],
    ['a message without content', { messages: [{ role: 'user' }] }, ['body', 'messages', 0, 'content']],
    ['a blank question', messageOf(' '), ['body', 'messages', 0, 'content']],
    ['a part that is nothing', messageOf([null]), ['body', 'messages', 0, 'content', 0]],
    [
      'a text that is none',
      messageOf([{ type: 'text', text: 5 }]),
      ['body', 'messages', 0, 'content', 0, 'text'],
    ],
    [
      'a part of an unknown type',
      messageOf([{ type: 'smell', source: {} }]),
      ['body', 'messages', 0, 'content', 0, 'type'],
    ],
    [
      'a file without source',
      messageOf([{ type: 'image' }]),
      ['body', 'messages', 0, 'content', 0, 'source'],
    ],
    [
      'a file that another server has',
      messageOf([{ type: 'image', source: { type: 'file', value: 'f1' } }]),
      ['body', 'messages', 0, 'content', 0, 'source', 'type'],
    ],
    [
      'a file in no base64',
      messageOf([{ type: 'image', source: { type: 'data', value: 'x', mimeType: 'image/png' } }]),
      ['body', 'messages', 0, 'content', 0, 'source', 'value'],
    ],
    [
      'the address of a file',
      messageOf([{ type: 'image', source: { type: 'url', value: 'https://example.com/a.png' } }]),
      ['body', 'input_files', 0, 'url'],
    ],
    ['tools of its own', { tools: [{ name: 'x', description: '', parameters: {} }] }, ['body', 'tools']],
    ['something to resume', { resume: [{ interruptId: 'x', status: 'resolved' }] }, ['body', 'resume']],
    [
      'metadata that are no object',
      { forwardedProps: { metadata: 5 } },
      ['body', 'forwardedProps', 'metadata'],
    ],
  ])('with %s is told what is wrong', async (_what, body, loc) => {
    const response = await post('/agents/helper', { ...requestOf('Hi'), ...body });
    const { detail } = (await response.json()) as { detail: { loc: unknown }[] };
    expect([response.status, detail[0]?.loc]).toEqual([422, loc]);
    expect(asked).toEqual([]);
  });

  it.each<[string, object, number]>([
    ['a file of an unknown type', { value: 'TVo=', mimeType: 'application/x-msdownload' }, 400],
    ['an empty file', { value: '', mimeType: 'image/png' }, 400],
    ['a file that is too large', { value: 'YWJj'.repeat(3_500_000), mimeType: 'text/plain' }, 413],
  ])('with %s is refused', async (_what, source, status) => {
    const message = messageOf([{ type: 'document', source: { type: 'data', ...source } }]);
    expect((await post('/agents/helper', { ...requestOf('Hi'), ...message })).status).toBe(status);
  });

  it('with a question that is too large is refused, but not for the messages before it', async () => {
    const large = question('x'.repeat(2 * 1024 * 1024));
    expect((await post('/agents/helper', { ...requestOf('Hi'), messages: [large] })).status).toBe(413);
    const messages = [large, question('Hi')];
    const events = await readEvents(await post('/agents/helper', { ...requestOf('Hi'), messages }));
    expect(events.at(-1)).toMatchObject({ result: { content: 'Hi' } });
  });

  it('of a component that does not exist is told so', async () => {
    expect((await post('/agents/nobody', requestOf('Hi'))).status).toBe(404);
    expect((await post('/teams/helper', requestOf('Hi'))).status).toBe(404);
  });

  function post(path: string, body: object, headers: Record<string, string> = {}): Promise<Response> {
    return fetch(`${app.url}${path}/ag-ui`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', connection: 'close', ...headers },
      body: JSON.stringify(body),
    });
  }
});

describe('A client of AG-UI, on a server that accepts context from clients,', () => {
  afterEach(closeApps);

  it('sends state for the session, context and dependencies', async () => {
    const { url } = await startApp({ agentOs: { agents, http: { acceptClientContext: true } } });
    asked = [];
    const context = [{ description: 'page', value: 'home' }];
    const { events } = await askAgUi(url, '/agents/helper', 'Hi', {
      state: { theme: 'dark' },
      context,
      forwardedProps: { dependencies: { locale: 'en' } },
    });
    expect(asked[0]?.context).toMatchObject({
      sessionState: { theme: 'dark' },
      dependencies: { locale: 'en', context },
    });
    expect(statesIn(events)).toEqual([]);
  });

  it('is told what is wrong with them', async () => {
    const { url } = await startApp({ agentOs: { agents, http: { acceptClientContext: true } } });
    const response = await fetch(`${url}/agents/helper/ag-ui`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ ...requestOf('Hi'), state: 5, context: 'home' }),
    });
    const { detail } = (await response.json()) as { detail: { loc: unknown }[] };
    expect(detail.map(({ loc }) => loc)).toEqual([
      ['body', 'state'],
      ['body', 'context'],
    ]);
  });
});

describe('A client of AG-UI', () => {
  afterEach(closeApps);

  it('is told to ask later while too many runs are in flight', async () => {
    gate = createGate();
    const { url } = await startApp({ agentOs: { agents, maxRuns: 1 } });
    const started = createGate();
    const first = askAgUi(url, '/agents/waiting', 'Hi', { onEvent: () => started.open() });
    await started.opened;
    const second = await fetch(`${url}/agents/helper/ag-ui`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(requestOf('Hi')),
    });
    expect([second.status, second.headers.has('retry-after')]).toEqual([503, true]);
    gate.open();
    expect((await first).error).toBeUndefined();
  });

  it('that leaves ends its run, if the module says so', async () => {
    gate = createGate();
    const ended = createGate();
    const agent = new Agent({
      id: 'waiting',
      engine: waiting,
      postHooks: [inBackground('ended', () => ended.open(), { on: ['cancelled'] })],
    });
    const { url } = await startApp({ agentOs: { agents: [agent], onDisconnect: 'cancel' } });
    const abortController = new AbortController();
    const onEvent = ({ type }: SentEvent): void => {
      if (type === 'TEXT_MESSAGE_CONTENT') abortController.abort();
    };
    await askAgUi(url, '/agents/waiting', 'Hi', { abortController, onEvent });
    await ended.opened;
    gate.open();
  });
});

function requestOf(text: string): Record<string, unknown> & { protocolVersion: string } {
  const { threadId } = newThread();
  return {
    threadId,
    runId: `run-of-${threadId}`,
    protocolVersion: '1.0',
    messages: [question(text)],
    tools: [],
    context: [],
    state: {},
    forwardedProps: {},
  };
}

function messageOf(content: unknown): { messages: object[] } {
  return { messages: [{ id: 'q', role: 'user', content }] };
}

/** Reads the events of a response. */
async function readEvents(response: Response): Promise<SentEvent[]> {
  const lines = (await response.text()).split('\n').filter((line) => line.startsWith('data: '));
  return lines.map((line) => JSON.parse(line.slice('data: '.length)) as SentEvent);
}

/** The values of custom events. */
function customs(events: readonly SentEvent[], name: string): unknown[] {
  return events.flatMap((event) => (event['name'] === name ? [event['value']] : []));
}

/** The id of the run on the server. */
function agentOsRunOf([first]: readonly SentEvent[]): string | undefined {
  return first?.type === 'RUN_STARTED' ? (first.metadata?.['agentOs'] as { runId: string }).runId : undefined;
}

function stepOf(event: SentEvent | undefined): Record<string, unknown> | undefined {
  return event?.metadata?.['agentOs'] as Record<string, unknown> | undefined;
}

function textsIn(events: readonly SentEvent[]): unknown[] {
  return events.flatMap((event) => (event.type === 'TEXT_MESSAGE_CONTENT' ? [event['delta']] : []));
}

function statesIn(events: readonly SentEvent[]): SentEvent[] {
  return events.filter(({ type }) => type.startsWith('STATE'));
}
