import { afterEach, describe, expect, it } from '@jest/globals';
import { toStandardJsonSchema } from '@valibot/to-json-schema';
import { generateText, tool } from 'ai';
import { Agent, type RunContext } from 'nestjs-agentos';
import { runContextOf } from 'nestjs-agentos/ai-sdk';
import { createGate } from 'nestjs-agentos/testing';
import * as valibot from 'valibot';
import { z } from 'zod';

import { inBackground } from '../support/background-hook.js';
import { namesOf, runJson, runSse } from '../support/http-client.js';
import { API_KEY, calls, closeOpenAiServers, OpenAiServer, says, saysFor } from '../support/openai-server.js';
import { startScriptedAgent } from '../support/scripted-agent.js';
import { closeApps } from '../support/test-app.js';

afterEach(closeApps);
afterEach(closeOpenAiServers);

const add = tool({
  description: 'Adds two numbers.',
  inputSchema: z.object({ a: z.number(), b: z.number() }),
  execute: ({ a, b }) => ({ sum: a + b }),
});

describe('An agent on the AI SDK', () => {
  it('streams the text of the model while the model still writes', async () => {
    const gate = createGate();
    const app = await startScriptedAgent([says('Hel', gate.opened, 'lo')], { app: {} });
    const client = app.client.stream('helper', 'Hi');
    await client.until(({ content }) => content === 'Hel');
    gate.open();
    expect((await client.rest()).map(({ content }) => content)).toContain('Hello');
  });

  it('calls tools and reports calls, results, model and tokens as events and in the output', async () => {
    const script = [calls([{ name: 'add', arguments: { a: 1, b: 2 } }], 'Let me see.'), says('It is ', '3.')];
    const { url, provider } = await startScriptedAgent([...script, ...script], {
      engine: { tools: { add } },
      app: {},
    });
    const frames = await runSse(url, '/agents/helper', '1 + 2?');
    const { body } = await runJson(url, '/agents/helper', '1 + 2?');
    expect(namesOf(frames)).toEqual([
      'RunStarted',
      'ModelRequestStarted',
      'RunContent',
      'ToolCallStarted',
      'ToolCallCompleted',
      'ModelRequestCompleted',
      'ModelRequestStarted',
      'RunContent',
      'RunContent',
      'ModelRequestCompleted',
      'RunContentCompleted',
      'RunCompleted',
    ]);
    const content = 'Let me see.\n\nIt is 3.';
    expect(frames.at(-1)?.data.content).toBe(content);
    expect(body).toMatchObject({
      content,
      model: 'scripted-1',
      model_provider: 'scripted.chat',
      metrics: { input_tokens: 20, output_tokens: 10, total_tokens: 30 },
      tools: [{ tool_name: 'add', tool_args: { a: 1, b: 2 }, tool_call_error: false, result: '{"sum":3}' }],
    });
    expect(provider.messages(1)).toEqual([
      ['user', '1 + 2?'],
      ['assistant', 'Let me see.'],
      ['tool', '{"sum":3}'],
    ]);
  });
});

describe('The prompt of the model', () => {
  it('consists of the instructions, the history of the session and the question', async () => {
    const { url, provider } = await startScriptedAgent([says('Hello Ann'), says('Ann')], {
      engine: { instructions: 'Be brief.' },
    });
    await runJson(url, '/agents/helper', 'I am Ann', { session_id: 's1' });
    await runJson(url, '/agents/helper', 'Who am I?', { session_id: 's1' });
    expect(provider.messages(1)).toEqual([
      ['system', 'Be brief.'],
      ['user', 'I am Ann'],
      ['assistant', 'Hello Ann'],
      ['user', 'Who am I?'],
    ]);
  });

  it('contains the result of an instructions function that reads the context and the input', async () => {
    const { agentOs, provider } = await startScriptedAgent([says('Servus')], {
      engine: {
        instructions: async ({ context, input }) =>
          `${context.userId} in ${String(context.sessionState.city)} asks "${input}".`,
      },
    });
    await agentOs.run('helper', 'Hi', { userId: 'ann', sessionState: { city: 'Wien' } });
    expect(provider.messages(0)[0]).toEqual(['system', 'ann in Wien asks "Hi".']);
  });

  it('is sent with the settings of the call, and with the key in its header only', async () => {
    const { url, provider } = await startScriptedAgent([says('Hi')], {
      engine: {
        tools: { add },
        temperature: 0.2,
        maxOutputTokens: 99,
        seed: 7,
        stopSequences: ['END'],
        toolChoice: 'none',
        headers: { 'x-team': 'support' },
        providerOptions: { scripted: { reasoningEffort: 'low' } },
      },
    });
    await runJson(url, '/agents/helper', 'Hi');
    const [request] = provider.requests;
    expect(request?.headers).toMatchObject({ 'x-team': 'support', authorization: `Bearer ${API_KEY}` });
    expect(request?.body).toMatchObject({
      model: 'scripted-1',
      temperature: 0.2,
      max_tokens: 99,
      seed: 7,
      stop: ['END'],
      tool_choice: 'none',
      reasoning_effort: 'low',
    });
  });
});

