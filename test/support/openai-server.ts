import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';

import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import type { LanguageModel } from 'ai';

/** What the provider sends in with every request here, and what nobody else must ever see. */
export const API_KEY = 'sk-test-0123456789';
export const MODEL = 'scripted-1';

/** A request, as the provider saw it. */
export interface ModelRequest {
  readonly headers: IncomingHttpHeaders;
  readonly body: {
    readonly messages: readonly Record<string, unknown>[];
    readonly tools?: readonly { readonly function: Record<string, unknown> }[];
    readonly stream?: boolean;
    readonly [setting: string]: unknown;
  };
  /** Once the connection is through with the answer: whether it was sent whole. */
  readonly closed: Promise<boolean>;
}

/** Answers one request. */
export type ScriptStep = (response: ServerResponse, request: ModelRequest) => void | Promise<void>;

/** Tokens, as the protocol counts them. */
export interface ScriptedUsage {
  readonly input: number;
  readonly output: number;
  readonly cached?: number;
  readonly reasoning?: number;
}

const DEFAULT_USAGE: ScriptedUsage = { input: 10, output: 5 };

/**
 * A provider that speaks the OpenAI chat-completions protocol over HTTP, from a script: each request takes the next
 * step. It notes requests that are not in the script, and steps that were never asked for; {@link closeOpenAiServers}
 * fails the test for both.
 */
export class OpenAiServer {
  readonly requests: ModelRequest[] = [];
  readonly #steps: ScriptStep[];
  readonly #problems: string[] = [];
  readonly #server = createServer((request, response) => void this.#take(request, response));

  private constructor(steps: readonly ScriptStep[]) {
    this.#steps = [...steps];
  }

  static async start(...steps: readonly ScriptStep[]): Promise<OpenAiServer> {
    const server = new OpenAiServer(steps);
    await once(server.#server.listen(0, '127.0.0.1'), 'listening');
    running.push(server);
    return server;
  }

  /** A model of this server, through the real provider package. */
  get model(): LanguageModel {
    const { port } = this.#server.address() as AddressInfo;
    return createOpenAICompatible({
      name: 'scripted',
      baseURL: `http://127.0.0.1:${port}/v1`,
      apiKey: API_KEY,
      includeUsage: true,
      supportsStructuredOutputs: true,
    })(MODEL);
  }

  /** The messages of a request: all of them, or those of the one with this index. */
  messages(index: number): unknown[] {
    return (this.requests[index]?.body.messages ?? []).map(({ role, content }) => [role, content]);
  }

  async close(): Promise<string[]> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
    if (this.#steps.length > 0) this.#problems.push(`${this.#steps.length} steps were not asked for`);
    return this.#problems;
  }

  async #take(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const closed = new Promise<boolean>((resolve) => {
      response.once('close', () => resolve(response.writableFinished));
    });
    // A caller that has left is an error to whoever still writes.
    response.on('error', () => undefined);
    const request = {
      headers: incoming.headers,
      body: (await json(incoming)) as ModelRequest['body'],
      closed,
    };
    this.requests.push(request);
    const called = `${incoming.method} ${incoming.url}`;
    const step = called === 'POST /v1/chat/completions' ? this.#steps.shift() : undefined;
    if (step) return step(response, request);
    this.#problems.push(`${called} was not expected: ${JSON.stringify(request.body.messages)}`);
    response.writeHead(404).end();
  }
}

const running: OpenAiServer[] = [];

/** Ends every server that the test has started, and fails if one saw another conversation than its script. */
export async function closeOpenAiServers(): Promise<void> {
  const problems = await Promise.all(running.splice(0).map((server) => server.close()));
  if (problems.flat().length > 0) throw new Error(problems.flat().join('\n'));
}

/** Answers with text, a piece at a time; a promise among the pieces holds up the ones after it. */
export function says(...pieces: readonly (string | Promise<void>)[]): ScriptStep {
  return answers(pieces, {});
}

/** Answers with text, for this many tokens. */
export function saysFor(usage: ScriptedUsage, ...pieces: readonly string[]): ScriptStep {
  return answers(pieces, { usage });
}

/** Answers with text, and is stopped for this reason. */
export function saysUntil(finishReason: string, ...pieces: readonly string[]): ScriptStep {
  return answers(pieces, { finishReason });
}

