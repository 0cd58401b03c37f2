import type { LanguageModelUsage, TextStreamPart, ToolSet } from 'ai';

import type { EngineEvent, EngineUsage } from '../components/engine.js';
import type { PlainRecord } from '../model/run-context.js';
import type { ModelIdentity } from '../model/run-output.js';
import type { FinishReason } from '../model/run-usage.js';
import { readEnd, type RequestEnd } from './answer.end.js';
import { toFile, toSource } from './answer.parts.js';
import { TOOL_FAILED, ToolError } from './tool.error.js';

/** A part of the AI SDK's stream. */
export type AnswerPart = TextStreamPart<ToolSet>;

type ToolCallPart = Extract<AnswerPart, { type: 'tool-call' }>;

/** Separates the model's text before a round of tool calls from the text after it. */
const STEP_SEPARATOR = '\n\n';

/** The options of {@link AnswerReader}. */
interface AnswerReaderOptions {
  /** The model that answers. */
  readonly model: ModelIdentity;
  /** Text is not emitted as events, because it must be checked first. */
  readonly isTextHeld: boolean;
  /** The model's reasoning is emitted as events. */
  readonly isReasoningSent: boolean;
}

/** Converts the AI SDK's stream into events of a run. */
export class AnswerReader {
  #text = '';
  #isAwaitingTools = false;
  #hasEnded = false;
  #finishReason: FinishReason | undefined;
  #isSeparatorDue = false;
  readonly #model: ModelIdentity;
  readonly #isTextHeld: boolean;
  readonly #isReasoningSent: boolean;

  constructor({ model, isTextHeld, isReasoningSent }: AnswerReaderOptions) {
    this.#model = model;
    this.#isTextHeld = isTextHeld;
    this.#isReasoningSent = isReasoningSent;
  }

  /** The text of the model since the last round of tool calls. */
  get text(): string {
    return this.#text;
  }

  /** The model waits for the results of its tool calls. */
  get isAwaitingTools(): boolean {
    return this.#isAwaitingTools;
  }

  /** The last request has ended with a finish reason. */
  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  /** Why the answer to the last request is incomplete. */
  get finishReason(): FinishReason | undefined {
    return this.#finishReason;
  }

  /** @throws Error if a tool needs approval (not supported), ProviderError if a request ended abnormally */
  read(part: AnswerPart): EngineEvent | undefined {
    switch (part.type) {
      case 'start-step':
        return this.#startStep();
      case 'text-delta':
        return this.#takeText(part.text);
      case 'reasoning-delta':
        return this.#takeReasoning(part.text);
      case 'source':
        return { type: 'source', source: toSource(part) };
      case 'file':
        return { type: 'file', file: toFile(part) };
      case 'tool-call':
        return this.#takeToolCall(part);
      case 'tool-result':
        // The last value that a tool yields is reported again as its result.
        if (part.preliminary) return undefined;
        return { type: 'tool-result', id: part.toolCallId, result: toText(part.output) };
      case 'tool-error':
        return { type: 'tool-result', id: part.toolCallId, result: toPublicText(part.error), failed: true };
      case 'tool-approval-request':
        throw new Error(
          `Tool "${part.toolCall.toolName}" needs an approval, but a run cannot wait for approvals.`,
        );
      case 'finish-step':
        return { type: 'model-request-completed', ...toUsage(part.usage), ...this.#takeEnd(part) };
      default:
        // Runs have no events for progress.
        return undefined;
    }
  }

  #startStep(): EngineEvent {
    this.#isSeparatorDue ||= this.#text !== '';
    this.#text = '';
    this.#isAwaitingTools = false;
    this.#hasEnded = false;
    return { type: 'model-request-started' };
  }

  #takeEnd(end: RequestEnd): { finishReason?: FinishReason } {
    // Some servers give no finish reason after tool calls.
    const isUnnamed = end.finishReason === 'other' && end.rawFinishReason === undefined;
    this.#finishReason = isUnnamed && this.#isAwaitingTools ? undefined : readEnd(end, this.#model);
    this.#hasEnded = true;
    return this.#finishReason === undefined ? {} : { finishReason: this.#finishReason };
  }

  #takeToolCall({ toolCallId: id, toolName: name, ...call }: ToolCallPart): EngineEvent {
    this.#isAwaitingTools ||= call.providerExecuted !== true;
    return { type: 'tool-call', id, name, arguments: toArguments(call.input) };
  }

  #takeReasoning(piece: string): EngineEvent | undefined {
    return piece === '' || !this.#isReasoningSent ? undefined : { type: 'reasoning', text: piece };
  }

  #takeText(piece: string): EngineEvent | undefined {
    if (piece === '') return undefined;
    this.#text += piece;
    if (this.#isTextHeld) return undefined;
    const separator = this.#isSeparatorDue ? STEP_SEPARATOR : '';
    this.#isSeparatorDue = false;
    return { type: 'text', text: separator + piece };
  }
}

/** Arguments as plain data: a schema may have transformed the model's input into any value. */
function toArguments(input: unknown): PlainRecord {
  const copy: unknown = JSON.parse(
    JSON.stringify(input ?? {}, (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value)),
  );
  return typeof copy === 'object' && copy !== null && !Array.isArray(copy)
    ? (copy as PlainRecord)
    : { input: copy };
}

function toText(output: unknown): string {
  return typeof output === 'string' ? output : (JSON.stringify(output) ?? '');
}

/** Besides tools, the AI SDK itself reports errors: for unknown tools and invalid arguments. */
function toPublicText(error: unknown): string {
  return error instanceof ToolError ? error.message : TOOL_FAILED;
}

function toUsage(usage: LanguageModelUsage): EngineUsage {
  const { inputTokens, outputTokens, totalTokens, inputTokenDetails, outputTokenDetails } = usage;
  return {
    inputTokens,
    outputTokens,
    totalTokens,
    reasoningTokens: outputTokenDetails.reasoningTokens,
    cacheReadTokens: inputTokenDetails.cacheReadTokens,
    cacheWriteTokens: inputTokenDetails.cacheWriteTokens,
  };
}