describe('A tool', () => {
  it('reads and writes the state of the session', async () => {
    const remember = tool({
      inputSchema: z.object({ name: z.string() }),
      execute: ({ name }, options) => {
        const { sessionState } = runContextOf(options);
        const before = sessionState.name;
        sessionState.name = name;
        return { before };
      },
    });
    const remembers = (name: string) => calls([{ name: 'remember', arguments: { name } }]);
    const { url } = await startScriptedAgent([remembers('Ann'), says('ok'), remembers('Bob'), says('ok')], {
      engine: { tools: { remember } },
    });
    await runJson(url, '/agents/helper', 'I am Ann', { session_id: 's1' });
    const { body } = await runJson(url, '/agents/helper', 'I am Bob', { session_id: 's1' });
    expect(body).toMatchObject({ tools: [{ result: '{"before":"Ann"}' }], session_state: { name: 'Bob' } });
  });

  it("also finds the run's context in versions of the AI SDK that pass contexts", async () => {
    const found: unknown[] = [];
    const look = tool({
      inputSchema: z.object({}),
      execute: (_, options) => {
        const { context, experimental_context } = options as {
          context?: unknown;
          experimental_context?: unknown;
        };
        found.push(context ?? experimental_context, runContextOf(options));
        return '';
      },
    });
    const script = [calls([{ name: 'look', arguments: {} }]), says('ok')];
    const { agentOs } = await startScriptedAgent(script, { engine: { tools: { look } } });
    const { runId } = await agentOs.run('helper', 'Hi');
    expect(found[0]).toBe(found[1]);
    expect((found[0] as RunContext).runId).toBe(runId);
  });

  it('belongs to the run that called it, although runs share connections, and so do runs that it starts', async () => {
    const inner = new Agent({ id: 'inner', engine: ({ context }) => context.parentRunId ?? 'none' });
    const nest = tool({
      inputSchema: z.object({}),
      execute: async (_, options) => (await inner.run('Hi')).content === runContextOf(options).runId,
    });
    const asks = (_: unknown, index: number) =>
      index % 2 === 0 ? calls([{ name: 'nest', arguments: {} }]) : says('ok');
    const { agentOs } = await startScriptedAgent(Array.from({ length: 12 }, asks), {
      engine: { tools: { nest } },
    });
    const results: unknown[] = [];
    for (let run = 0; run < 6; run++) results.push((await agentOs.run('helper', 'Hi')).tools[0]?.result);
    expect(results).toEqual(Array.from({ length: 6 }, () => 'true'));
  });

  it('that yields answers with its last value', async () => {
    const count = tool({
      inputSchema: z.object({}),
      async *execute() {
        yield 'one';
        yield 'two';
      },
    });
    const script = [calls([{ name: 'count', arguments: {} }]), says('ok')];
    const { agentOs, provider } = await startScriptedAgent(script, { engine: { tools: { count } } });
    const { tools } = await agentOs.run('helper', 'Hi');
    expect(tools).toMatchObject([{ name: 'count', result: 'two' }]);
    expect(provider.messages(1).at(-1)).toEqual(['tool', 'two']);
  });

  it('gets its own result although the provider numbers the calls of each answer anew', async () => {
    const call = (a: number) => calls([{ id: 'call-0', name: 'add', arguments: { a, b: 0 } }]);
    const { agentOs } = await startScriptedAgent([call(1), call(2), says('ok')], {
      engine: { tools: { add } },
    });
    const { tools } = await agentOs.run('helper', 'Hi');
    expect(tools.map(({ result }) => result)).toEqual(['{"sum":1}', '{"sum":2}']);
  });

  it('may call a model itself', async () => {
    const translator = await OpenAiServer.start(says('Hallo'));
    const translate = tool({
      inputSchema: z.object({ text: z.string() }),
      execute: async ({ text }, { abortSignal }) =>
        (await generateText({ model: translator.model, prompt: text, abortSignal })).text,
    });
    const script = [calls([{ name: 'translate', arguments: { text: 'Hello' } }]), says('ok')];
    const { agentOs } = await startScriptedAgent(script, { engine: { tools: { translate } } });
    expect((await agentOs.run('helper', 'Hi')).tools).toMatchObject([{ result: 'Hallo' }]);
  });

  it('runs after its call was recorded, with the arguments as the model gave them', async () => {
    const spoil = tool({
      inputSchema: z.object({ list: z.array(z.number()) }),
      execute: ({ list }) => list.splice(0).length,
    });
    const script = [calls([{ name: 'spoil', arguments: { list: [1, 2] } }]), says('ok')];
    const { agentOs } = await startScriptedAgent(script, { engine: { tools: { spoil } } });
    const { tools } = await agentOs.run('helper', 'Hi');
    expect(tools).toMatchObject([{ arguments: { list: [1, 2] }, result: '2' }]);
  });

  it('is recorded as plain data, whatever its schema returns for the arguments', async () => {
    const visit = tool({
      inputSchema: z.object({ url: z.string().transform((url) => new URL(url)) }),
      execute: ({ url }) => url.hostname,
    });
    const script = [calls([{ name: 'visit', arguments: { url: 'http://a.test/' } }]), says('ok')];
    const { agentOs } = await startScriptedAgent(script, { engine: { tools: { visit } } });
    const { tools } = await agentOs.run('helper', 'Hi');
    expect(tools).toMatchObject([{ arguments: { url: 'http://a.test/' }, result: 'a.test' }]);
  });
});

