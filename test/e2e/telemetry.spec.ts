import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { context, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import { SamplingDecision } from '@opentelemetry/sdk-trace-base';
import { tool } from 'ai';
import {
  Agent,
  defineGuardrail,
  defineHook,
  InputCheckError,
  OutputCheckError,
  parallel,
  step,
  Team,
  Workflow,
  type AgentOsOptions,
  type PostHookContext,
  type PreHookContext,
} from 'nestjs-agentos';
import { Engine, type EngineEvent, type EngineYield } from 'nestjs-agentos/engine';
import { blockEventLoop, createGate, scriptedEngine } from 'nestjs-agentos/testing';
import { z } from 'zod';

import { GEN_AI_VERSION, modelMeasurement } from '../../src/telemetry/conventions.js';
import { inBackground } from '../support/background-hook.js';
import { filesIn, readDocument } from '../support/documents.js';
import { JsonHookExecutor } from '../support/json-hook.executor.js';
import { politeJudge } from '../support/judge.js';
import { calls, closeOpenAiServers, says } from '../support/openai-server.js';
import { raise } from '../support/raise.js';
import { startScriptedAgent } from '../support/scripted-agent.js';
import { ask, type Transport } from '../support/surfaces.js';
import { MemoryTelemetry } from '../support/telemetry.js';
import { closeApps, startApp, type TestApp } from '../support/test-app.js';

let memory: MemoryTelemetry;

beforeAll(() => {
  memory = new MemoryTelemetry();
});
afterAll(() => memory.close());
afterEach(async () => {
  await closeApps();
  memory.reset();
  await memory.measured();
});

/** An engine that tells of its requests to its model. */
class ModelEngine extends Engine {
  override readonly model = { id: 'gpt-5-mini', provider: 'openai.responses' };
  readonly #events: readonly EngineYield[];

  constructor(...events: readonly EngineYield[]) {
    super();
    this.#events = events;
  }

  override async *stream(): AsyncGenerator<EngineYield> {
    yield* await Promise.resolve(this.#events);
  }
}

const STARTED: EngineEvent = { type: 'model-request-started' };
const COMPLETED: EngineEvent = {
  type: 'model-request-completed',
  inputTokens: 12,
  outputTokens: 3,
  cacheReadTokens: 8,
  reasoningTokens: 1,
  finishReason: 'length',
};
const CALL: EngineEvent = { type: 'tool-call', id: 'call-1', name: 'find', arguments: { query: 'invoice' } };
const RESULT: EngineEvent = { type: 'tool-result', id: 'call-1', result: 'found' };

/** Asks one component; all its hooks have ended when it resolves. */
async function run(
  agentOs: AgentOsOptions,
  path = '/agents/writer',
  { transport = 'json', fields = {} }: { transport?: Transport; fields?: Record<string, string> } = {},
): Promise<TestApp> {
  const app = await startApp({ agentOs });
  await ask(app.url, path, 'the question', transport, fields);
  await app.agentOs.drain();
  return app;
}

const writer = (options: Partial<ConstructorParameters<typeof Agent>[0]> = {}): Agent =>
  new Agent({ id: 'writer', name: 'Writer', engine: () => 'the answer', ...options });

describe('The span of a run', () => {
  it('names an agent, its session, its user, its model and its tokens as the conventions do', async () => {
    const engine = new ModelEngine(STARTED, 'the answer', COMPLETED);
    await run({ agents: [writer({ engine, description: 'Writes letters.' })] }, '/agents/writer', {
      fields: { session_id: 's1', user_id: 'ann' },
    });
    const { attributes, kind, status } = memory.span('invoke_agent Writer');
    expect(attributes).toEqual({
      'gen_ai.operation.name': 'invoke_agent',
      'gen_ai.agent.name': 'Writer',
      'gen_ai.agent.description': 'Writes letters.',
      'gen_ai.conversation.id': 's1',
      'gen_ai.request.model': 'gpt-5-mini',
      'gen_ai.usage.input_tokens': 12,
      'gen_ai.usage.output_tokens': 3,
      'gen_ai.response.finish_reasons': ['length'],
      'openinference.span.kind': 'AGENT',
      'session.id': 's1',
      'user.id': 'ann',
      'agent_os.kind': 'agent',
      'agent_os.component': 'writer',
      'agent_os.run_id': expect.any(String),
      'agent_os.outcome': 'completed',
    });
    expect([kind, status.code]).toEqual([SpanKind.INTERNAL, SpanStatusCode.UNSET]);
  });

  it.each(['json', 'sse'] as const)(
    'has the requests to its model and its tools below it (%s)',
    async (transport) => {
      const engine = new ModelEngine(STARTED, CALL, COMPLETED, RESULT, STARTED, 'the answer', COMPLETED);
      await run({ agents: [writer({ engine })] }, '/agents/writer', {
        transport,
        fields: { session_id: 's1' },
      });
      expect(memory.tree).toEqual([
        'chat gpt-5-mini, below invoke_agent Writer',
        'chat gpt-5-mini, below invoke_agent Writer',
        'execute_tool find, below invoke_agent Writer',
        'invoke_agent Writer, below nothing',
      ]);
      expect(memory.span('execute_tool find').attributes).toEqual({
        'gen_ai.operation.name': 'execute_tool',
        'gen_ai.tool.name': 'find',
        'gen_ai.tool.type': 'function',
        'gen_ai.tool.call.id': 'call-1',
        'gen_ai.conversation.id': 's1',
        'openinference.span.kind': 'TOOL',
        'session.id': 's1',
        'tool.name': 'find',
      });
      const chat = memory.spans.find(({ name }) => name === 'chat gpt-5-mini');
      expect(chat?.kind).toBe(SpanKind.CLIENT);
      expect(chat?.attributes).toMatchObject({
        'gen_ai.operation.name': 'chat',
        'gen_ai.provider.name': 'openai',
        'gen_ai.request.model': 'gpt-5-mini',
        'gen_ai.conversation.id': 's1',
        'gen_ai.usage.input_tokens': 12,
        'gen_ai.usage.output_tokens': 3,
        'gen_ai.usage.cache_read.input_tokens': 8,
        'gen_ai.usage.reasoning.output_tokens': 1,
        'gen_ai.response.finish_reasons': ['length'],
        'openinference.span.kind': 'LLM',
        'llm.model_name': 'gpt-5-mini',
        'session.id': 's1',
      });
    },
  );

  it('of a member stands below the tool call with which the leader of its team has delegated', async () => {
    const helper = new Agent({ id: 'helper', engine: () => 'done' });
    const desk = new Team({
      id: 'desk',
      members: [helper],
      engine: async function* ({ input, delegate }) {
        yield { type: 'tool-call', id: 'call-7', name: 'ask_helper', arguments: {} } as const;
        const result = await delegate('helper', input, { toolCallId: 'call-7' });
        yield { type: 'tool-result', id: 'call-7', result } as const;
        yield await delegate('helper', input);
      },
    });
    await run({ teams: [desk] }, '/teams/desk');
    expect(memory.tree).toEqual([
      'execute_tool ask_helper, below invoke_agent desk',
      'invoke_agent desk, below nothing',
      'invoke_agent helper, below execute_tool ask_helper',
      'invoke_agent helper, below invoke_agent desk',
    ]);
    expect(memory.span('invoke_agent desk').attributes).toMatchObject({
      'agent_os.kind': 'team',
      'openinference.span.kind': 'AGENT',
    });
  });

  it('of a tool on the AI SDK holds what the tool does, and the runs that it starts', async () => {
    const inner = new Agent({ id: 'inner', engine: () => 'done' });
    const nest = tool({
      inputSchema: z.object({}),
      execute: async () => {
        trace.getTracer('host').startSpan('own work').end();
        return (await inner.run('question')).content;
      },
    });
    const script = [calls([{ name: 'nest', arguments: {} }]), says('the answer')];
    const { url } = await startScriptedAgent(script, { engine: { tools: { nest } } });
    await ask(url, '/agents/helper', 'the question', 'json');
    expect(memory.tree.filter((line) => !line.startsWith('POST'))).toEqual([
      expect.stringMatching(/^chat .*, below invoke_agent helper$/),
      expect.stringMatching(/^chat .*, below invoke_agent helper$/),
      'execute_tool nest, below invoke_agent helper',
      'invoke_agent helper, below nothing',
      'invoke_agent inner, below execute_tool nest',
      'own work, below execute_tool nest',
    ]);
    await closeOpenAiServers();
  });

  it('of a workflow holds its steps, the blocks around them, and in them their runs, tools and own spans', async () => {
    const finder = new Agent({ id: 'finder', engine: scriptedEngine().tool('find', {}, 'it').text('found') });
    const inner = new Workflow({
      id: 'inner',
      steps: [
        step('note', () => {
          trace.getTracer('host').startSpan('own work').end();
          return 'noted';
        }),
      ],
    });
    const outer = new Workflow({
      id: 'outer',
      steps: [parallel('both', [step('search', finder), step('nest', inner)])],
    });
    await run({ workflows: [outer] }, '/workflows/outer');
    expect(memory.tree).toEqual([
      'execute_tool find, below invoke_agent finder',
      'invoke_agent finder, below step search',
      'invoke_workflow inner, below step nest',
      'invoke_workflow outer, below nothing',
      'own work, below step note',
      'step both, below invoke_workflow outer',
      'step nest, below step both',
      'step note, below invoke_workflow inner',
      'step search, below step both',
    ]);
    expect(memory.span('invoke_workflow outer').attributes).toMatchObject({
      'gen_ai.operation.name': 'invoke_workflow',
      'gen_ai.agent.name': 'outer',
      'openinference.span.kind': 'CHAIN',
    });
    expect(memory.span('step both').attributes).toMatchObject({
      'agent_os.step': 'both',
      'agent_os.block': 'parallel',
      'openinference.span.kind': 'CHAIN',
    });
  });

  it('of a run that fails has the type of its error, and so has all that was at work', async () => {
    const engine = async function* (): AsyncGenerator<EngineYield> {
      yield STARTED;
      yield CALL;
      await Promise.reject(new Error('no model'));
    };
    await run({ agents: [writer({ engine })] });
    expect(memory.tree).toEqual([
      'chat, below invoke_agent Writer, failed: run_failed',
      'execute_tool find, below invoke_agent Writer, failed: run_failed',
      'invoke_agent Writer, below nothing, failed: run_failed',
    ]);
    const { attributes, status, events } = memory.span('invoke_agent Writer');
    expect(attributes['agent_os.outcome']).toBe('failed');
    expect(status.message).toMatch(/no model$/);
    expect(events.map(({ name }) => name)).toEqual(['exception']);
  });

  it('of a tool, a step and an attempt that fail, while the run goes on', async () => {
    let attempts = 0;
    const engine = async function* (): AsyncGenerator<EngineYield> {
      yield STARTED;
      attempts += 1;
      if (attempts === 1) await Promise.reject(new Error('once'));
      yield COMPLETED;
      yield CALL;
      yield { type: 'tool-result', id: 'call-1', result: 'it is away', failed: true };
      yield 'the answer';
    };
    const broken = step('broken', () => raise(new Error('away')), { onError: 'continue' });
    const flow = new Workflow({ id: 'flow', steps: [broken, writer({ engine, retries: 1 })] });
    await run({ workflows: [flow] }, '/workflows/flow');
    expect(memory.tree).toEqual([
      'chat, below invoke_agent Writer',
      'chat, below invoke_agent Writer, failed: run_failed',
      'execute_tool find, below invoke_agent Writer, failed: tool_error',
      'invoke_agent Writer, below step writer',
      'invoke_workflow flow, below nothing',
      'step broken, below invoke_workflow flow, failed: step_failed',
      'step writer, below invoke_workflow flow',
    ]);
  });

  it('of a run that is refused says why in one word, and not with the text of the guardrail', async () => {
    const guard = defineGuardrail<PreHookContext>(
      ({ runInput }) => raise(new InputCheckError(`Not "${runInput.content}"`, { trigger: 'off_topic' })),
      { name: 'guard' },
    );
    await run({ agents: [writer({ preHooks: [guard] })] });
    expect(memory.tree).toEqual([
      'hook guard, below invoke_agent Writer, failed: InputCheckError',
      'invoke_agent Writer, below nothing, failed: input_check_error',
    ]);
    expect(memory.span('invoke_agent Writer').attributes).toMatchObject({
      'agent_os.outcome': 'rejected',
      'agent_os.check_trigger': 'off_topic',
    });
    expect(memory.span('hook guard').attributes['openinference.span.kind']).toBe('GUARDRAIL');
    expect(textOf(memory)).not.toContain('the question');
  });

  it('of a run that is cancelled says so', async () => {
    const engine = scriptedEngine().hang();
    const { agentOs } = await startApp({ agentOs: { agents: [writer({ engine })] } });
    const running = agentOs.run('writer', 'the question');
    agentOs.cancel(await engine.hanging());
    await expect(running).rejects.toThrow();
    expect(memory.tree).toEqual(['invoke_agent Writer, below nothing, failed: run_cancelled']);
    expect(memory.span('invoke_agent Writer').attributes['agent_os.outcome']).toBe('cancelled');
  });

  it('is not there, nor are measurements, if telemetry is switched off', async () => {
    const hook = inBackground('notify', () => undefined);
    await run({ agents: [writer({ postHooks: [hook] })], telemetry: { enabled: false } });
    expect(memory.spans).toEqual([]);
    expect(await memory.measured()).toEqual({});
  });
});

describe('The spans of hooks', () => {
  const hooks = [
    defineHook(() => undefined, { name: 'inline' }),
    politeJudge({ name: 'judge' }),
    defineHook(() => undefined, { name: 'skipped', when: () => false }),
    inBackground('notify', () => void trace.getTracer('host').startSpan('own work').end()),
  ];

  it('are below the run if they are inline, else linked to it, and name kind, mode and session', async () => {
    await run({ agents: [writer({ postHooks: hooks })] }, '/agents/writer', {
      fields: { session_id: 's1', user_id: 'ann' },
    });
    expect(memory.tree).toEqual([
      'hook inline, below invoke_agent Writer',
      'hook judge, below invoke_agent Writer',
      'hook notify, below nothing, linked to invoke_agent Writer',
      'hook skipped, below invoke_agent Writer',
      'invoke_agent Writer, below nothing',
      'invoke_agent judge, below hook judge',
      'own work, below hook notify',
    ]);
    expect(memory.span('hook notify').attributes).toEqual({
      'agent_os.hook': 'notify',
      'agent_os.hook.phase': 'post',
      'agent_os.hook.mode': 'background',
      'agent_os.hook.attempt': 1,
      'agent_os.component': 'writer',
      'agent_os.run_id': memory.span('invoke_agent Writer').attributes['agent_os.run_id'],
      'gen_ai.conversation.id': 's1',
      'openinference.span.kind': 'CHAIN',
      'session.id': 's1',
      'user.id': 'ann',
    });
    expect(memory.span('hook judge').attributes['openinference.span.kind']).toBe('EVALUATOR');
    expect(memory.span('hook skipped').attributes['agent_os.hook.skipped']).toBe(true);
  });

  it("are children of the run, in its trace, with hookSpans: 'child'", async () => {
    await run({ agents: [writer({ postHooks: hooks })], telemetry: { hookSpans: 'child' } });
    const notify = memory.span('hook notify');
    expect(memory.tree).toContain('hook notify, below invoke_agent Writer');
    expect(notify.links).toEqual([]);
    expect(notify.spanContext().traceId).toBe(memory.span('invoke_agent Writer').spanContext().traceId);
  });

  it.each([
    ['linked', 'hook notify, below nothing, linked to invoke_agent Writer'],
    ['child', 'hook notify, below invoke_agent Writer'],
  ] as const)(
    'are %s in the process of a worker, too, which rebuilds the hook from a text',
    async (hookSpans, line) => {
      const agentOs = { agents: [writer({ postHooks: [...hooks] })], telemetry: { hookSpans } };
      const worker = new JsonHookExecutor();
      await startApp({ agentOs: { ...agentOs, executor: worker } });
      const server = new JsonHookExecutor({ worker });
      await run({ ...agentOs, executor: server }, '/agents/writer', {
        fields: { session_id: 's1', user_id: 'ann' },
      });
      expect(memory.tree).toContain(line);
      expect(memory.tree).toContain('own work, below hook notify');
      expect(memory.span('hook notify').attributes).toMatchObject({
        'gen_ai.conversation.id': 's1',
        'session.id': 's1',
        'user.id': 'ann',
      });
    },
  );

  it('of each attempt name the attempt and its error', async () => {
    let attempts = 0;
    const retried = inBackground(
      'retried',
      () => (++attempts === 1 ? raise(new TypeError('once')) : undefined),
      {
        retry: { attempts: 2, backoff: 0 },
      },
    );
    await run({ agents: [writer({ postHooks: [retried] })] });
    const spans = memory.spans.filter(({ name }) => name === 'hook retried');
    expect(
      spans.map(({ attributes }) => [attributes['agent_os.hook.attempt'], attributes['error.type']]),
    ).toEqual([
      [1, 'TypeError'],
      [2, undefined],
    ]);
  });
});

describe('The event of an evaluation', () => {
  const evaluationOf = (name: string) =>
    memory.span(name).events.map((event) => [event.name, event.attributes]);

  it.each([false, true])(
    'stands on the span of the judge, in the background: %p',
    async (runInBackground) => {
      await run({ agents: [writer({ postHooks: [politeJudge({ name: 'judge', runInBackground })] })] });
      expect(evaluationOf('hook judge')).toEqual([
        [
          'gen_ai.evaluation.result',
          {
            'gen_ai.evaluation.name': 'judge',
            'gen_ai.evaluation.score.value': 9,
            'gen_ai.evaluation.score.label': 'pass',
            'agent_os.run_id': memory.span('invoke_agent Writer').attributes['agent_os.run_id'],
          },
        ],
      ]);
    },
  );

  it('tells the reason of the judge only with content', async () => {
    const judge = politeJudge({ name: 'judge', runInBackground: true });
    await run({ agents: [writer({ postHooks: [judge] })], telemetry: { content: true } });
    expect(evaluationOf('hook judge')).toEqual([
      ['gen_ai.evaluation.result', expect.objectContaining({ 'gen_ai.evaluation.explanation': 'ok' })],
    ]);
  });
});

describe('The event of an evaluation, of a run that a guardrail holds,', () => {
  it('never tells the reason of the judge, who has seen the answer before the guardrail', async () => {
    const guard = defineGuardrail(() => raise(new OutputCheckError('No.')), { name: 'guard' });
    await run({
      agents: [writer({ postHooks: [politeJudge({ name: 'judge' }), guard] })],
      telemetry: { content: true },
    });
    const [event] = memory.span('hook judge').events;
    expect(event?.attributes).toMatchObject({ 'gen_ai.evaluation.score.value': 9 });
    expect(event?.attributes).not.toHaveProperty(['gen_ai.evaluation.explanation']);
  });
});

describe('The content of telemetry', () => {
  const engine = (): Engine => new ModelEngine(STARTED, CALL, COMPLETED, RESULT, 'the answer');
  /** The run's texts, each of which would be a leak. */
  const TEXTS = ['the question', 'the answer', 'invoice', 'found'];
  const shown = (): string[] => TEXTS.filter((text) => textOf(memory).includes(text));
  const content = { content: true } as const;

  it('is in no span, event or metric without the option', async () => {
    const audit = inBackground('audit', () => raise(new Error('broken')));
    await run({ agents: [writer({ engine: engine(), postHooks: [politeJudge(), audit] })] });
    expect(memory.spans.length).toBeGreaterThan(4);
    expect(shown()).toEqual([]);
    expect(JSON.stringify(await memory.measured())).not.toMatch(/the question|the answer|invoice|found/);
  });

  it('is in the spans of the run and of its tools with the option, as the conventions and OpenInference have it', async () => {
    await run({ agents: [writer({ engine: engine() })], telemetry: content });
    expect(memory.span('invoke_agent Writer').attributes).toMatchObject({
      'gen_ai.input.messages': '[{"role":"user","parts":[{"type":"text","content":"the question"}]}]',
      'gen_ai.output.messages': '[{"role":"assistant","parts":[{"type":"text","content":"the answer"}]}]',
      'input.value': 'the question',
      'output.value': 'the answer',
    });
    const tool = memory.span('execute_tool find');
    expect(tool.attributes).toMatchObject({
      'gen_ai.tool.call.arguments': '{"query":"invoice"}',
      'gen_ai.tool.call.result': 'found',
      'input.value': '{"query":"invoice"}',
      'output.value': 'found',
    });
    expect(shown()).toEqual(TEXTS);
  });

  it('makes the span of a tool wait for the run, and yet it tells when the tool has ended', async () => {
    const slow = defineHook(() => void blockEventLoop(20), { name: 'slow' });
    await run({ agents: [writer({ engine: engine(), postHooks: [slow] })], telemetry: content });
    const names = memory.spans.map(({ name }) => name);
    expect(names.indexOf('hook slow')).toBeLessThan(names.indexOf('execute_tool find'));
    const endOf = (name: string): number => toMilliseconds(memory.span(name).endTime);
    expect(endOf('execute_tool find')).toBeLessThan(endOf('hook slow'));
  });

  it('of an input that a guardrail has refused is in no span', async () => {
    const guard = defineGuardrail(() => raise(new InputCheckError('No.')), { name: 'guard' });
    const audit = inBackground('audit', () => undefined, { on: ['rejected'] });
    await run({ agents: [writer({ preHooks: [guard], postHooks: [audit] })], telemetry: content });
    expect(memory.tree).toHaveLength(3);
    expect(shown()).toEqual([]);
  });

  it('of an input that a hook has changed is what the hook has made of it', async () => {
    const mask = defineGuardrail<PreHookContext>(({ runInput }) => void (runInput.content = 'masked'), {
      name: 'mask',
    });
    await run({ agents: [writer({ preHooks: [mask] })], telemetry: content });
    expect(memory.span('invoke_agent Writer').attributes['input.value']).toBe('masked');
    expect(shown()).toEqual(['the answer']);
  });

  it('of an answer that a guardrail has refused is in no span, nor are the tools behind it', async () => {
    const guard = defineGuardrail(() => raise(new OutputCheckError('No.')), { name: 'guard' });
    await run({ agents: [writer({ engine: engine(), postHooks: [guard] })], telemetry: content });
    expect(shown()).toEqual(['the question']);
  });

  it('of an answer that a guardrail has masked is the masked one', async () => {
    const mask = defineGuardrail<PostHookContext>(({ runOutput }) => void (runOutput.content = '***'), {
      name: 'mask',
    });
    await run({ agents: [writer({ engine: engine(), postHooks: [mask] })], telemetry: content });
    expect(memory.span('invoke_agent Writer').attributes['output.value']).toBe('***');
    expect(shown()).toEqual(['the question']);
  });

  it('of a member waits for the guardrail of its team, and is left out if that refuses', async () => {
    const looked = createGate();
    const goOn = createGate();
    let verdict: Error | undefined = new OutputCheckError('No.');
    const guard = defineGuardrail(
      async () => {
        looked.open();
        await goOn.opened;
        if (verdict) throw verdict;
      },
      { name: 'guard' },
    );
    const desk = new Team({
      id: 'desk',
      members: [writer({ engine: engine() })],
      mode: 'route',
      engine: ({ delegate, input }) => delegate('writer', input),
      postHooks: [guard],
    });
    const { url } = await startApp({ agentOs: { teams: [desk], telemetry: content } });

    const refused = ask(url, '/teams/desk', 'the question', 'json');
    await looked.opened;
    // The member has settled.
    expect(memory.spans.map(({ name }) => name)).toEqual(['chat gpt-5-mini']);
    goOn.open();
    await refused;
    expect(
      memory.spans.find(({ name }) => name === 'invoke_agent Writer')?.attributes['input.value'],
    ).toBeUndefined();
    expect(shown()).toEqual(['the question']);

    memory.reset();
    verdict = undefined;
    await ask(url, '/teams/desk', 'the question', 'json');
    expect(memory.span('invoke_agent Writer').attributes['output.value']).toBe('the answer');
    expect(shown()).toEqual(TEXTS);
  });

  it('of the question that a judge asks for itself is in no span', async () => {
    await run({ agents: [writer({ postHooks: [politeJudge({ name: 'judge' })] })], telemetry: content });
    const { attributes } = memory.span('invoke_agent judge');
    expect(Object.keys(attributes).filter((name) => /input|output/.test(name))).toEqual([]);
  });
});

describe('The sampler of the application', () => {
  it('decides for the hooks of a run with the run: they have no spans either', async () => {
    await memory.close();
    const sampled = new MemoryTelemetry({
      shouldSample: (_context, _traceId, name) => ({
        decision: name.startsWith('invoke_agent')
          ? SamplingDecision.NOT_RECORD
          : SamplingDecision.RECORD_AND_SAMPLED,
      }),
      toString: () => 'all but agents',
    });
    const active: (boolean | undefined)[] = [];
    const look = (): void => void active.push(trace.getSpan(context.active())?.isRecording());
    const hooks = [inBackground('notify', look)];
    for (const hookSpans of ['linked', 'child'] as const)
      await run({ agents: [writer({ postHooks: hooks })], telemetry: { content: true, hookSpans } });
    expect(sampled.spans.map(({ name }) => name)).toEqual([]);
    expect(active).toEqual([false, false]);
    await sampled.close();
    memory = new MemoryTelemetry();
  });
});

describe('The names of the conventions', () => {
  it('stand in one file, which says what version they follow', () => {
    const files = filesIn('src', '.ts').filter((path) => !path.startsWith('src/telemetry/conventions.ts'));
    const names = /['"`](gen_ai\.|openinference\.|agent_os\.|llm\.|input\.value|output\.value)/;
    expect(files.filter((path) => names.test(readDocument(path)))).toEqual([]);
    expect(readDocument('src/telemetry/conventions.ts')).toContain(
      `version ${GEN_AI_VERSION} (status: development`,
    );
    expect(readDocument('docs/guide/telemetry.md')).toContain(
      `version ${GEN_AI_VERSION} (status: development)`,
    );
  });

  it.each([
    ['openai.responses', 'openai'],
    ['anthropic.messages', 'anthropic'],
    ['google.generative-ai', 'gcp.gemini'],
    ['google.vertex.chat', 'gcp.vertex_ai'],
    ['amazon-bedrock', 'aws.bedrock'],
    ['azure.chat', 'azure.ai.openai'],
    ['mistral.chat', 'mistral_ai'],
    ['xai.chat', 'x_ai'],
    ['gateway', 'gateway'],
  ])('call the provider %s of the AI SDK %s', (provider, expected) => {
    expect(modelMeasurement({ id: 'model', provider })['gen_ai.provider.name']).toBe(expected);
  });
});

/** All that spans say. */
function textOf({ spans }: MemoryTelemetry): string {
  return JSON.stringify(
    spans.map(({ name, attributes, events, status }) => ({ name, attributes, events, status })),
  );
}

function toMilliseconds([seconds, nanoseconds]: readonly [number, number]): number {
  return seconds * 1_000 + nanoseconds / 1_000_000;
}
