import { afterEach, describe, expect, it } from '@jest/globals';
import {
  Agent,
  defineGuardrail,
  defineHook,
  loop,
  OutputCheckError,
  parallel,
  Team,
  Workflow,
  type AgentOptions,
  type Component,
  type HookFunction,
  type PostHookContext,
} from 'nestjs-agentos';
import type { EngineYield } from 'nestjs-agentos/engine';
import { createGate } from 'nestjs-agentos/testing';

import { askAgUi } from '../support/ag-ui-client.js';
import { namesOf, runSse } from '../support/http-client.js';
import { raise } from '../support/raise.js';
import { pathOf, registrationOf } from '../support/registration.js';
import { ask, DOMAIN_SURFACES, type Answer } from '../support/surfaces.js';
import { closeApps, startApp } from '../support/test-app.js';

type PostHook = HookFunction<PostHookContext>;

/** What no client may see. It comes in one piece and no id can hold it, so a search in the raw answer finds just it. */
const SECRET = 'sesame';

/** Streams an answer with the secret in it. */
function telltale(id: string, options: Partial<AgentOptions> = {}): Agent {
  async function* engine(): AsyncGenerator<EngineYield> {
    yield { type: 'tool-call', id: 'call', name: 'lookUp', arguments: {} };
    yield { type: 'tool-result', id: 'call', result: SECRET };
    yield { type: 'reasoning', text: 'They ask ' };
    yield { type: 'reasoning', text: `for ${SECRET}.` };
    yield { type: 'source', source: { kind: 'document', id: 'book', title: SECRET, excerpt: SECRET } };
    yield { type: 'source', source: { kind: 'url', id: 'page', url: `https://example.com/${SECRET}` } };
    yield {
      type: 'file',
      file: { id: 'door', kind: 'image', name: SECRET, url: `https://example.com/${SECRET}` },
    };
    yield 'The code ';
    yield `is ${SECRET}.`;
  }
  return new Agent({ id, engine, ...options });
}

/** A team whose leader passes on what its only member says. */
function passingOn(id: string, member: Component, ...postHooks: PostHook[]): Team {
  return new Team({
    id,
    members: [member],
    postHooks,
    engine: ({ input, delegate }) => delegate(member.id, input),
  });
}

const agree = defineGuardrail(() => undefined, { name: 'agree' });

const reject = defineGuardrail(
  () => {
    throw new OutputCheckError('Not for you.', { trigger: 'pii_detected' });
  },
  { name: 'reject' },
);

const mask = defineGuardrail(
  ({ runOutput }: PostHookContext) => {
    runOutput.content = runOutput.content.replace(SECRET, '****');
  },
  { name: 'mask' },
);

/** Where content comes from that the guardrail of the root must pass first. */
const SOURCES: { source: string; guardedBy(guardrail: PostHook): Component }[] = [
  {
    source: 'the component itself',
    guardedBy: (guardrail) => telltale('root', { postHooks: [guardrail] }),
  },
  {
    source: 'a member of its team',
    guardedBy: (guardrail) => passingOn('root', telltale('member'), guardrail),
  },
  {
    source: 'a member three teams deep',
    guardedBy: (guardrail) =>
      passingOn('root', passingOn('middle', passingOn('inner', telltale('member'))), guardrail),
  },
  {
    source: 'the steps of its workflow',
    guardedBy: (guardrail) =>
      new Workflow({
        id: 'root',
        steps: [
          telltale('first'),
          passingOn('second', telltale('member')),
          ({ input }) => `Result: ${input}`,
        ],
        postHooks: [guardrail],
      }),
  },
  {
    source: 'steps inside the blocks of its workflow',
    guardedBy: (guardrail) =>
      new Workflow({
        id: 'root',
        steps: [loop('again', { maxIterations: 1, steps: [parallel('at once', [telltale('step')])] })],
        postHooks: [guardrail],
      }),
  },
  {
    source: 'a component that its engine runs',
    guardedBy: (guardrail) =>
      new Agent({
        id: 'root',
        engine: async ({ input }) => (await telltale('improvised').run(input)).content,
        postHooks: [guardrail],
      }),
  },
];

afterEach(closeApps);

