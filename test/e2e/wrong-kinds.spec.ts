import { randomUUID } from 'node:crypto';

import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { Injectable, Scope, type Provider } from '@nestjs/common';
import {
  Agent,
  agentAsJudge,
  AgentOsModule,
  condition,
  defineGuardrail,
  defineHook,
  InMemoryEvalStore,
  InMemorySessionStore,
  loop,
  parallel,
  router,
  step,
  Team,
  Workflow,
  type HookFunction,
  type PostHookContext,
  type RunFailure,
} from 'nestjs-agentos';
import { Engine, type EngineFunction, type ToolDescription } from 'nestjs-agentos/engine';

import { closeApps, startApp, startUpError, type TestApp } from '../support/test-app.js';

const failures: RunFailure[] = [];
/** A store of the host of which one method answers with something of another kind. */
const wrong: { method?: string; answer?: unknown } = {};
const mayBeWrong = <T extends object>(store: T): T =>
  new Proxy(store, {
    get: (target, name) => {
      const method: unknown = Reflect.get(target, name, target);
      if (typeof method !== 'function') return method;
      return (...given: unknown[]): unknown =>
        wrong.method === name ? Promise.resolve(wrong.answer) : Reflect.apply(method, target, given);
    },
  });
const sessionStore = mayBeWrong(new InMemorySessionStore());
const evalStore = mayBeWrong(new InMemoryEvalStore());
const hookErrors: string[] = [];
let testApp: TestApp;

beforeAll(async () => {
  testApp = await startApp({
    agentOs: {
      agents: [new Agent({ id: 'fine', engine: () => 'fine' })],
      sessionStore,
      evalStore,
      onRunError: (failure) => void failures.push(failure),
      onHookError: ({ error }) => void hookErrors.push(error.message),
    },
  });
});

afterAll(closeApps);

/** The messages of what broke in a run of this component. */
async function causesOf(agent: Agent | Team | Workflow, input: unknown = 'hello'): Promise<string[]> {
  failures.length = 0;
  await testApp.agentOs.run(agent, input as string).catch(() => undefined);
  return failures.map(({ error }) => error.message);
}

const engineOf = (answer: unknown): EngineFunction => (() => answer) as EngineFunction;
const pieces = (...items: unknown[]): EngineFunction =>
  async function* () {
    yield* items as string[];
  };

describe('An engine that answers with a value of the wrong kind', () => {
  const name = 'The engine of agent "odd"';
  it.each<[string, EngineFunction, string]>([
    ['nothing', engineOf(undefined), 'answered with undefined; expected text, events or { content }.'],
    ['null', engineOf(null), 'answered with null; expected text, events or { content }.'],
    ['a promise of nothing', engineOf(Promise.resolve()), 'answered with undefined; expected'],
    ['a number', engineOf(5), 'answered with 5 (number); expected'],
    ['a function', engineOf(() => 'x'), 'answered with a function; expected'],
    ['a piece that is a number', pieces('a', 5), 'answered with 5 (number); expected'],
    ['a piece that is nothing', pieces(undefined), 'answered with undefined; expected'],
    ['a list in a list', engineOf([['a']]), 'answered with an array; expected'],
    ['an unknown event', pieces({ type: 'txt', text: 'a' }), 'reported an unknown event: "txt".'],
    [
      'text that is none',
      pieces({ type: 'text', text: 5 }),
      'reported "text" whose text is 5 (number); expected a text.',
    ],
    [
      'a call without a name',
      pieces({ type: 'tool-call', id: '1', arguments: {} }),
      'reported "tool-call" whose name is undefined',
    ],
    [
      'a result that is no text',
      pieces({ type: 'tool-result', id: '1', result: {} }),
      'reported "tool-result" whose result is an object',
    ],
    [
      'usage in texts',
      pieces({ type: 'usage', inputTokens: '5' }),
      'reported "usage" whose inputTokens is "5"; expected a number.',
    ],
    [
      'content that is no text',
      engineOf({ content: 5 }),
      'answered with an object whose content is 5 (number); expected a text.',
    ],
    [
      'tools that are no list',
      engineOf({ content: 'a', tools: 'b' }),
      'answered with tools that are "b"; expected an array.',
    ],
    [
      'arguments of a call in a text',
      pieces({ type: 'tool-call', id: '1', name: 'look', arguments: '{"city":"Rome"}' }),
      'reported "tool-call" whose arguments are "{\\"city\\":\\"Rome\\"}"; expected an object.',
    ],
    [
      'a call without arguments',
      pieces({ type: 'tool-call', id: '1', name: 'look' }),
      'reported "tool-call" whose arguments are undefined; expected an object.',
    ],
    [
      'tools with nothing among them',
      engineOf({ content: 'a', tools: [null] }),
      'answered with a tool call that is null; expected an object.',
    ],
    [
      'tools without names',
      engineOf({ content: 'a', tools: [{ id: '1', arguments: {} }] }),
      'answered with a tool call whose name is undefined; expected a text.',
    ],
    [
      'tools whose results are no texts',
      engineOf({ content: 'a', tools: [{ id: '1', name: 'look', arguments: {}, result: { a: 1 } }] }),
      'answered with a tool call whose result is an object; expected a text.',
    ],
    [
      'tools whose arguments are no objects',
      engineOf({ content: 'a', tools: [{ id: '1', name: 'look', arguments: ['a'] }] }),
      'answered with a tool call whose arguments are an array; expected an object.',
    ],
    [
      'metadata that are no object',
      engineOf({ content: 'a', metadata: 'b' }),
      'answered with metadata that are "b"; expected an object.',
    ],
    [
      'reasoning that is no text',
      pieces({ type: 'reasoning', text: 5 }),
      'reported "reasoning" whose text is 5 (number); expected a text.',
    ],
    [
      'a whole reasoning that is no text',
      engineOf({ content: 'a', reasoning: ['b'] }),
      'answered with a reasoning that is an array; expected a text.',
    ],
    [
      'a source that is a text',
      pieces({ type: 'source', source: 'https://example.com' }),
      'reported a source that is "https://example.com"; expected an object.',
    ],
    [
      'a source of an unknown kind',
      pieces({ type: 'source', source: { kind: 'web', id: '1', url: 'https://example.com' } }),
      'reported a source whose kind is "web"; expected "url" or "document".',
    ],
    [
      'a page without an address',
      pieces({ type: 'source', source: { kind: 'url', id: '1', title: 'Page' } }),
      'reported a source whose url is undefined; expected a text.',
    ],
    [
      'a document without a title',
      engineOf({ content: 'a', sources: [{ kind: 'document', id: '1' }] }),
      'answered with a source whose title is undefined; expected a text.',
    ],
    [
      'sources that are no list',
      engineOf({ content: 'a', sources: {} }),
      'answered with sources that are an object; expected an array.',
    ],
    [
      'a file that is nothing',
      pieces({ type: 'file' }),
      'reported a file that is undefined; expected an object.',
    ],
    [
      'a file of an unknown kind',
      pieces({ type: 'file', file: { id: '1', kind: 'picture', content: 'AA==' } }),
      'reported a file whose kind is "picture"; expected "image", "audio", "video" or "file".',
    ],
    [
      'a file without content',
      pieces({ type: 'file', file: { id: '1', kind: 'image' } }),
      'reported a file with no content and no url; expected one of them.',
    ],
    [
      'a file with content and an address',
      pieces({ type: 'file', file: { id: '1', kind: 'image', content: 'AA==', url: 'https://example.com' } }),
      'reported a file with a content and a url; expected one of them.',
    ],
    [
      'a file whose content is bytes',
      pieces({ type: 'file', file: { id: '1', kind: 'image', content: new Uint8Array(2) } }),
      'reported a file whose content is an object; expected a text.',
    ],
  ])('fails its run, and is named: %s', async (_kind, engine, problem) => {
    const causes = await causesOf(new Agent({ id: 'odd', engine }));

    expect(causes).toEqual([expect.stringContaining(`${name} ${problem}`)]);
  });
});

