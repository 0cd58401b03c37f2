import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { LoadAPIKeyError, tool, type LanguageModel } from 'ai';
import { MockLanguageModelV3, simulateReadableStream } from 'ai/test';
import {
  Agent,
  AgentOsConfigurationError,
  InMemoryEvalStore,
  ProviderError,
  RunFailedError,
} from 'nestjs-agentos';
import type { EngineRequest } from 'nestjs-agentos/engine';
import { agentAsJudge, aiSdk, DELEGATE_TOOL, runContextOf, type AiSdkOptions } from 'nestjs-agentos/ai-sdk';
import * as valibot from 'valibot';
import { z } from 'zod';

beforeEach(() => void jest.spyOn(Logger.prototype, 'error').mockImplementation(() => undefined));
afterEach(() => void jest.restoreAllMocks());

type Stream = Awaited<ReturnType<MockLanguageModelV3['doStream']>>['stream'];
type StreamPart = Stream extends ReadableStream<infer Part> ? Part : never;
type Finish = Extract<StreamPart, { type: 'finish' }>['finishReason'];

const noTokens = {
  inputTokens: { total: undefined, noCache: undefined, cacheRead: undefined, cacheWrite: undefined },
  outputTokens: { total: undefined, text: undefined, reasoning: undefined },
};

/** A model that says something, and ends as it is told. */
function modelThat(text: string, finishReason?: Finish): MockLanguageModelV3 {
  const said: StreamPart[] = text
    ? [
        { type: 'text-start', id: '1' },
        { type: 'text-delta', id: '1', delta: text },
        { type: 'text-end', id: '1' },
      ]
    : [];
  const end: StreamPart[] = finishReason ? [{ type: 'finish', finishReason, usage: noTokens }] : [];
  const chunks: StreamPart[] = [{ type: 'stream-start', warnings: [] }, ...said, ...end];
  return new MockLanguageModelV3({
    provider: 'mock',
    modelId: 'mock-1',
    doStream: async () => ({ stream: simulateReadableStream({ chunks }) }),
  });
}

/** A model whose answer has these parts. */
function streaming(chunks: StreamPart[]): () => MockLanguageModelV3 {
  return () =>
    new MockLanguageModelV3({ doStream: async () => ({ stream: simulateReadableStream({ chunks }) }) });
}

function agentOf(options: AiSdkOptions): Agent {
  return new Agent({ id: 'helper', engine: aiSdk(options) });
}

const model = modelThat('Hi', { unified: 'stop', raw: 'stop' });