describe.each(DOMAIN_SURFACES)('Output guardrails ($adapter, $transport)', ({ adapter, transport }) => {
  async function answerOf(root: Component): Promise<Answer> {
    const { url } = await startApp({ adapter, agentOs: registrationOf(root) });
    return ask(url, pathOf(root), 'hello', transport);
  }

  it.each(SOURCES)(
    'G1: if a component, or any ancestor in the run, has a guardrail in postHooks, streamed content is held until it passes: $source',
    async ({ guardedBy }) => {
      const { status, text, body } = await answerOf(guardedBy(reject));

      expect(status).toBe(transport === 'json' ? 400 : 200);
      expect(body).toMatchObject({ error_type: 'output_check_error', error_id: 'pii_detected' });
      expect(text).toContain('Not for you.');
      expect(text).not.toContain(SECRET);
    },
  );

  it.each(SOURCES)(
    'show of $source only the text that a masking guardrail has left',
    async ({ guardedBy }) => {
      const { text, body } = await answerOf(guardedBy(mask));

      expect(body['content']).toMatch(/The code is \*\*\*\*\.$/);
      expect(text).not.toContain(SECRET);
    },
  );

  it('keep of the work behind a masked answer only the values that the guardrail has assigned itself', async () => {
    const maskAll = defineGuardrail(({ runOutput }: PostHookContext) => {
      runOutput.content = 'masked';
      runOutput.memberResponses = runOutput.memberResponses.map((response) => ({
        ...response,
        content: 'masked, too',
        messages: [],
        tools: [],
      }));
    });
    const { text, body } = await answerOf(passingOn('root', telltale('member'), maskAll));

    expect(body).toMatchObject({ content: 'masked', member_responses: [{ content: 'masked, too' }] });
    expect(text).not.toContain(SECRET);
  });

  it('show nothing of an answer if they throw', async () => {
    const broken = defineGuardrail(() => Promise.reject(new Error(`no service for ${SECRET}`)));
    const { status, text, body } = await answerOf(passingOn('root', telltale('member'), broken));

    expect(status).toBe(transport === 'json' ? 500 : 200);
    expect(body['error_type']).toBe('guardrail_failed');
    expect(text).not.toContain(SECRET);
  });

  it('show nothing of a member that they reject, even if the leader answers without it', async () => {
    const { status, text, body } = await answerOf(
      new Team({
        id: 'root',
        members: [telltale('member', { postHooks: [reject] })],
        engine: ({ input, delegate }) => delegate('member', input).catch(() => 'Leader only.'),
      }),
    );

    expect([status, body['content']]).toEqual([200, 'Leader only.']);
    expect(text).not.toContain(SECRET);
  });

  it.each([
    { verdict: 'changes', hook: changeContent, answer: 'Member: ****' },
    { verdict: 'rejects', hook: throwCheckError, answer: 'Leader only.' },
  ])("hold an answer that a member's own hook $verdict", async ({ hook, answer }) => {
    const { text, body } = await answerOf(
      new Team({
        id: 'root',
        members: [telltale('member', { engine: () => SECRET, postHooks: [hook] })],
        engine: ({ input, delegate }) => delegate('member', input).catch(() => 'Leader only.'),
        postHooks: [agree],
      }),
    );

    expect(body['content']).toBe(answer);
    expect(text).not.toContain(SECRET);
  });

  it('show nothing of a failed attempt, which they did not inspect', async () => {
    let attempts = 0;
    const flaky = telltale('flaky', {
      retries: 1,
      engine: async function* () {
        attempts += 1;
        yield attempts === 1 ? SECRET : 'second attempt';
        if (attempts === 1) throw new Error('the model hung up');
      },
    });
    const { text, body } = await answerOf(passingOn('root', flaky, agree));

    expect(body['content']).toBe('second attempt');
    expect(text).not.toContain(SECRET);
  });

  it('show nothing of an answer that is cancelled before they inspect it', async () => {
    const root = telltale('root', {
      engine: async function* ({ context }) {
        yield SECRET;
        agentOs.cancel(context.runId);
        yield 'too late';
      },
      postHooks: [agree],
    });
    const { agentOs, url } = await startApp({ adapter, agentOs: registrationOf(root) });

    const { text } = await ask(url, '/agents/root', 'hello', transport);

    expect(text).toContain(transport === 'json' ? '"status":"CANCELLED"' : 'event: RunCancelled');
    expect(text).not.toContain(SECRET);
  });
});