describe('An engine that describes itself with a value of the wrong kind', () => {
  class Odd extends Engine {
    readonly #tools: unknown;

    constructor({ model, tools }: { readonly model?: unknown; readonly tools?: unknown }) {
      super();
      Object.assign(this, { model });
      this.#tools = tools;
    }

    override describeTools(): readonly ToolDescription[] {
      return this.#tools as readonly ToolDescription[];
    }

    async *stream(): AsyncIterable<string> {
      yield 'fine';
    }
  }

  const model = 'expected the model of its engine to be { id, provider, name } with texts, got';
  it.each<[unknown, string]>([
    ['gpt', '"gpt".'],
    [5, '5 (number).'],
    [null, 'null.'],
    [{}, 'an object whose id is undefined.'],
    [{ id: 5, provider: 'lab' }, 'an object whose id is 5 (number).'],
    [() => ({ id: 'gpt' }), 'a function.'],
  ])('is refused with its component if its model is %p', (given, got) => {
    const engine = new Odd({ model: given });
    expect(() => new Agent({ id: 'odd', engine })).toThrow(`Agent "odd": ${model} ${got}`);
    const members = [new Agent({ id: 'fine', engine: () => 'fine' })];
    expect(() => new Team({ id: 'odd', engine, members })).toThrow(`Team "odd": ${model} ${got}`);
  });

  it.each<[unknown, string]>([
    ['look', '"look"'],
    [{ look: {} }, 'an object'],
    [[null], 'an array that holds null'],
    [['look'], 'an array that holds "look"'],
    [[{ parameters: {} }], 'a tool whose name is undefined'],
  ])('is named when its tools are listed if they are %p', async (tools, got) => {
    const engine = new Odd({ tools });
    const members = [new Agent({ id: 'fine', engine: () => 'fine' })];
    const expected = `${got}; expected an array of { name, description, parameters }.`;
    await expect(new Agent({ id: 'odd', engine }).describeTools()).rejects.toThrow(
      `The engine of agent "odd" described its tools with ${expected}`,
    );
    await expect(new Team({ id: 'odd', engine, members }).describeTools()).rejects.toThrow(
      `The engine of team "odd" described its tools with ${expected}`,
    );
  });

  it('has no tools if it describes none', async () => {
    expect(await new Agent({ id: 'odd', engine: new Odd({}) }).describeTools()).toEqual([]);
  });
});