describe('An answer', () => {
  it.each<[string, string, Finish]>([
    ['is complete when the model is done', 'Hi', { unified: 'stop', raw: 'stop' }],
    [
      'is complete for a good reason that the AI SDK does not know',
      'Hi',
      { unified: 'other', raw: 'eos_token' },
    ],
    ['is complete when it was cut at maxOutputTokens', 'Hi', { unified: 'length', raw: 'length' }],
    ['may be empty', '', { unified: 'stop', raw: 'stop' }],
  ])('%s', async (_, text, finishReason) => {
    expect((await agentOf({ model: modelThat(text, finishReason) }).run('Hi')).content).toBe(text);
  });

  it.each<[string, string, Finish | undefined, typeof ProviderError | typeof RunFailedError]>([
    ['that ends without a reason', 'Hi', { unified: 'other', raw: undefined }, ProviderError],
    ['that just ends', 'Hi', undefined, ProviderError],
    ['that never begins', '', undefined, ProviderError],
    ['that ends with an error', 'Hi', { unified: 'error', raw: 'error' }, ProviderError],
    ['that ends with an error without a word', 'Hi', { unified: 'error', raw: undefined }, ProviderError],
    ...[
      'error',
      'network_error',
      'abort',
      'insufficient_system_resource',
      'sensitive',
      'MALFORMED_FUNCTION_CALL',
      '',
    ].map((raw): [string, string, Finish, typeof ProviderError] => [
      `that ends with the word "${raw}"`,
      'Hi',
      { unified: 'other', raw },
      ProviderError,
    ]),
    ['that is blank and was cut', '\n \n', { unified: 'length', raw: 'length' }, RunFailedError],
    ['that was filtered away', '', { unified: 'content-filter', raw: 'content_filter' }, RunFailedError],
    ['that was cut before its first word', '', { unified: 'length', raw: 'length' }, RunFailedError],
  ])('%s fails the run', async (_, text, finishReason, type) => {
    await expect(agentOf({ model: modelThat(text, finishReason) }).run('Hi')).rejects.toThrow(type);
  });

  it.each<[string, Finish, string]>([
    ['the limit of tokens', { unified: 'length', raw: 'length' }, 'length'],
    [
      'the limit of tokens, in a word that the AI SDK does not know',
      { unified: 'other', raw: 'MAX_TOKENS' },
      'length',
    ],
    ['a content filter', { unified: 'content-filter', raw: 'content_filter' }, 'content-filter'],
    ['a content filter of a cloud', { unified: 'other', raw: 'guardrail_intervened' }, 'content-filter'],
  ])('that %s has cut states this in its metrics', async (_, end, finishReason) => {
    const { metrics, messages } = await agentOf({ model: modelThat('Hi', end) }).run('Hi');
    expect([metrics.finishReason, messages.at(-1)?.metrics?.finishReason]).toEqual([
      finishReason,
      finishReason,
    ]);
  });

  it('that is missing because the AI SDK was called wrongly is not blamed on the provider', async () => {
    const unusable = new MockLanguageModelV3({
      doStream: async () => {
        throw new LoadAPIKeyError({ message: 'The API key is missing.' });
      },
    });
    const running = agentOf({ model: unusable }).run('Hi');
    await expect(running).rejects.toThrow(RunFailedError);
    await expect(running).rejects.toThrow('The API key is missing.');
  });

  describe('with reasoning, sources and files', () => {
    const thinking = streaming([
      { type: 'reasoning-start', id: 'r' },
      { type: 'reasoning-delta', id: 'r', delta: 'Let me ' },
      { type: 'reasoning-delta', id: 'r', delta: 'see.' },
      { type: 'reasoning-end', id: 'r' },
      { type: 'text-start', id: 't' },
      { type: 'text-delta', id: 't', delta: 'Hi' },
      { type: 'text-end', id: 't' },
      { type: 'source', sourceType: 'url', id: '1', url: 'https://example.com', title: 'Page' },
      { type: 'source', sourceType: 'url', id: '2', url: 'https://example.org' },
      {
        type: 'source',
        sourceType: 'document',
        id: '3',
        mediaType: 'application/pdf',
        title: 'Book',
        filename: 'book.pdf',
      },
      { type: 'file', mediaType: 'image/png', data: 'iVBORw0KGgo=' },
      { type: 'file', mediaType: 'audio/wav', data: new Uint8Array([82, 73]) },
      { type: 'file', mediaType: 'application/pdf', data: 'JVBERi0=' },
      { type: 'finish', finishReason: { unified: 'stop', raw: 'stop' }, usage: noTokens },
    ]);

    it('has them in its output', async () => {
      const { content, reasoning, sources, files } = await agentOf({ model: thinking() }).run('Hi');
      const id: unknown = expect.any(String);

      expect([content, reasoning]).toEqual(['Hi', 'Let me see.']);
      expect(sources).toEqual([
        { kind: 'url', id: '1', url: 'https://example.com', title: 'Page' },
        { kind: 'url', id: '2', url: 'https://example.org' },
        { kind: 'document', id: '3', title: 'Book', mediaType: 'application/pdf', name: 'book.pdf' },
      ]);
      expect(files).toEqual([
        { id, kind: 'image', mediaType: 'image/png', content: 'iVBORw0KGgo=' },
        { id, kind: 'audio', mediaType: 'audio/wav', content: 'Ukk=' },
        { id, kind: 'file', mediaType: 'application/pdf', content: 'JVBERi0=' },
      ]);
    });

    it('has no reasoning with sendReasoning: false', async () => {
      const output = await agentOf({ model: thinking(), sendReasoning: false }).run('Hi');
      expect([output.content, 'reasoning' in output]).toEqual(['Hi', false]);
    });
  });

  it('does not begin if the instructions function throws', async () => {
    const unasked = new MockLanguageModelV3();
    const instructions = (): string => {
      throw new Error('No language.');
    };
    await expect(agentOf({ model: unasked, instructions }).run('Hi')).rejects.toThrow('No language.');
    expect(unasked.doStreamCalls).toEqual([]);
  });

  it('does not begin before it is read, and is aborted when the reader stops', async () => {
    const signals: (AbortSignal | undefined)[] = [];
    const endless = new MockLanguageModelV3({
      doStream: async ({ abortSignal }) => {
        signals.push(abortSignal);
        const chunks: StreamPart[] = [
          { type: 'text-start', id: '1' },
          ...Array.from({ length: 100 }, () => ({ type: 'text-delta', id: '1', delta: 'x' }) as const),
        ];
        return { stream: simulateReadableStream({ chunks }) };
      },
    });
    const stream = aiSdk({ model: endless }).stream(
      requestOf([{ id: '1', role: 'user', content: 'Hi', createdAt: 0 }]),
    );
    expect(signals).toEqual([]);
    for await (const event of stream) {
      if (typeof event === 'object' && 'type' in event && event.type === 'model-request-started') continue;
      expect(event).toEqual({ type: 'text', text: 'x' });
      break;
    }
    expect(signals.map((signal) => signal?.aborted)).toEqual([true]);
  });
});

