import { isRecord } from '../data/is-record.js';
import { toJsonValue } from '../data/to-json-value.js';
import type { RunErrorFields, RunEvent } from '../model/run-event.js';
import type { RunFile } from '../model/run-input.js';
import type { RunOutput, StepOutput } from '../model/run-output.js';
import type { RunSource } from '../model/run-source.js';
import { tokensOf } from '../model/run-usage.js';
import type { ToolExecution } from '../model/tool-execution.js';
import { urlOf } from './answers.js';
import { parseJson } from './json.values.js';
import type { UiMember, UiMessageChunk, UiMessageMetadata, UiStep } from './ui-messages.js';

type EventOf<T extends RunEvent['type']> = Extract<RunEvent, { readonly type: T }>;

/** A text part or a reasoning part that is being written. */
interface OpenPart {
  readonly type: 'text' | 'reasoning';
  readonly id: string;
}

/**
 * Turns the events of a run into the chunks of one message: the answer of the run as text, reasoning, tools, sources
 * and files; runs below it and steps as data.
 */
export class UiMessageChunks {
  #rootId: string | undefined;
  #open: OpenPart | undefined;
  #isInStep = false;
  /** A new request to the model has begun, and nothing of its answer has come. */
  #isStepDue = true;
  #parts = 0;
  /** The text of the answer so far. */
  #text = '';
  /** The calls whose inputs were sent. */
  readonly #calls = new Set<string>();
  /** The sources and files that were sent, by their ids. */
  readonly #sent = new Set<string>();

  /** The chunks for the next event of the run. */
  take(event: RunEvent): readonly UiMessageChunk[] {
    this.#rootId ??= event.runId;
    return event.runId === this.#rootId ? this.#takeOwn(event) : this.#takeBelow(event, this.#rootId);
  }

  /** The chunks of a stream that broke: only the server knows why. */
  breakOff(): readonly UiMessageChunk[] {
    return [...this.#close(), { type: 'error', errorText: 'Internal Server Error' }];
  }

  #takeOwn(event: RunEvent): readonly UiMessageChunk[] {
    switch (event.type) {
      case 'run-started': {
        const { runId, sessionId } = event;
        return [{ type: 'start', messageId: runId, messageMetadata: { runId, sessionId } }];
      }
      case 'model-request-started':
        this.#isStepDue = true;
        return [];
      case 'run-content':
        this.#text += event.content;
        return this.#write('text', event.content);
      case 'run-reasoning':
        return this.#write('reasoning', event.content);
      case 'run-source':
        return this.#once(`source ${event.source.id}`, toSourceChunk(event.source));
      case 'run-file':
        return this.#once(`file ${event.file.id}`, toFileChunk(event.file));
      case 'tool-call-started':
        return this.#call(event.tool);
      case 'tool-call-completed':
        return this.#result(event.tool, { output: toOutput(event.tool.result ?? '') });
      case 'tool-call-failed':
        return this.#result(event.tool, { errorText: event.error });
      case 'step-started':
        return [toStepChunk({ ...stepOf(event), type: 'step', status: 'running' })];
      case 'block-started':
        return [toStepChunk({ ...stepOf(event), type: event.block, status: 'running' })];
      case 'step-completed':
      case 'block-completed':
        return [toStepChunk({ ...stepOf(event), ...resultOf(event.output) })];
      case 'run-completed':
        return this.#complete(event.output);
      case 'run-cancelled':
        return [...this.#close(), { type: 'abort', reason: event.reason }];
      case 'run-error':
        return this.#fail(event);
      default:
        return [];
    }
  }

  /** A run below the root. That of a step is not shown: the step is. */
  #takeBelow(event: RunEvent, rootId: string): readonly UiMessageChunk[] {
    const { runId, parentRunId, component, step } = event;
    const isStep = step !== undefined && step.workflowRunId === parentRunId;
    if (isStep && parentRunId === rootId) return [];
    const { kind, id, name } = component;
    const member = {
      runId,
      ...(parentRunId === undefined ? {} : { parentRunId }),
      component: { kind, id, name },
    };
    switch (event.type) {
      case 'run-started':
        return [toMemberChunk({ ...member, status: 'running' })];
      case 'run-completed':
        return [toMemberChunk({ ...member, status: 'completed', content: event.output.content })];
      case 'run-cancelled':
        return [toMemberChunk({ ...member, status: 'cancelled' })];
      case 'run-error':
        return [toMemberChunk({ ...member, status: 'failed', error: event.content })];
      default:
        return [];
    }
  }