describe('An inline hook that writes a value of the wrong kind', () => {
  type Context = { -readonly [K in keyof PostHookContext]: Record<string, unknown> };
  const writing = (write: (context: Context) => unknown): HookFunction<PostHookContext> =>
    defineHook(write as never as HookFunction<PostHookContext>, { name: 'odd', onError: 'fail' });

  it.each<[string, (context: Context) => unknown, string]>([
    [
      'a number as the input',
      ({ runInput }) => void (runInput['content'] = 5),
      'set runInput.content to a value of type number; it must be a text.',
    ],
    [
      'nothing as the input',
      ({ runInput }) => void delete runInput['content'],
      'set runInput.content to undefined; it must be a text.',
    ],
    [
      'a text as files',
      ({ runInput }) => void (runInput['files'] = 'a'),
      'set runInput.files to a value of type string; it must be an array.',
    ],
    [
      'a number as the answer',
      ({ runOutput }) => void (runOutput['content'] = 5),
      'set runOutput.content to a value of type number; it must be a text.',
    ],
    [
      'a text as tools',
      ({ runOutput }) => void (runOutput['tools'] = 'x'),
      'set runOutput.tools to a value of type string; it must be an array.',
    ],
    [
      'a text as metadata',
      ({ runOutput }) => void (runOutput['metadata'] = 'x'),
      'set runOutput.metadata to a value of type string; it must be an object.',
    ],
    [
      'a list as session state',
      ({ runContext }) => void (runContext['sessionState'] = []),
      'set runContext.sessionState to an array; it must be an object.',
    ],
    [
      'another input',
      (context) => void (context.runInput = { content: 'b' }),
      'replaced runInput of its context, which has no effect. Write into its fields, such as runInput.content.',
    ],
    [
      'another output',
      (context) => void (context.runOutput = { content: 'b' }),
      'replaced runOutput of its context',
    ],
  ])('fails the run by an error that names hook and field: %s', async (_what, write, problem) => {
    const causes = await causesOf(
      new Agent({ id: 'agent', engine: () => 'a', preHooks: [writing(write) as never] }),
    );

    expect(causes).toEqual(
      [`Hook "odd" ${problem}`.replace(/context$/, 'context')].map((text) => expect.stringContaining(text)),
    );
  });

  it.each<[string, (context: PostHookContext) => unknown, string]>([
    ['its context', (context) => context, 'a context'],
    ['a copy of its context', (context) => ({ ...context, runInput: { content: 'b' } }), 'a context'],
    ['its input', ({ runInput }) => runInput, 'its runInput'],
    ['another input', ({ runInput }) => ({ ...runInput, content: 'b' }), 'a run input'],
    [
      'another output, later',
      ({ runOutput }) => Promise.resolve({ ...runOutput, content: 'b' }),
      'a run output',
    ],
  ])('fails the run if it returns the value: %s', async (_what, hook, problem) => {
    const causes = await causesOf(
      new Agent({ id: 'agent', engine: () => 'a', preHooks: [writing(hook as never) as never] }),
    );

    expect(causes).toEqual([expect.stringContaining(`Hook "odd" returned ${problem}, which has no effect.`)]);
  });

  it('causes no error for values that an arrow function happens to return', async () => {
    const returning = [1, 'text', true, ['list'], { id: 5, content: 'saved' }, null].map((value, index) =>
      defineHook(() => value, { name: `hook ${index}`, onError: 'fail' }),
    );

    const run = await testApp.agentOs.run(
      new Agent({ id: 'agent', engine: () => 'a', postHooks: returning }),
      'b',
    );

    expect(run.status).toBe('COMPLETED');
  });

  it('is undone if the run continues, and the client reads the answer unchanged', async () => {
    const postHooks = [
      defineHook(
        ({ runOutput }: PostHookContext) => void Object.assign(runOutput, { content: 5, tools: 'x' }),
        { name: 'writes' },
      ),
      defineHook(
        ({ runOutput }: PostHookContext) => {
          Object.assign(runOutput, { content: 6 });
          throw new Error('and fails');
        },
        { name: 'fails' },
      ),
    ];

    const { content, tools, status } = await testApp.agentOs.run(
      new Agent({ id: 'agent', engine: () => 'the answer', postHooks }),
      'b',
    );

    expect([content, tools, status]).toEqual(['the answer', [], 'COMPLETED']);
  });

  const member = new Agent({ id: 'member', engine: () => 'from the member' });
  const team = (postHook: HookFunction<PostHookContext>): Team =>
    new Team({
      id: 'team',
      members: [member],
      engine: ({ delegate }) => delegate('member', 'a'),
      postHooks: [postHook],
    });

  const wrongWrites: [string, (context: Context) => unknown, string][] = [
    [
      'a number as the name of the session',
      ({ session }) => void (session['name'] = 5),
      'set session.name to a value of type number; it must be a text or undefined.',
    ],
    [
      'an object as the name of the session',
      ({ session }) => void (session['name'] = { a: 1 }),
      'set session.name to a value of type object',
    ],
    [
      'null among the answers of members',
      ({ runOutput }) => void (runOutput['memberResponses'] = [null]),
      'set runOutput.memberResponses[0] to null; it must be an object.',
    ],
    [
      'a number into the answer of a member',
      ({ runOutput }) => void ((runOutput['memberResponses'] as { content: unknown }[])[0]!.content = 5),
      'set runOutput.memberResponses[0].content to a value of type number; it must be a text.',
    ],
    [
      'a number into the messages of a member',
      ({ runOutput }) =>
        void (runOutput['memberResponses'] as { messages: unknown[] }[])[0]!.messages.push(5),
      '.messages[2] to a value of type number; it must be an object.',
    ],
    [
      'a text among tools',
      ({ runOutput }) => void (runOutput['tools'] = ['x']),
      'set runOutput.tools[0] to a value of type string; it must be an object.',
    ],
    [
      'texts as the arguments of a tool',
      ({ runOutput }) => void (runOutput['tools'] = [{ id: '1', name: 'a', arguments: 'x' }]),
      'set runOutput.tools[0].arguments to a value of type string; it must be an object.',
    ],
    [
      'a number as the result of a tool',
      ({ runOutput }) => void (runOutput['tools'] = [{ id: '1', name: 'a', arguments: {}, result: 5 }]),
      'set runOutput.tools[0].result to a value of type number; it must be a text or undefined.',
    ],
    [
      'a text as a count of tokens',
      ({ runOutput }) => void ((runOutput['metrics'] as Record<string, unknown>)['inputTokens'] = 'many'),
      'set runOutput.metrics.inputTokens to a value of type string; it must be a finite number.',
    ],
    [
      'a number among messages',
      ({ runOutput }) => void (runOutput['messages'] as unknown[]).push(5),
      'set runOutput.messages[2] to a value of type number; it must be an object.',
    ],
    [
      'a text among the results of steps',
      ({ runOutput }) => void (runOutput['stepResults'] = ['x']),
      'set runOutput.stepResults[0] to a value of type string; it must be an object.',
    ],
    ...['runId', 'sessionId', 'status', 'createdAt', 'component'].map(
      (key): [string, (context: Context) => unknown, string] => [
        `another ${key} of the output`,
        ({ runOutput }) => void (runOutput[key] = 7),
        `changed runOutput.${key}, which is read-only.`,
      ],
    ),
    [
      'another runId of the context',
      ({ runContext }) => void (runContext['runId'] = 7),
      'changed runContext.runId, which is read-only.',
    ],
    [
      'another id of the session',
      ({ session }) => void (session['id'] = 'other'),
      'changed session.id, which is read-only.',
    ],
    ...[
      'session.state',
      'session.metadata',
      'runContext.sessionState',
      'runContext.metadata',
      'runContext.dependencies',
    ].map((path): [string, (context: Context) => unknown, string] => {
      const [part, key] = path.split('.') as ['session' | 'runContext', string];
      return [
        `another ${path}`,
        (context) => void (context[part][key] = { b: 1 }),
        `replaced ${path}, which the run shares with other code. Write into it instead of replacing it.`,
      ];
    }),
  ];

  it.each(wrongWrites)(
    'is reported and undone, and the turn is stored: %s',
    async (_what, write, problem) => {
      const errors: string[] = [];
      const failing: HookFunction<PostHookContext> = defineHook(
        async (context: PostHookContext) => {
          await write(context as never);
        },
        { name: 'odd' },
      );
      const { agentOs, log } = testApp;
      const before = log.messages('error').length;

      const sessionId = randomUUID();
      const run = await agentOs.run(team(failing), 'b', { sessionId, sessionState: { a: 1 } });

      errors.push(...log.messages('error').slice(before), ...log.messages('warn'));
      expect(errors.join()).toContain(problem);
      expect(run).toMatchObject({
        runId: expect.any(String),
        sessionId,
        status: 'COMPLETED',
        component: { id: 'team' },
        metadata: {},
        messages: [{ role: 'user' }, { role: 'assistant' }],
        memberResponses: [{ content: 'from the member', messages: [{}, {}] }],
        stepResults: [],
      });
      expect(run.metrics.inputTokens).toBeUndefined();
      const stored = await sessionStore.open(sessionId);
      expect(stored).toMatchObject({ id: sessionId, state: { a: 1 } });
    },
  );

  it('fails the run if it puts a text among the files, or replaces the state before the engine runs', async () => {
    const pre = (write: (context: Context) => unknown): Promise<string[]> =>
      causesOf(new Agent({ id: 'agent', engine: () => 'a', preHooks: [writing(write) as never] }));

    expect(await pre(({ runInput }) => void (runInput['files'] = ['x']))).toEqual([
      expect.stringContaining('set runInput.files[0] to a value of type string; it must be an object.'),
    ]);
    expect(await pre(({ runContext }) => void (runContext['sessionState'] = { b: 1 }))).toEqual([
      expect.stringContaining('replaced runContext.sessionState'),
    ]);
  });

  it('may replace the metadata of the answer, and name the session', async () => {
    const sessionId = randomUUID();
    const replacing = defineHook(
      ({ runOutput, session }: PostHookContext) => {
        runOutput.metadata = { b: 1 };
        session.name = 'named';
      },
      { name: 'replacing', onError: 'fail' },
    );

    const run = await testApp.agentOs.run(
      new Agent({ id: 'agent', engine: () => 'a', postHooks: [replacing] }),
      'b',
      { sessionId },
    );

    expect([run.status, run.metadata]).toEqual(['COMPLETED', { b: 1 }]);
  });

  it('fails closed if it is a guardrail that names the session by a number', async () => {
    const odd = defineGuardrail(({ session }: PostHookContext) => void Object.assign(session, { name: 5 }), {
      name: 'odd',
    });

    const running = testApp.agentOs.run(new Agent({ id: 'agent', engine: () => 'a', postHooks: [odd] }), 'b');

    await expect(running).rejects.toMatchObject({ code: 'guardrail_failed' });
  });

  it('fails closed if it is a guardrail', async () => {
    const odd = defineGuardrail(
      ({ runOutput }: PostHookContext) => void Object.assign(runOutput, { content: 5 }),
      { name: 'odd' },
    );

    const running = testApp.agentOs.run(new Agent({ id: 'agent', engine: () => 'a', postHooks: [odd] }), 'b');

    await expect(running).rejects.toMatchObject({
      code: 'guardrail_failed',
      runOutput: { content: expect.any(String) },
    });
  });
});