it('The conversation is passed on without messages that providers refuse', async () => {
  const asked = modelThat('Hi', { unified: 'stop', raw: 'stop' });
  const messages = (['system', 'user', 'assistant', 'tool', 'user'] as const).map((role, index) => ({
    id: `${index}`,
    role,
    content: role === 'assistant' ? '' : `${index}`,
    createdAt: 0,
  }));
  for await (const _ of aiSdk({ model: asked }).stream(requestOf(messages)));
  expect(asked.doStreamCalls[0]?.prompt.map(({ role }) => role)).toEqual(['system', 'user', 'user']);
});

describe('aiSdk()', () => {
  const inputSchema = z.object({});
  const execute = () => 'ok';

  it.each<[string, unknown, string]>([
    ['no options', undefined, 'expected an object of options'],
    ['no model', {}, 'expected model to be a model of the AI SDK, got undefined'],
    ['an unknown option', { model, temprature: 1 }, 'unknown option "temprature". Known options: model'],
    [
      'instructions that are neither',
      { model, instructions: 7 },
      'expected instructions to be a text or a function',
    ],
    ['no steps', { model, maxSteps: 0 }, 'expected maxSteps to be a whole number from 1 on, got 0'],
    ['output that is no schema', { model, output: {} }, 'expected output to be a Standard Schema'],
    [
      'output that no model can be told of',
      { model, output: z.object({ on: z.date() }) },
      'output cannot be described to a model: Date cannot be represented in JSON Schema',
    ],
    [
      'a tool that no model can be told of',
      { model, tools: { count: tool({ inputSchema: z.object({ n: z.bigint() }), execute }) } },
      'the inputSchema of tool "count" cannot be described to a model: BigInt',
    ],
    [
      'a tool that nobody runs',
      { model, tools: { ask: tool({ inputSchema }) } },
      'tool "ask" has no execute function',
    ],
    [
      'a tool with the name of that for members',
      { model, tools: { [DELEGATE_TOOL]: tool({ inputSchema, execute }) } },
      `the tool name "${DELEGATE_TOOL}" is taken`,
    ],
  ])('refuses %s, at start-up', (_, options, problem) => {
    const build = (): unknown => aiSdk(options as AiSdkOptions);
    expect(build).toThrow(AgentOsConfigurationError);
    expect(build).toThrow(problem);
  });

  it('warns of a schema that the model does not receive, and of no other schema', () => {
    const warn = jest.spyOn(Logger.prototype, 'warn').mockImplementation(() => undefined);
    aiSdk({ model, output: z.object({}) });
    aiSdk({ model, output: valibot.object({}) });
    expect(warn.mock.calls).toEqual([[expect.stringContaining('toStandardJsonSchema()')]]);
  });

  it.each<[LanguageModel, object]>([
    [model, { id: 'mock-1', provider: 'mock' }],
    ['openai/gpt-5-mini', { id: 'openai/gpt-5-mini', provider: 'openai' }],
    ['my-alias', { id: 'my-alias', provider: 'gateway' }],
  ])('returns the identity of its model', (given, identity) => {
    expect(aiSdk({ model: given }).model).toEqual(identity);
  });
});

it('The main entry of the package does not load the AI SDK', () => {
  const loaded = new Set<string>();
  const load = (file: string): void => {
    if (loaded.has(file)) return;
    loaded.add(file);
    for (const [, specifier = ''] of readFileSync(file, 'utf8').matchAll(/ from '([^']+)'/g)) {
      if (specifier.startsWith('.')) load(join(dirname(file), specifier).replace(/\.js$/, '.ts'));
      else loaded.add(specifier);
    }
  };
  load(join(import.meta.dirname, '../../../src/index.ts'));
  expect(loaded).toContain('@nestjs/common');
  expect([...loaded].filter((name) => /(^|\/)ai(-sdk)?($|\/)/.test(name))).toEqual([]);
});

it('The error of runContextOf() names the places where it can be used', () => {
  expect(() => runContextOf({})).toThrow('expects the second argument of the execute function of a tool');
});

function requestOf(messages: EngineRequest['messages']): EngineRequest {
  const context = { runId: 'run', sessionId: 'session', metadata: {}, dependencies: {}, sessionState: {} };
  return { input: 'Hi', messages, files: [], context, signal: new AbortController().signal };
}

describe('A model as a judge', () => {
  it('returns the verdict that it writes', async () => {
    const store = new InMemoryEvalStore();
    const judge = modelThat('{"score": 3, "reason": "Rude."}', { unified: 'stop', raw: 'stop' });
    const postHooks = [agentAsJudge({ model: judge, criteria: 'The answer is polite.', store })];

    await new Agent({ id: 'judged', engine: () => 'What do you want?', postHooks }).run('Hello');

    await expect(store.list()).resolves.toMatchObject([
      { score: 3, passed: false, reason: 'Rude.', output: 'What do you want?' },
    ]);
  });
});
