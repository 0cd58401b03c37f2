/**
 * Models of the AI SDK that answer at once. Objects and not `MockLanguageModelV3` of `ai/test`, since that keeps every call
 * that it gets.
 */
import { ReadableStream } from 'node:stream/web';

import { inTurns } from './answers.mjs';

const USAGE = {
  inputTokens: { total: 10, noCache: 10, cacheRead: 0, cacheWrite: 0 },
  outputTokens: { total: 20, text: 20, reasoning: 0 },
};

/** A model that answers with these pieces. */
export function answeringModel(pieces) {
  return modelOf(() => answerOf(pieces));
}

/** A model that first makes these tool calls, all at once, and answers when it has their results. */
export function leadingModel(toolCalls, pieces) {
  return modelOf(({ prompt }) => (prompt.at(-1).role === 'tool' ? answerOf(pieces) : callsOf(toolCalls)));
}

function modelOf(respond) {
  return {
    specificationVersion: 'v3',
    provider: 'bench',
    modelId: 'instant',
    supportedUrls: {},
    doGenerate: async (options) => {
      const { content, finishReason } = respond(options);
      return { content, finishReason, usage: USAGE, warnings: [] };
    },
    doStream: async (options) => ({ stream: ReadableStream.from(partsOf(respond(options))) }),
  };
}

function answerOf(pieces) {
  const content = [{ type: 'text', text: pieces.join('') }];
  return { content, pieces, finishReason: { unified: 'stop', raw: undefined } };
}

function callsOf(toolCalls) {
  const content = toolCalls.map(({ name, input }, index) => ({
    type: 'tool-call',
    toolCallId: `call-${index + 1}`,
    toolName: name,
    input: JSON.stringify(input),
  }));
  return { content, pieces: [], finishReason: { unified: 'tool-calls', raw: undefined } };
}

async function* partsOf({ content, pieces, finishReason }) {
  yield { type: 'stream-start', warnings: [] };
  if (pieces.length > 0) {
    yield { type: 'text-start', id: 'text' };
    for await (const delta of inTurns(pieces)) yield { type: 'text-delta', id: 'text', delta };
    yield { type: 'text-end', id: 'text' };
  } else for (const call of content) yield call;
  yield { type: 'finish', finishReason, usage: USAGE };
}