describe('The input of a run', () => {
  it.each([
    [5, 'Expected the input of agent "fine" to be a string or { content: string }, got number.'],
    [null, 'Expected the input of agent "fine" to be a string or { content: string }, got null.'],
    [{ content: 5 }, 'Expected the input\'s content of agent "fine" to be a string, got number.'],
    [{ content: 'a', files: 'b' }, 'Expected the input\'s files of agent "fine" to be an array, got string.'],
  ])('of the wrong kind is refused by an error that names the component: %j', async (input, message) => {
    await expect(testApp.agentOs.run('fine', input as never as string)).rejects.toThrow(message);
  });

  it('of a member is refused in the same way if a leader delegates something else', async () => {
    const team = new Team({
      id: 'team',
      members: [new Agent({ id: 'member', engine: () => 'a' })],
      engine: ({ delegate }) => delegate('member', 5 as never),
    });

    expect(await causesOf(team)).toEqual([
      expect.stringContaining('of agent "member" to be a string, got number.'),
    ]);
  });

  it.each([
    [5, 'Expected the id of a component, or a component, got 5 (number).'],
    [undefined, 'Expected the id of a component, or a component, got undefined.'],
    [{}, 'Expected the id of a component, or a component, got an object.'],
    [Agent, 'Expected the id of a component, or a component, got the class or function Agent.'],
  ])('is not lost if it is sent to a value that is not a component: %p', async (component, message) => {
    await expect(testApp.agentOs.run(component as never as string, 'a')).rejects.toThrow(message);
  });
});