describe('Held streams', () => {
  it('continue in the order in which they were held, once the guardrail has passed', async () => {
    const root = passingOn('root', telltale('member'), agree);
    const { url } = await startApp({ agentOs: registrationOf(root) });

    const frames = await runSse(url, '/teams/root', 'hello');

    expect(namesOf(frames)).toEqual([
      'TeamRunStarted',
      'RunStarted',
      'ToolCallStarted',
      'ToolCallCompleted',
      // The reasoning, two sources, a file, the text.
      ...Array<string>(5).fill('RunContent'),
      'RunContentCompleted',
      'RunCompleted',
      'TeamRunContent',
      'TeamRunContentCompleted',
      'TeamPostHookStarted',
      'TeamPostHookCompleted',
      'TeamRunCompleted',
    ]);
    const pieces = frames.filter(({ event }) => /RunContent$/.test(event)).map(({ data }) => data['content']);
    expect(pieces).toEqual(['', '', '', '', 'The code is sesame.', 'The code is sesame.']);
  });

  describe('of an answer that its guardrail has not passed', () => {
    const note = defineHook(() => undefined, { name: 'note', runInBackground: false });
    const crash = defineGuardrail(() => raise(new Error(`no service for ${SECRET}`)), { name: 'crash' });
    const request = { input_tokens: 10, output_tokens: 3, total_tokens: 13 };

    /** Asks a model twice, and says the secret once. */
    async function* wordy(): AsyncGenerator<EngineYield> {
      for (const id of ['first', 'second']) {
        yield { type: 'model-request-started' };
        yield id === 'first' ? `It is ${SECRET}.` : ' That is all.';
        const used = { inputTokens: 10, outputTokens: 3, timeToFirstToken: 1 };
        // What an engine adds to its counts is its own.
        yield { type: 'model-request-completed', ...used, ...{ comment: SECRET } };
        yield { type: 'tool-call', id, name: 'lookUp', arguments: { word: SECRET } };
        yield { type: 'tool-result', id, result: SECRET };
      }
    }

    it.each([
      {
        verdict: 'rejects',
        guardrail: reject,
        name: 'reject',
        end: 'RunError',
        error: 'The run was stopped.',
      },
      { verdict: 'breaks', guardrail: crash, name: 'crash', end: 'RunError', error: 'The run was stopped.' },
      { verdict: 'masks', guardrail: mask, name: 'mask', end: 'RunCompleted', error: undefined },
    ])('show the ends of hooks and of requests if it $verdict', async ({ guardrail, name, end, error }) => {
      const root = new Agent({ id: 'root', engine: wordy, postHooks: [note, guardrail] });
      const { url } = await startApp({ agentOs: registrationOf(root) });

      const frames = await runSse(url, '/agents/root', 'hello', { session_id: 's' });
      const shown = frames.filter(({ event }) => event !== 'RunContent');
      const runs = (await (await fetch(`${url}/sessions/s/runs`)).json()) as { events: unknown[] }[];

      expect(namesOf(shown)).toEqual([
        'RunStarted',
        ...['ModelRequestStarted', 'ModelRequestCompleted', 'ModelRequestStarted', 'ModelRequestCompleted'],
        ...['PostHookStarted', 'PostHookCompleted', 'PostHookStarted', 'PostHookCompleted'],
        end,
      ]);
      const [first, second] = shown.filter(({ event }) => event === 'ModelRequestCompleted');
      expect([first?.data, second?.data]).toMatchObject([request, request]);
      const hooks = shown.filter(({ event }) => event === 'PostHookCompleted').map(({ data }) => data);
      expect(hooks).toMatchObject([{ post_hook_name: 'note' }, { post_hook_name: name }]);
      expect(hooks.map((hook) => hook['error'])).toEqual([undefined, error]);
      expect(JSON.stringify(frames)).not.toContain(SECRET);
      // The session remembers what was streamed.
      expect(runs[0]?.events).toEqual(shown.map(({ data }) => data));
    });

    it('show nothing of its members after the first content', async () => {
      const member = new Agent({ id: 'member', engine: wordy, postHooks: [note] });
      const { url } = await startApp({
        agentOs: registrationOf(passingOn('root', member, note, reject)),
      });

      const frames = await runSse(url, '/teams/root', 'hello');

      expect(namesOf(frames)).toEqual([
        'TeamRunStarted',
        ...['RunStarted', 'ModelRequestStarted'],
        ...['TeamPostHookStarted', 'TeamPostHookCompleted', 'TeamPostHookStarted', 'TeamPostHookCompleted'],
        'TeamRunError',
      ]);
      expect(JSON.stringify(frames)).not.toContain(SECRET);
    });

    it('wait for the guardrail of the run above, too', async () => {
      const verdict = createGate();
      const late = defineGuardrail(() => verdict.opened, { name: 'late' });
      const member = new Agent({ id: 'member', engine: wordy, postHooks: [reject] });
      const root = new Team({
        id: 'root',
        members: [member],
        engine: async function* ({ input, delegate }) {
          yield 'Leader: ';
          yield await delegate('member', input).catch(() => 'nothing');
        },
        postHooks: [late],
      });
      const app = await startApp({ agentOs: registrationOf(root) });

      const client = app.client.stream('root', 'hello');
      await client.until('TeamRunStarted');
      verdict.open();
      const names = (await client.rest()).map(({ event }) => event);

      const ofMember = names.slice(names.indexOf('TeamRunContent') + 1, names.indexOf('RunError') + 1);
      expect(ofMember).toEqual([
        'RunStarted',
        ...['ModelRequestStarted', 'ModelRequestCompleted', 'ModelRequestStarted', 'ModelRequestCompleted'],
        ...['PostHookStarted', 'PostHookCompleted', 'RunError'],
      ]);
    });
  });

  it("G1: `@Guardrail({ stream: 'pass' })` opts out", async () => {
    const seen = createGate();
    const late = defineGuardrail(
      async () => {
        await seen.opened;
        throw new OutputCheckError('Too late.');
      },
      { stream: 'pass', name: 'late' },
    );
    const root = passingOn('root', telltale('member'), late);
    const app = await startApp({ agentOs: registrationOf(root) });

    const client = app.client.stream('root', 'hello');
    // The guardrail waits for the client here, so the client cannot be waiting for the guardrail.
    await client.until((event) => JSON.stringify(event).includes(SECRET));
    seen.open();

    expect(JSON.stringify(await client.rest())).toContain('Too late.');
  });

  it('end a run that exceeds the limit of held data', async () => {
    const engine = (): string[] => Array.from({ length: 9 }, () => 'x'.repeat(1024 * 1024));
    const root = new Agent({ id: 'root', engine, postHooks: [agree] });
    const { url, log } = await startApp({ agentOs: registrationOf(root) });

    const frames = await runSse(url, '/agents/root', 'hello');

    expect(namesOf(frames)).toEqual(['RunStarted', 'RunError']);
    expect(log.messages('error').join()).toContain(
      "let the guardrail stream: @Guardrail({ stream: 'pass' })",
    );
  });
});