describe('Structured output', () => {
  const verdict = { city: 'Wien', people: 2_000_000 };
  const text = JSON.stringify(verdict);
  const valibotSchema = valibot.object({ city: valibot.string(), people: valibot.number() });

  it.each([
    ['zod', z.object({ city: z.string(), people: z.number() }), 'json_schema'],
    ['valibot that describes itself', toStandardJsonSchema(valibotSchema), 'json_schema'],
    ['plain valibot', valibotSchema, 'json_object'],
  ])('of %s is the data of the run, and its text is the content', async (_, output, format) => {
    const { url, agentOs, provider } = await startScriptedAgent(
      [says(text.slice(0, 9), text.slice(9)), says(text), says(text)],
      { engine: { output } },
    );
    expect((await runJson(url, '/agents/helper', 'Wien?')).body).toMatchObject({
      content: verdict,
      content_type: 'dict',
    });
    const frames = await runSse(url, '/agents/helper', 'Wien?');
    expect(frames.filter(({ event }) => event === 'RunContent').map(({ data }) => data.content)).toEqual([
      text,
    ]);
    expect(frames.at(-1)?.data).toMatchObject({ content: verdict, content_type: 'dict' });
    expect(await agentOs.run('helper', 'Wien?')).toMatchObject({ content: text, data: verdict });
    expect(provider.requests[0]?.body.response_format).toMatchObject({ type: format });
  });

  it('is the output of the schema, without the text that the model wrote before its tool calls', async () => {
    const output = z.object({ sum: z.number(), unit: z.string().default('m') });
    const script = [calls([{ name: 'add', arguments: { a: 1, b: 2 } }], 'Let me see.'), says('{"sum":3}')];
    const { agentOs } = await startScriptedAgent(script, { engine: { output, tools: { add } } });
    expect(await agentOs.run('helper', '1 + 2?')).toMatchObject({
      content: '{"sum":3}',
      data: { sum: 3, unit: 'm' },
    });
  });
});

describe('The finished run', () => {
  it('reaches background hooks: completed, with the tokens of all calls', async () => {
    const seen: unknown[] = [];
    const gate = createGate();
    const watch = inBackground('watch', async ({ runOutput, hook }) => {
      await gate.opened;
      const { status, content, metrics, tools } = runOutput;
      seen.push([status, content, tools.length, hook.delivered]);
      seen.push(metrics);
    });
    const script = [
      calls([{ name: 'add', arguments: { a: 1, b: 2 } }]),
      saysFor({ input: 40, output: 9, cached: 30, reasoning: 6 }, '3'),
    ];
    const { url, agentOs } = await startScriptedAgent(script, {
      engine: { tools: { add } },
      agent: { postHooks: [watch] },
    });
    const { body } = await runJson(url, '/agents/helper', '1 + 2?');
    expect([body.status, seen]).toEqual(['COMPLETED', []]);
    gate.open();
    await agentOs.drain();
    const tokens = {
      inputTokens: 50,
      outputTokens: 14,
      totalTokens: 64,
      reasoningTokens: 6,
      cacheReadTokens: 30,
    };
    expect(seen).toEqual([
      ['COMPLETED', '3', 1, true],
      { ...tokens, timeToFirstToken: expect.any(Number), duration: expect.any(Number) },
    ]);
  });

  it('names its model in the list of agents', async () => {
    const { url } = await startScriptedAgent([]);
    expect(await (await fetch(`${url}/agents`)).json()).toMatchObject([
      { id: 'helper', model: { model: 'scripted-1', provider: 'scripted.chat' } },
    ]);
  });
});