describe('A store of the host that answers with a value of the wrong kind', () => {
  beforeAll(() => testApp.agentOs.run('fine', 'hello', { sessionId: 'known' }));
  afterEach(() => {
    delete wrong.method;
  });

  const json = (method: string, body: object): RequestInit => ({
    method,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });

  it.each<[string, unknown, string, RequestInit, string]>([
    [
      'list',
      undefined,
      '/sessions',
      {},
      'SessionStore.list() answered with undefined; expected { sessions, total }',
    ],
    [
      'list',
      { sessions: [null], total: 1 },
      '/sessions',
      {},
      'SessionStore.list() answered with an object; expected',
    ],
    [
      'list',
      { sessions: [], total: '1' },
      '/sessions',
      {},
      'SessionStore.list() answered with an object; expected',
    ],
    ['find', null, '/sessions/known', {}, 'SessionStore.find() answered with null; expected a session'],
    [
      'find',
      { id: 'known' },
      '/sessions/known',
      {},
      'SessionStore.find() answered with an object; expected a session',
    ],
    [
      'runs',
      undefined,
      '/sessions/known/runs',
      {},
      'SessionStore.runs() answered with undefined; expected an array',
    ],
    [
      'runs',
      [null],
      '/sessions/known/runs',
      {},
      'SessionStore.runs() answered with an array of null; expected',
    ],
    [
      'create',
      5,
      '/sessions',
      json('POST', {}),
      'SessionStore.create() answered with 5 (number); expected true or false.',
    ],
    [
      'update',
      'ok',
      '/sessions/known',
      json('PATCH', { session_name: 'x' }),
      'SessionStore.update() answered with "ok"; expected',
    ],
    [
      'delete',
      undefined,
      '/sessions/none',
      { method: 'DELETE' },
      'SessionStore.delete() answered with undefined; expected an array of ids.',
    ],
    ['list', undefined, '/eval-runs', {}, 'EvalStore.list() answered with undefined; expected an array'],
    ['count', '5', '/eval-runs', {}, 'EvalStore.count() answered with "5"; expected a number.'],
    ['find', null, '/eval-runs/x', {}, 'EvalStore.find() answered with null; expected an evaluation'],
    [
      'rename',
      {},
      '/eval-runs/x',
      json('PATCH', { name: 'x' }),
      'EvalStore.rename() answered with an object; expected',
    ],
  ])('is named in the log, and the client reads 500: %s %p', async (method, answer, path, init, problem) => {
    const before = testApp.log.messages('error').length;
    Object.assign(wrong, { method, answer });
    const response = await fetch(`${testApp.url}${path}`, init);
    expect([response.status, await response.json()]).toEqual([500, { detail: 'Internal Server Error' }]);
    expect(testApp.log.messages('error').slice(before).join()).toContain(problem);
  });

  it.each<[string, unknown, string]>([
    ['open', null, 'SessionStore.open() answered with null; expected a session'],
    ['open', { id: 'known' }, 'SessionStore.open() answered with an object; expected a session'],
    ['runs', undefined, 'SessionStore.runs() answered with undefined; expected an array of runs'],
  ])('fails the run that needs it: %s %p', async (method, answer, problem) => {
    failures.length = 0;
    Object.assign(wrong, { method, answer });
    await expect(testApp.agentOs.run('fine', 'hello', { sessionId: 'known' })).rejects.toMatchObject({
      code: 'run_failed',
    });
    expect(failures.map(({ error }) => error.message)).toEqual([expect.stringContaining(problem)]);
  });

  it('does not fail the run that is being stored', async () => {
    const before = testApp.log.messages('error').length;
    Object.assign(wrong, { method: 'append', answer: 5 });
    expect(await testApp.agentOs.run('fine', 'hello', { sessionId: 'other' })).toMatchObject({
      content: 'fine',
    });
    expect(testApp.log.messages('error').slice(before).join()).toContain(
      'SessionStore.append() answered with 5 (number); expected true or false.',
    );
  });
});