/** A call of a tool; arguments that are text are sent as they are. */
export interface ScriptedCall {
  /** Default: one that no other call has. */
  readonly id?: string;
  readonly name: string;
  readonly arguments: object | string;
}

/** Says something, if anything, and calls tools; the arguments arrive in two pieces. */
export function calls(toolCalls: readonly ScriptedCall[], ...pieces: readonly string[]): ScriptStep {
  return answers(pieces, { toolCalls, finishReason: 'tool_calls' });
}

/** Refuses the request. */
export function refuses(
  status: number,
  message: string,
  headers: Readonly<Record<string, string>> = {},
): ScriptStep {
  return (response) => {
    response.writeHead(status, { 'content-type': 'application/json', ...headers });
    response.end(JSON.stringify({ error: { message, type: 'scripted', code: null, param: null } }));
  };
}

/** Cuts the connection in the middle of an answer. */
export function breaksOff(...pieces: readonly string[]): ScriptStep {
  return async (response) => {
    beginStream(response);
    for (const content of pieces) await writeChunk(response, { delta: { content } });
    response.destroy();
  };
}

/** Ends the stream properly, but in the middle of an answer. */
export function endsEarly(...pieces: readonly string[]): ScriptStep {
  return async (response) => {
    beginStream(response);
    for (const content of pieces) await writeChunk(response, { delta: { content } });
    response.end();
  };
}

/** Sends something else than the protocol's chunks. */
export function streamsRaw(text: string): ScriptStep {
  return (response) => {
    beginStream(response);
    response.end(text);
  };
}

interface Answer {
  readonly toolCalls?: readonly ScriptedCall[];
  readonly finishReason?: string;
  readonly usage?: ScriptedUsage;
}

let callsMade = 0;

function answers(pieces: readonly (string | Promise<void>)[], answer: Answer): ScriptStep {
  const toolCalls = (answer.toolCalls ?? []).map(({ id, name, arguments: given }) => ({
    id: id ?? `call-${++callsMade}`,
    type: 'function',
    function: { name, arguments: typeof given === 'string' ? given : JSON.stringify(given) },
  }));
  const { finishReason = 'stop', usage = DEFAULT_USAGE } = answer;
  return async (response, { body }) => {
    if (body.stream !== true) {
      const content = pieces.filter((piece) => typeof piece === 'string').join('');
      const message = {
        role: 'assistant',
        content,
        ...(toolCalls.length > 0 ? { tool_calls: toolCalls } : {}),
      };
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify(envelope({ message, finish_reason: finishReason }, usage)));
      return;
    }
    beginStream(response);
    for (const piece of pieces) {
      if (typeof piece === 'string') await writeChunk(response, { delta: { content: piece } });
      else await piece;
    }
    for (const [index, { id, type, function: called }] of toolCalls.entries()) {
      const half = Math.ceil(called.arguments.length / 2);
      const begin = { index, id, type, function: { ...called, arguments: called.arguments.slice(0, half) } };
      await writeChunk(response, { delta: { tool_calls: [begin] } });
      const rest = { index, function: { arguments: called.arguments.slice(half) } };
      await writeChunk(response, { delta: { tool_calls: [rest] } });
    }
    await writeChunk(response, { delta: {}, finish_reason: finishReason });
    await writeData(response, envelope(undefined, usage));
    response.end('data: [DONE]\n\n');
  };
}

function beginStream(response: ServerResponse): void {
  response.writeHead(200, { 'content-type': 'text/event-stream' });
}

function writeChunk(response: ServerResponse, choice: object): Promise<void> {
  return writeData(response, envelope(choice));
}

/** Resolves when the piece is out, so that pieces are not sent as one. */
function writeData(response: ServerResponse, data: object): Promise<void> {
  return new Promise((resolve) => response.write(`data: ${JSON.stringify(data)}\n\n`, () => resolve()));
}

function envelope(choice: object | undefined, usage?: ScriptedUsage): object {
  return {
    id: 'scripted',
    object: 'chat.completion.chunk',
    created: 0,
    model: MODEL,
    choices: choice ? [{ index: 0, finish_reason: null, ...choice }] : [],
    ...(usage
      ? {
          usage: {
            prompt_tokens: usage.input,
            completion_tokens: usage.output,
            total_tokens: usage.input + usage.output,
            prompt_tokens_details: { cached_tokens: usage.cached ?? 0 },
            completion_tokens_details: { reasoning_tokens: usage.reasoning ?? 0 },
          },
        }
      : {}),
  };
}
