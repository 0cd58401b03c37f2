import {
  Agent,
  InputCheckError,
  OutputCheckError,
  Team,
  Workflow,
  step,
  type AgentOsOptions,
} from 'nestjs-agentos';
import {
  Engine,
  type EngineLike,
  type EngineRequest,
  type EngineYield,
  type LeaderRequest,
  type ToolDescription,
} from 'nestjs-agentos/engine';

/** The components whose answers were recorded: an engine asks the mocked model once for each round. */
export function mockLab(): AgentOsOptions {
  const wa = new Agent({ id: 'wa', name: 'WA', engine: answering(['step ', 'answer ']) });
  return {
    id: 'lab-os',
    name: 'Lab OS',
    agents: [
      new Agent({ id: 'plain', name: 'Plain', engine: answering(['Hello ', 'from ', 'mock ']) }),
      new Agent({
        id: 'bg',
        name: 'BG',
        engine: answering(['Hello ', 'from ', 'mock ']),
        postHooks: [function inline_post() {}],
      }),
      new Agent({
        id: 'guard',
        name: 'Guard',
        engine: answering(['never']),
        preHooks: [
          function reject_in() {
            throw new InputCheckError('rejected input', {
              trigger: 'prompt_injection',
              additionalData: { k: 1 },
            });
          },
        ],
      }),
      new Agent({
        id: 'guardout',
        name: 'GuardOut',
        engine: answering(['Hello ', 'from ', 'mock ']),
        postHooks: [
          function reject_out() {
            throw new OutputCheckError('rejected output');
          },
        ],
      }),
      new Agent({ id: 'fail', name: 'Fail', engine: new MockEngine(explode) }),
      new Agent({ id: 'failretry', name: 'FailRetry', engine: new MockEngine(explode), retries: 2 }),
      new Agent({ id: 'tool', name: 'Tool', engine: new MockEngine(addNumbers, [ADD]) }),
    ],
    teams: [
      new Team({
        id: 't1',
        name: 'Team One',
        members: [
          new Agent({
            id: 'm1',
            name: 'M1',
            engine: answering(['answer ', 'of ', 'm1 ']),
            postHooks: [function mbg() {}],
          }),
          new Agent({ id: 'm2', name: 'M2', engine: answering(['answer of m2']) }),
        ],
        engine: new MockEngine(askMember, [DELEGATE]),
        preHooks: [function tpre() {}],
      }),
      new Team({
        id: 'outer',
        name: 'Outer',
        members: [
          new Team({
            id: 'inner',
            name: 'Inner',
            members: [new Agent({ id: 'm5', name: 'M5', engine: answering(['answer of m5']) })],
            engine: new MockEngine(askMember, [DELEGATE]),
          }),
        ],
        engine: new MockEngine(askMember, [DELEGATE]),
      }),
    ],
    workflows: [
      new Workflow({
        id: 'w1',
        name: 'Flow One',
        steps: [
          step('s1', wa),
          step('s2', function fstep({ input }) {
            return `fn:${input}`;
          }),
        ],
      }),
    ],
  };
}

const MODEL = { id: 'mock-1', provider: 'MockProvider', name: 'Mock' };
const USAGE = { inputTokens: 10, outputTokens: 3, totalTokens: 13 };

type Script<R extends EngineRequest> = (request: R) => AsyncIterable<EngineYield>;

/** An engine on the mocked model. */
export class MockEngine<R extends EngineRequest> extends Engine<R> {
  override readonly model = MODEL;
  readonly #script: Script<R>;
  readonly #tools: readonly ToolDescription[];

  constructor(script: Script<R>, tools: readonly ToolDescription[] = []) {
    super();
    this.#script = script;
    this.#tools = tools;
  }

  override describeTools(): readonly ToolDescription[] {
    return this.#tools;
  }

  override stream(request: R): AsyncIterable<EngineYield> {
    return this.#script(request);
  }
}

/** Answers in these pieces. */
export function answering(pieces: readonly string[]): EngineLike {
  return new MockEngine(async function* () {
    yield* askModel(pieces);
  });
}

async function* askModel(pieces: readonly string[]): AsyncGenerator<EngineYield> {
  yield { type: 'model-request-started' };
  yield* pieces;
  yield { type: 'model-request-completed', ...USAGE };
}

async function* explode(): AsyncGenerator<EngineYield> {
  yield { type: 'model-request-started' };
  throw new Error('model exploded');
}

async function* addNumbers(): AsyncGenerator<EngineYield> {
  yield* askModel([]);
  yield { type: 'tool-call', id: 'call_1', name: 'add', arguments: { a: 1, b: 2 } };
  yield { type: 'tool-result', id: 'call_1', result: '3' };
  yield* askModel(['Hello ', 'from ', 'mock ']);
}

async function* askMember({ members, delegate }: LeaderRequest): AsyncGenerator<EngineYield> {
  const [member = { id: 'nobody' }] = members;
  yield* askModel([]);
  const task = { member_id: member.id, task: 'do it' };
  yield { type: 'tool-call', id: 'call_1', name: DELEGATE.name, arguments: task };
  const result = await delegate(member.id, task.task, { toolCallId: 'call_1' });
  yield { type: 'tool-result', id: 'call_1', result };
  yield* askModel(['team ', 'final ']);
}

const INTEGER = { type: 'integer' };
const ADD: ToolDescription = {
  name: 'add',
  description: 'Add two numbers',
  parameters: { type: 'object', properties: { a: INTEGER, b: INTEGER }, required: ['a', 'b'] },
};

const DELEGATE: ToolDescription = {
  name: 'delegate_task_to_member',
  description: 'Gives a task to a member',
  parameters: {
    type: 'object',
    properties: {
      member_id: { type: 'string', description: 'Who gets it' },
      task: { type: 'string', description: 'What is to be done' },
    },
    required: ['member_id', 'task'],
    additionalProperties: false,
  },
};