describe('A failed run', () => {
  const broken = new Agent({
    id: 'broken',
    engine: () => {
      throw new RangeError('the database is down');
    },
  });

  it('is reported to onRunError once, with its cause, its component, its session and its user', async () => {
    failures.length = 0;
    const sent = await testApp.agentOs
      .run(broken, 'hello', { sessionId: 's1', userId: 'ann' })
      .catch((error: unknown) => error);

    const { runOutput } = sent as { runOutput: { runId: string } };
    expect(failures).toEqual([
      {
        error: new RangeError('the database is down'),
        code: 'run_failed',
        outcome: 'failed',
        runId: runOutput.runId,
        component: expect.objectContaining({ kind: 'agent', id: 'broken' }),
        sessionId: 's1',
        userId: 'ann',
      },
    ]);
  });

  it('is reported to onRunError once for a team whose member fails, and once for a leader that wraps the error', async () => {
    const wrapping = new Team({
      id: 'team',
      members: [broken],
      engine: ({ delegate }) =>
        delegate('broken', 'a').catch((cause: unknown) => {
          throw new Error('the member failed', { cause });
        }),
    });
    const passing = new Team({
      id: 'team',
      members: [broken],
      engine: ({ delegate }) => delegate('broken', 'a'),
    });

    expect(await causesOf(wrapping)).toEqual(['the database is down']);
    expect(await causesOf(passing)).toEqual(['the database is down']);
  });

  it('is reported to onRunError with the error of the hook if an inline hook has failed it', async () => {
    const preHooks = [defineHook(() => Promise.reject(new Error('no cache')), { name: 'cached' })];

    expect(await causesOf(new Agent({ id: 'agent', engine: () => 'a', preHooks }))).toEqual(['no cache']);
  });

  it('is not reported to onRunError if it was rejected or cancelled', async () => {
    failures.length = 0;
    const rejecting = await import('nestjs-agentos').then(({ InputCheckError }) =>
      defineGuardrail(
        () => {
          throw new InputCheckError('No.');
        },
        { name: 'rejecting' },
      ),
    );
    await testApp.agentOs
      .run(new Agent({ id: 'agent', engine: () => 'a', preHooks: [rejecting] }), 'a')
      .catch(() => undefined);
    const never = new Agent({ id: 'never', engine: () => new Promise<string>(() => undefined) });
    await testApp.agentOs.run(never, 'a', { signal: AbortSignal.abort() }).catch(() => undefined);

    expect(failures).toEqual([]);
  });

  it('is reported to onRunError without harm if the handler itself fails', async () => {
    const { agentOs, log } = await startApp({
      agentOs: { agents: [broken], onRunError: () => Promise.reject(new Error('no network')) },
    });

    await expect(agentOs.run('broken', 'a')).rejects.toMatchObject({ code: 'run_failed' });
    expect(log.messages('error').join()).toContain('onRunError itself failed for run');
  });
});

