import { stepCountIs, streamText, type ToolSet } from 'ai';

import { Engine, type EngineEvent, type EngineRequest, type ToolDescription } from '../components/engine.js';
import type { ComponentIdentity } from '../model/component-identity.js';
import type { ModelIdentity } from '../model/run-output.js';
import {
  callSettingsOf,
  checkedOptionsOf,
  type AiSdkCallSettings,
  type AiSdkOptions,
  type CheckedOptions,
} from './ai-sdk.options.js';
import { checkAnswer } from './answer.end.js';
import { AnswerReader, type AnswerPart } from './answer.reader.js';
import { isLeading, Leadership } from './leadership.js';
import { toModelError } from './model.error.js';
import { identityOf } from './model.identity.js';
import { toModelMessages } from './model.messages.js';
import { ReportedCalls } from './reported.calls.js';
import { bindTools, contextSettings } from './run.tools.js';
import { outputSpecificationOf, parseAnswer, type OutputSpecification } from './structured.output.js';
import { describeTools } from './tool.descriptions.js';

/**
 * An engine on the AI SDK: any of its models, with tools and structured output. It also leads teams: then the model
 * gets a tool that delegates tasks to members.
 *
 * @throws AgentOsConfigurationError if an option is invalid
 *
 * @example
 * ```ts
 * const support = new Agent({
 *   id: 'support',
 *   engine: aiSdk({
 *     model: openai('gpt-5-mini'),
 *     instructions: 'You are a helpful support agent.',
 *     tools: { orderStatus },
 *   }),
 * });
 * ```
 */
export function aiSdk(options: AiSdkOptions): Engine {
  return new AiSdkEngine(options);
}

/** The context of one run inside the engine. */
interface EngineCall {
  readonly request: EngineRequest;
  /** Aborted when the run is cancelled or ended. */
  readonly signal: AbortSignal;
  readonly calls: ReportedCalls;
  /** Ends the run with an error. */
  readonly end: (error: unknown) => void;
}

class AiSdkEngine extends Engine {
  override readonly model: ModelIdentity;
  readonly #options: CheckedOptions;
  readonly #callSettings: AiSdkCallSettings;
  readonly #outputSpecification: OutputSpecification | undefined;

  constructor(options: AiSdkOptions) {
    super();
    const checked = checkedOptionsOf(options);
    this.#options = checked;
    this.#callSettings = callSettingsOf(checked);
    this.#outputSpecification = checked.output && outputSpecificationOf(checked.output);
    this.model = identityOf(checked.model);
  }

  override describeTools(members: readonly ComponentIdentity[]): Promise<readonly ToolDescription[]> {
    return describeTools(this.#options.tools ?? {}, members);
  }

  override async *stream(request: EngineRequest): AsyncGenerator<EngineEvent, void, void> {
    const own = new AbortController();
    const signal = AbortSignal.any([request.signal, own.signal]);
    try {
      yield* this.#answer({ request, signal, calls: new ReportedCalls(), end: (error) => own.abort(error) });
    } finally {
      // A reader that stops early must not leave a model call open.
      own.abort();
    }
  }

  async *#answer(call: EngineCall): AsyncGenerator<EngineEvent, void, void> {
    const { output, maxSteps, sendReasoning } = this.#options;
    const isStructured = output !== undefined;
    const leadership = isLeading(call.request) ? new Leadership(call.request, call.end) : undefined;
    const reader = new AnswerReader({
      model: this.model,
      isTextHeld: isStructured,
      isReasoningSent: sendReasoning,
    });
    for await (const part of this.#callModel(call, leadership)) {
      const event = reader.read(part);
      if (event) yield event;
      if (part.type === 'tool-call') call.calls.report(part.toolCallId);
    }
    if (leadership?.isRouted) return;
    checkAnswer(reader, { model: this.model, maxSteps, isStructured });
    if (!output) return;
    const { text, data } = await parseAnswer(reader.text, output);
    yield { type: 'text', text };
    yield { type: 'data', data };
  }

  async *#callModel(call: EngineCall, leadership: Leadership | undefined): AsyncGenerator<AnswerPart> {
    const { request, signal } = call;
    const { model, tools, maxSteps } = this.#options;
    const ownTools: ToolSet = { ...tools, ...leadership?.tools };
    const system = await this.#instruct(request);
    const { fullStream } = streamText({
      ...leadership?.settings,
      ...this.#callSettings,
      ...contextSettings(ownTools, request.context),
      model,
      ...(system ? { system } : {}),
      messages: toModelMessages(request.messages, request.files),
      // System messages of the session's own history.
      allowSystemInMessages: true,
      tools: bindTools(ownTools, { ...call, context: request.context }),
      ...(this.#outputSpecification ? { output: this.#outputSpecification } : {}),
      stopWhen: [stepCountIs(maxSteps), () => leadership?.isRouted === true],
      abortSignal: signal,
      onError: ignore,
    });
    try {
      for await (const part of fullStream) {
        if (part.type === 'error') throw part.error;
        if (part.type === 'abort') throw new DOMException('Aborted by a timeout.', 'TimeoutError');
        yield part;
      }
      signal.throwIfAborted();
    } catch (thrown) {
      signal.throwIfAborted();
      throw toModelError(thrown, this.model);
    }
  }

  async #instruct(request: EngineRequest): Promise<string | undefined> {
    const { instructions } = this.#options;
    return typeof instructions === 'function' ? instructions(request) : instructions;
  }
}

/** The stream reports the same errors. Without a handler the AI SDK prints them, with prompts and headers. */
function ignore(): void {
  // Nothing is lost.
}