  #write(type: OpenPart['type'], delta: string): readonly UiMessageChunk[] {
    if (delta === '') return [];
    if (!this.#isStepDue && this.#open?.type === type) return [toDelta(this.#open, delta)];
    // The empty lines between two rounds of the model belong to the answer as a whole.
    const first = this.#parts > 0 ? delta.replace(/^\n+/, '') : delta;
    if (first === '') return [];
    const begun = this.#beginPart();
    const part: OpenPart = { type, id: String(++this.#parts) };
    this.#open = part;
    return [...begun, { type: `${type}-start`, id: part.id }, toDelta(part, first)];
  }

  #call(tool: ToolExecution): readonly UiMessageChunk[] {
    this.#calls.add(tool.id);
    const { id: toolCallId, name: toolName } = tool;
    const input = toJsonValue(tool.arguments);
    return [...this.#beginPart(), { type: 'tool-input-available', toolCallId, toolName, input }];
  }

  #result(
    tool: ToolExecution,
    result: { readonly output: unknown } | { readonly errorText: string },
  ): readonly UiMessageChunk[] {
    const { id: toolCallId } = tool;
    const called = this.#calls.has(toolCallId) ? [] : this.#call(tool);
    return 'errorText' in result
      ? [...called, { type: 'tool-output-error', toolCallId, errorText: result.errorText }]
      : [...called, { type: 'tool-output-available', toolCallId, output: result.output }];
  }

  #once(key: string, chunk: UiMessageChunk | undefined): readonly UiMessageChunk[] {
    if (!chunk || this.#sent.has(key)) return [];
    this.#sent.add(key);
    return [...this.#beginPart(), chunk];
  }

  /** Ends the part that is being written, and begins the step that is due. */
  #beginPart(): readonly UiMessageChunk[] {
    const ended = this.#endPart();
    if (!this.#isStepDue) return ended;
    const left: UiMessageChunk[] = this.#isInStep ? [{ type: 'finish-step' }] : [];
    this.#isStepDue = false;
    this.#isInStep = true;
    return [...ended, ...left, { type: 'start-step' }];
  }

  #endPart(): readonly UiMessageChunk[] {
    if (!this.#open) return [];
    const { type, id } = this.#open;
    this.#open = undefined;
    return [{ type: `${type}-end`, id }];
  }

  #close(): readonly UiMessageChunk[] {
    const ended = this.#endPart();
    if (!this.#isInStep) return ended;
    this.#isInStep = false;
    return [...ended, { type: 'finish-step' }];
  }

  #complete(output: RunOutput): readonly UiMessageChunk[] {
    const { finishReason = 'stop', duration } = output.metrics;
    const messageMetadata: UiMessageMetadata = {
      usage: tokensOf(output.metrics),
      ...(duration === undefined ? {} : { duration }),
    };
    return [
      ...this.#completeAnswer(output),
      ...this.#close(),
      { type: 'finish', finishReason, messageMetadata },
    ];
  }

  /** The parts of the answer that were not streamed: a hook has added them, say, or the text is that of the last step. */
  #completeAnswer(output: RunOutput): readonly UiMessageChunk[] {
    const { runId, content, data, sources = [], files = [] } = output;
    const isContinued = content.startsWith(this.#text);
    const isStructured = data !== undefined;
    const left = isContinued ? this.#write('text', content.slice(this.#text.length)) : [];
    const answer = { content, ...(isStructured ? { data: toJsonValue(data) } : {}) };
    return [
      ...left,
      ...sources.flatMap((source) => this.#once(`source ${source.id}`, toSourceChunk(source))),
      ...files.flatMap((file) => this.#once(`file ${file.id}`, toFileChunk(file))),
      ...(isContinued && !isStructured ? [] : [{ type: 'data-answer', id: runId, data: answer } as const]),
    ];
  }

  #fail({ content, errorType, errorId, additionalData }: RunErrorFields): readonly UiMessageChunk[] {
    const error = {
      type: errorType,
      ...(errorId === undefined ? {} : { id: errorId }),
      ...(additionalData === undefined ? {} : { data: toJsonValue(additionalData) }),
    };
    return [
      ...this.#close(),
      { type: 'message-metadata', messageMetadata: { error } },
      { type: 'error', errorText: content },
    ];
  }
}

function toDelta({ type, id }: OpenPart, delta: string): UiMessageChunk {
  return { type: `${type}-delta`, id, delta };
}

function toSourceChunk(source: RunSource): UiMessageChunk {
  const { id: sourceId, title, excerpt } = source;
  const cited = excerpt === undefined ? {} : { providerMetadata: { agentOs: { excerpt } } };
  if (source.kind === 'url')
    return {
      type: 'source-url',
      sourceId,
      url: source.url,
      ...(title === undefined ? {} : { title }),
      ...cited,
    };
  const { mediaType = 'text/plain', name } = source;
  return {
    type: 'source-document',
    sourceId,
    mediaType,
    title: source.title,
    ...(name === undefined ? {} : { filename: name }),
    ...cited,
  };
}

/** The media type of a file that does not state its own, by its kind. */
const ANY_TYPE = {
  image: 'image/*',
  audio: 'audio/*',
  video: 'video/*',
  file: 'application/octet-stream',
} as const;

/** @returns undefined for a file without content and URL, as sessions store them */
function toFileChunk(file: RunFile): UiMessageChunk | undefined {
  const { mediaType = ANY_TYPE[file.kind] } = file;
  const url = urlOf({ ...file, mediaType });
  return url === undefined ? undefined : { type: 'file', url, mediaType };
}

/** The result of a tool is a text; that of a tool which returned an object or a list is its JSON. */
function toOutput(result: string): unknown {
  if (!/^\s*[[{]/.test(result)) return result;
  const value = parseJson(result);
  return isRecord(value) || Array.isArray(value) ? value : result;
}

function stepOf({
  stepId,
  stepName,
  parentStepId,
}: EventOf<'step-started' | 'step-completed' | 'block-started' | 'block-completed'>): Pick<
  UiStep,
  'stepId' | 'parentStepId' | 'name'
> {
  return { stepId, ...(parentStepId === undefined ? {} : { parentStepId }), name: stepName };
}

function resultOf({
  type,
  content,
  success,
  error,
}: StepOutput): Pick<UiStep, 'type' | 'status' | 'content' | 'error'> {
  if (success) return { type, status: 'completed', content };
  return { type, status: 'failed', ...(error === undefined ? {} : { error }) };
}

function toStepChunk(step: UiStep): UiMessageChunk {
  return { type: 'data-step', id: step.stepId, data: step };
}

function toMemberChunk(member: UiMember): UiMessageChunk {
  return { type: 'data-member', id: member.runId, data: member };
}