describe('AgentOsModule in an application', () => {
  const odd = (options: object): Promise<string> => startUpError({ agentOs: options });
  const agent = new Agent({ id: 'a', engine: () => 'a' });
  const team = new Team({ id: 't', members: [agent], engine: () => 'a' });

  it('starts without options, and warns once that it serves nothing', async () => {
    const { log } = await startApp({ agentOsModule: AgentOsModule.forRoot() });

    expect(
      log.messages('warn').filter((message) => message.includes('AgentOS serves no component')),
    ).toHaveLength(1);
  });

  it.each<[string, object, string]>([
    ['a team among agents', { agents: [team] }, 'agents[0] is the team "t". List it among teams.'],
    [
      'an agent among workflows',
      { workflows: [agent] },
      'workflows[0] is the agent "a". List it among agents.',
    ],
    [
      'a class',
      { agents: [Agent] },
      'agents[0] is not an agent, but the class or function Agent. List the result of new Agent({ … }).',
    ],
    [
      'nothing',
      { teams: [team, undefined] },
      'teams[1] is undefined. If it is imported, look for a circular import.',
    ],
    ['null', { agents: [null] }, 'agents[0] is not an agent. List the result of new Agent({ … }).'],
    ['a text as onRunError', { onRunError: 'log' }, 'expected onRunError to be a function'],
  ])('refuses to start with %s in its lists', async (_what, options, message) => {
    expect(await odd(options)).toContain(message);
  });

  it('names the remedy if it is imported without forRoot()', async () => {
    expect(await startUpError({ agentOsModule: AgentOsModule as never })).toContain(
      'AgentOsModule was imported without options. Write AgentOsModule.forRoot({ agents: [ … ] })',
    );
  });

  it.each<[string, unknown, string]>([
    ['nothing', undefined, 'AgentOsModule.forRootAsync(): expected an object of options, got undefined.'],
    [
      'no factory',
      {},
      'give it one of useFactory, useClass and useExisting. Without a factory use forRoot().',
    ],
    [
      'a factory and a class',
      { useFactory: () => ({}), useClass: Agent },
      'useFactory and useClass exclude each other. Keep one.',
    ],
    [
      'options in place of a factory',
      { useFactory: {} },
      'expected useFactory to be a function, got an object.',
    ],
    [
      'a name that it does not know',
      { useFactory: () => ({}), agents: [] },
      'unknown option "agents". Known',
    ],
    [
      'imports that are no list',
      { useFactory: () => ({}), imports: 5 },
      'expected imports to be an array, got 5 (number).',
    ],
    [
      'inject that is no list',
      { useFactory: () => ({}), inject: 'X' },
      'expected inject to be an array, got "X".',
    ],
    [
      'a prefix that is no text',
      { useFactory: () => ({}), http: { prefix: 5 } },
      'expected http.prefix to be a text, got 5 (number).',
    ],
    [
      'guards that are no list',
      { useFactory: () => ({}), http: { guards: 5 } },
      'expected http.guards to be an array, got 5 (number).',
    ],
    [
      'an unknown interceptor',
      { useFactory: () => ({}), interceptor: 'x' },
      'expected interceptor to be "global" or "manual", got "x".',
    ],
    [
      'a text as isGlobal',
      { useFactory: () => ({}), isGlobal: 'yes' },
      'expected isGlobal to be true or false, got "yes".',
    ],
    [
      'a class without the method',
      { useClass: Agent },
      'expected Agent to have a method createAgentOsOptions()',
    ],
  ])('refuses forRootAsync() with %s', (_what, options, message) => {
    expect(() => AgentOsModule.forRootAsync(options as never)).toThrow(message);
  });

  it('starts with hooks that follow the switch and have options for the background, whatever the switch is', async () => {
    const following = defineHook(() => undefined, {
      name: 'following',
      retry: { attempts: 2 },
      on: ['failed'],
    });
    const { agentOs } = await startApp({
      agentOs: { agents: [new Agent({ id: 'a', engine: () => 'a', postHooks: [following] })] },
    });

    const { runId } = await agentOs.run('a', 'b');

    expect(await agentOs.executions.list({ runId })).toMatchObject([
      { hook: 'following', state: 'succeeded', mode: 'inline' },
    ]);
  });

  it('still refuses such options for hooks that are inline by decorator', async () => {
    const inline = defineHook(() => undefined, { name: 'inline', runInBackground: false, on: ['failed'] });

    expect(await odd({ agents: [new Agent({ id: 'a', engine: () => 'a', postHooks: [inline] })] })).toContain(
      '"on"',
    );
  });

  class Guard {
    canActivate(): boolean {
      return true;
    }
  }
  @Injectable({ scope: Scope.REQUEST })
  class RequestGuard extends Guard {}
  @Injectable({ scope: Scope.TRANSIENT })
  class TransientGuard extends Guard {}
  class NoGuard {}

  it.each<[string, unknown, readonly Provider[], string]>([
    ['request-scoped', RequestGuard, [RequestGuard], 'http.guards[0]: RequestGuard is request-scoped'],
    ['transient', TransientGuard, [TransientGuard], 'http.guards[0]: TransientGuard is transient'],
    ['provided nowhere', Guard, [], 'http.guards[0]: no module provides Guard.'],
    [
      'no guard',
      NoGuard,
      [NoGuard],
      'http.guards[0]: NoGuard is not a guard: it has no method "canActivate".',
    ],
    ['undefined', undefined, [], 'http.guards[0]: expected a guard, or the class of one, got undefined'],
  ])('refuses to start with a guard that is %s', async (_what, guard, providers, message) => {
    const http = { guards: [guard as never] };

    expect(await startUpError({ agentOs: { http }, providers: [...providers] })).toContain(message);
  });
});