function changeContent({ runOutput }: PostHookContext): void {
  runOutput.content = 'Member: ****';
}

function throwCheckError(): never {
  throw new OutputCheckError('Not this.');
}

describe('Output guardrails, for clients of AG-UI,', () => {
  it.each(SOURCES)(
    'hold the answer, and show nothing of one that they refuse: $source',
    async ({ guardedBy }) => {
      const root = guardedBy(reject);
      const { url } = await startApp({ agentOs: registrationOf(root) });
      const { error, events } = await askAgUi(url, pathOf(root), 'hello');

      expect(error).toMatchObject({ code: 'output_check_error', message: 'Not for you.' });
      expect(JSON.stringify(events)).not.toContain(SECRET);
    },
  );

  it.each(SOURCES)('show only the text that a masking guardrail has left: $source', async ({ guardedBy }) => {
    const root = guardedBy(mask);
    const { url } = await startApp({ agentOs: registrationOf(root) });
    const { messages, events } = await askAgUi(url, pathOf(root), 'hello');

    expect(messages.at(-1)?.content).toMatch(/The code is \*\*\*\*\.$/);
    expect(JSON.stringify(events)).not.toContain(SECRET);
  });

  it.each([
    ['of a member', (member: Agent) => passingOn('root', member)],
    ['of a step', (agent: Agent) => new Workflow({ id: 'root', steps: [agent] })],
  ])('show of the text %s only what its own guardrail has left', async (_whose, around) => {
    const root = around(telltale('part', { postHooks: [mask] }));
    const { url } = await startApp({ agentOs: registrationOf(root) });
    const { messages, events } = await askAgUi(url, pathOf(root), 'hello');

    expect(messages.filter((message) => 'subagentRunId' in message)).toMatchObject([
      { role: 'assistant', content: 'The code is ****.' },
    ]);
    expect(JSON.stringify(events)).not.toContain(SECRET);
  });

  it.each([
    ['of a member', (member: Agent) => passingOn('root', member, agree)],
    ['of a step', (agent: Agent) => new Workflow({ id: 'root', steps: [agent], postHooks: [agree] })],
  ])('show the pieces %s once the guardrail around it has passed', async (_whose, around) => {
    const root = around(telltale('part'));
    const { url } = await startApp({ agentOs: registrationOf(root) });
    const { messages } = await askAgUi(url, pathOf(root), 'hello');

    const own = messages.filter((message) => 'subagentRunId' in message);
    expect(own.map(({ role }) => role)).toEqual(['assistant', 'tool', 'reasoning', 'assistant']);
    expect(own.at(-1)).toMatchObject({ content: `The code is ${SECRET}.` });
  });
});