describe('A part of a workflow that answers with a value of the wrong kind', () => {
  const answering = (answer: unknown): (() => never) => (() => answer) as () => never;
  const shown: readonly (readonly [unknown, string])[] = [
    [undefined, 'undefined'],
    [null, 'null'],
    [5, '5 (number)'],
    ['yes', '"yes"'],
    [Promise.resolve({}), 'an object'],
    [() => true, 'a function'],
  ];
  const chosen = [step('a', () => 'a')];

  it.each(shown.filter(([answer]) => answer !== 'yes'))(
    'fails the run, and is named: a step that returns %p',
    async (answer, got) => {
      const flow = new Workflow({ id: 'flow', steps: [step('odd', answering(answer))] });
      expect(await causesOf(flow)).toEqual([
        `Expected the step to return its content as a string, or { content, data }, got ${got}.`,
      ]);
    },
  );

  it.each(shown)(
    'fails the run, and is named: a condition or the end of a loop that is %p',
    async (answer, got) => {
      const when = condition('odd', { when: answering(answer), then: chosen });
      const until = loop('odd', { until: answering(answer), steps: chosen, maxIterations: 2 });
      // A text may be user content, which is not for the log.
      const kind = typeof answer === 'string' ? 'string' : got;
      const rule = `must return true or false, or a promise of one of them, got ${kind}.`;
      expect(await causesOf(new Workflow({ id: 'flow', steps: [when] }))).toEqual([
        `The "when" of condition "odd" ${rule}`,
      ]);
      expect(await causesOf(new Workflow({ id: 'flow', steps: [until] }))).toEqual([
        `The "until" of loop "odd" ${rule}`,
      ]);
    },
  );

  it.each([...shown, [['a', 5], '5 (number)'] as const])(
    'fails the run, and is named: a router that chooses %p',
    async (answer, got) => {
      const flow = new Workflow({
        id: 'flow',
        steps: [router('odd', { choose: answering(answer), routes: chosen })],
      });
      expect(await causesOf(flow)).toEqual([`Router "odd" has no route ${got}. Its routes: "a".`]);
    },
  );

  it.each<[string, () => unknown, string]>([
    [
      'condition',
      () => condition('odd', { when: 'yes', then: chosen } as never),
      'expected when to be a function',
    ],
    [
      'condition without options',
      () => condition('odd', undefined as never),
      'expected an object of options, got undefined',
    ],
    [
      'loop',
      () => loop('odd', { until: 5, steps: chosen, maxIterations: 1 } as never),
      'expected until to be a function',
    ],
    [
      'loop without options',
      () => loop('odd', undefined as never),
      'expected an object of options, got undefined',
    ],
    [
      'router',
      () => router('odd', { choose: 'a', routes: chosen } as never),
      'expected choose to be a function',
    ],
    ['router without options', () => router('odd', undefined as never), 'expected an object of options'],
    [
      'condition with an unknown option',
      () => condition('odd', { when: () => true, then: chosen, otherwise: chosen } as never),
      'unknown option "otherwise". Known options: when, then, else.',
    ],
    [
      'loop with an unknown option',
      () => loop('odd', { steps: chosen, maxIterations: 1, while: () => true } as never),
      'unknown option "while". Known options: steps, until, maxIterations, onLimit.',
    ],
    [
      'loop with a misspelled end',
      () => loop('odd', { steps: chosen, maxIterations: 1, onLimit: 'stop' } as never),
      'expected onLimit to be "fail" or "continue", got "stop".',
    ],
    [
      'step with a schema that is none',
      () => step('odd', () => '', { output: {} } as never),
      'expected output to be a Standard Schema, such as one of zod or valibot, got an object.',
    ],
    ['parallel', () => parallel('odd', 'steps' as never), 'expected steps to be a non-empty array'],
  ])('fails the run, and is named: a %s that is declared with the wrong kind', (_kind, declare, problem) => {
    expect(declare).toThrow(problem);
    expect(declare).toThrow('"odd"');
  });
});

describe('A judge that answers with a value of the wrong kind', () => {
  const judgedBy = (engine: unknown, scoring: 'numeric' | 'binary' = 'numeric'): Agent =>
    new Agent({
      id: 'judged',
      engine: () => 'fine',
      postHooks: [agentAsJudge({ engine: engine as EngineFunction, criteria: 'It is good.', scoring })],
    });
  const engine = 'The engine of agent "agent-as-judge" answered with';
  const scored = '; expected { "score": 1 to 10, "reason": "…" }.';

  it.each<[unknown, string]>([
    [undefined, `${engine} undefined; expected text, events or { content }.`],
    [5, `${engine} 5 (number); expected`],
    [{ score: 5 }, `${engine} an object whose content is undefined; expected a text.`],
    ['', `The judge gave no verdict: ""${scored}`],
    ['[1]', `The judge gave no verdict: "[1]"${scored}`],
    ['{"score": 99, "reason": ""}', scored],
    ['{"score": 5}', scored],
    ['{"score": 5, "reason": 5}', scored],
  ])('is recorded as a failed hook with the reason: %p', async (answer, problem) => {
    hookErrors.length = 0;
    const { content } = await testApp.agentOs.run(
      judgedBy(() => answer),
      'hello',
    );
    expect(content).toBe('fine');
    expect(hookErrors).toEqual([expect.stringContaining(problem)]);
  });

  it('is told the form of a binary verdict', async () => {
    hookErrors.length = 0;
    await testApp.agentOs.run(
      judgedBy(() => '{"passed": "perhaps", "reason": ""}', 'binary'),
      'hello',
    );
    expect(hookErrors.join()).toContain('expected { "passed": true or false, "reason": "…" }.');
  });

  it.each<[object | undefined, string]>([
    [undefined, 'expected an object of options, got undefined.'],
    [{ threshold: '7' }, 'expected threshold to be a number from 1 to 10, got "7".'],
    [{ onFail: 'log' }, 'expected onFail to be a function, got "log".'],
    [{ onfail: () => undefined }, 'unknown option "onfail". Known options: '],
    [{ guidelines: 'be strict' }, 'expected guidelines to be an array of texts, got "be strict".'],
    [{ criteria: 5 }, 'expected criteria to be a text that says what a good answer is, got 5 (number).'],
    [{ engine: 5 }, 'expected engine to be a function or an Engine, got 5 (number).'],
  ])('is refused with the options %p', (options, problem) => {
    const declared = options && { engine: () => '', criteria: 'It is good.', ...options };
    expect(() => agentAsJudge(declared as never)).toThrow(problem);
  });
});
